// engine/grammar/number_range.h - JSON numbers between bounds, digit by digit. Pure: any thread.
#pragma once

#include <optional>

#include "engine/grammar/rules.h"

namespace engramd::engine::grammar {

struct NumberBounds {
  std::optional<int64_t> low, high;
  bool above_low = false, below_high = false;  // the bound itself is out
};
// No whole number beyond it is written: what every reader keeps exactly.
inline constexpr int64_t kMaxWhole = 999'999'999'999'999'999;

// Whole numbers, without fraction, exponent or -0.
Expr whole_numbers(Rules& rules, const NumberBounds& bounds);
// Any number. Between bounds it has no exponent; without, at most a two-digit one.
Expr numbers(Rules& rules, const NumberBounds& bounds);

}  // namespace engramd::engine::grammar
