from __future__ import annotations

import math


class Money:
    def __init__(self, cents: float) -> None:
        self.cents = cents

    def plus(self, other: Money) -> Money:
        return Money(self.cents + other.cents)


def rounded(money: Money, step: int = 1) -> Money:
    return Money(math.floor(money.cents / step + 0.5) * step)
