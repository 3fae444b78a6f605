import { Money, plus, rounded } from "./money.js";

export class Cart {
  private items: Money[] = [];

  add(price: Money): void {
    this.items.push(price);
  }

  total(): Money {
    return rounded(this.items.reduce((sum, price) => plus(sum, price), { cents: 0 }));
  }
}
