from __future__ import annotations

from shop.money import Money, rounded


class Cart:
    def __init__(self) -> None:
        self.items: list[tuple[str, Money]] = []

    def add(self, name: str, price: Money) -> None:
        self.items.append((name, price))

    def total(self) -> Money:
        total = Money(0)
        for _, price in self.items:
            total = total.plus(price)
        return rounded(total)
