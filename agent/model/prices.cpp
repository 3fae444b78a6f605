#include "agent/model/prices.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/text.h"

namespace engramd::agent {

Result<std::optional<Prices>> parse_prices(std::string_view text) {
  if (trim(text).empty()) return std::optional<Prices>();
  std::vector<double> numbers;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view item = trim(text.substr(begin, end - begin));
    double value = -1;
    const auto [stop, error] = std::from_chars(item.data(), item.data() + item.size(), value);
    if (error != std::errc() || stop != item.data() + item.size() || !(value >= 0 && value < 1e9)) {
      numbers.clear();
      break;
    }
    numbers.push_back(value);
    begin = end + 1;
  }
  if (numbers.size() == 2) numbers.insert(numbers.begin() + 1, numbers.front());
  if (numbers.size() != 3)
    return fail(ErrorCode::invalid_input,
                "prices are \"" + std::string(text) +
                    "\", expected INPUT,CACHED,OUTPUT of a million tokens, as in 3,0.3,15");
  return std::optional<Prices>(Prices{numbers[0], numbers[1], numbers[2]});
}

double cost_of(const Usage& usage, const Prices& prices) {
  const int64_t cached = std::clamp<int64_t>(usage.cached_tokens, 0, usage.prompt_tokens);
  return 1e-6 * (prices.input * static_cast<double>(usage.prompt_tokens - cached) +
                 prices.cached * static_cast<double>(cached) +
                 prices.output * static_cast<double>(usage.completion_tokens));
}

}  // namespace engramd::agent
