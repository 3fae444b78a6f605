#pragma once

#include <cmath>

struct Money {
  double cents = 0;
  Money plus(const Money& other) const { return Money{cents + other.cents}; }
};

inline Money rounded(const Money& money) {
  return Money{std::round(money.cents)};
}
