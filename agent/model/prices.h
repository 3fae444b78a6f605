// agent/model/prices.h - what a run costs, where somebody said what tokens cost. Pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "agent/model/chat_model.h"
#include "base/result.h"

namespace engramd::agent {

// Of a million tokens each, in whatever currency they are given.
struct Prices {
  double input = 0, cached = 0, output = 0;
};
// "INPUT,CACHED,OUTPUT" or "INPUT,OUTPUT" (cached costs as much as other input); nothing when
// empty.
Result<std::optional<Prices>> parse_prices(std::string_view text);
double cost_of(const Usage& usage, const Prices& prices);

}  // namespace engramd::agent
