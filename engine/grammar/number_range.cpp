#include "engine/grammar/number_range.h"

#include <algorithm>
#include <string>

namespace engramd::engine::grammar {
namespace {

constexpr uint32_t kMaxFraction = 16;

class Writer {
 public:
  explicit Writer(Rules& rules) : rules_(rules) {}

  Expr digit(char first = '0', char last = '9') {
    return rules_.bytes(ByteSet::range(static_cast<uint8_t>(first), static_cast<uint8_t>(last)));
  }
  Expr digits(size_t min, size_t max) {
    return rules_.repeat(digit(), static_cast<uint32_t>(min), static_cast<uint32_t>(max));
  }

  // low..high, neither negative.
  Expr between(int64_t low, int64_t high) {
    std::vector<Expr> choices;
    while (low <= high) {
      const std::string from = std::to_string(low);
      const std::string nines(from.size(), '9');
      const int64_t to = std::min<int64_t>(high, std::stoll(nines));
      choices.push_back(same_length(from, std::to_string(to)));
      low = to + 1;
    }
    return rules_.any_of(choices);
  }

  // Magnitudes low..high with a fraction or none; above, below: without the bound itself.
  Expr with_fraction(int64_t low, bool above, int64_t high, bool below) {
    if (low > high || (low == high && (above || below))) return rules_.never();
    const Expr point = rules_.literal(".");
    const Expr zeros =
        rules_.optional(rules_.sequence({point, rules_.repeat(rules_.literal("0"), 1, 3)}));
    const Expr fraction = rules_.sequence({point, digits(1, kMaxFraction)});
    const Expr not_zero = rules_.sequence({point, digits(0, kMaxFraction - 1), digit('1', '9')});
    const Expr at_low = rules_.literal(std::to_string(low));
    if (low == high) return rules_.sequence({at_low, zeros});
    std::vector<Expr> choices = {
        rules_.sequence({between(low + 1, high - 1), rules_.optional(fraction)}),
        rules_.sequence({at_low, above ? not_zero : rules_.optional(fraction)})};
    if (!below) choices.push_back(rules_.sequence({rules_.literal(std::to_string(high)), zeros}));
    return rules_.any_of(choices);
  }

 private:
  Expr same_length(std::string_view low, std::string_view high) {
    size_t shared = 0;
    while (shared < low.size() && low[shared] == high[shared]) ++shared;
    const Expr start = rules_.literal(low.substr(0, shared));
    if (shared == low.size()) return start;
    low.remove_prefix(shared);
    high.remove_prefix(shared);
    const size_t n_rest = low.size() - 1;
    std::vector<Expr> choices = {
        rules_.sequence({digit(low[0], low[0]), at_least(low.substr(1))}),
        rules_.sequence({digit(high[0], high[0]), at_most(high.substr(1))})};
    if (low[0] + 1 < high[0])
      choices.push_back(
          rules_.sequence({digit(static_cast<char>(low[0] + 1), static_cast<char>(high[0] - 1)),
                           digits(n_rest, n_rest)}));
    return rules_.sequence({start, rules_.any_of(choices)});
  }
  Expr at_least(std::string_view low) {
    if (low.empty()) return rules_.empty();
    std::vector<Expr> choices = {rules_.sequence({digit(low[0], low[0]), at_least(low.substr(1))})};
    if (low[0] < '9')
      choices.push_back(rules_.sequence(
          {digit(static_cast<char>(low[0] + 1), '9'), digits(low.size() - 1, low.size() - 1)}));
    return rules_.any_of(choices);
  }
  Expr at_most(std::string_view high) {
    if (high.empty()) return rules_.empty();
    std::vector<Expr> choices = {
        rules_.sequence({digit(high[0], high[0]), at_most(high.substr(1))})};
    if (high[0] > '0')
      choices.push_back(rules_.sequence(
          {digit('0', static_cast<char>(high[0] - 1)), digits(high.size() - 1, high.size() - 1)}));
    return rules_.any_of(choices);
  }

  Rules& rules_;
};

}  // namespace

Expr whole_numbers(Rules& rules, const NumberBounds& bounds) {
  int64_t low = std::clamp(bounds.low.value_or(-kMaxWhole), -kMaxWhole - 1, kMaxWhole + 1);
  int64_t high = std::clamp(bounds.high.value_or(kMaxWhole), -kMaxWhole - 1, kMaxWhole + 1);
  if (bounds.low && bounds.above_low) ++low;
  if (bounds.high && bounds.below_high) --high;
  low = std::max(low, -kMaxWhole);
  high = std::min(high, kMaxWhole);
  Writer writer(rules);
  std::vector<Expr> choices;
  if (high >= 0) choices.push_back(writer.between(std::max<int64_t>(low, 0), high));
  if (low < 0)
    choices.push_back(
        rules.sequence({rules.literal("-"), writer.between(std::max<int64_t>(-high, 1), -low)}));
  return rules.any_of(choices);
}

Expr numbers(Rules& rules, const NumberBounds& bounds) {
  Writer writer(rules);
  if (!bounds.low && !bounds.high) {
    ByteSet sign;
    sign.add('+');
    sign.add('-');
    ByteSet e;
    e.add('e');
    e.add('E');
    const Expr whole = rules.any_of(
        {rules.literal("0"), rules.sequence({writer.digit('1', '9'), writer.digits(0, 17)})});
    return rules.sequence(
        {rules.optional(rules.literal("-")), whole,
         rules.optional(rules.sequence({rules.literal("."), writer.digits(1, kMaxFraction)})),
         rules.optional(rules.sequence(
             {rules.bytes(e), rules.optional(rules.bytes(sign)), writer.digits(1, 2)}))});
  }
  const int64_t low = std::clamp(bounds.low.value_or(-kMaxWhole), -kMaxWhole, kMaxWhole);
  const int64_t high = std::clamp(bounds.high.value_or(kMaxWhole), -kMaxWhole, kMaxWhole);
  if ((bounds.low && *bounds.low > kMaxWhole) || (bounds.high && *bounds.high < -kMaxWhole))
    return rules.never();
  std::vector<Expr> choices;
  if (high >= 0)
    choices.push_back(writer.with_fraction(std::max<int64_t>(low, 0), low >= 0 && bounds.above_low,
                                           high, bounds.below_high));
  if (low < 0) {
    const int64_t from = std::max<int64_t>(-high, 0);
    choices.push_back(rules.sequence(
        {rules.literal("-"),
         writer.with_fraction(from, high <= 0 && bounds.below_high, -low, bounds.above_low)}));
  }
  return rules.any_of(choices);
}

}  // namespace engramd::engine::grammar
