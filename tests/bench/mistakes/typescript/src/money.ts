export interface Money {
  cents: number;
}

export function plus(a: Money, b: Money): Money {
  return { cents: a.cents + b.cents };
}

export function rounded(money: Money, step = 1): Money {
  return { cents: Math.round(money.cents / step) * step };
}
