#include <vector>

#include "money.h"

Money total(const std::vector<Money>& items) {
  Money sum;
  for (const Money& price : items) sum = sum.plus(price);
  return rounded(sum);
}
