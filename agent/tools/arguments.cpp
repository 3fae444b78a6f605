#include "agent/tools/arguments.h"

#include <nlohmann/json.hpp>

namespace engramd::agent {

Result<Arguments> Arguments::parse(const std::string& json_text) {
  const auto value = nlohmann::json::parse(json_text.empty() ? "{}" : json_text, nullptr, false);
  if (!value.is_object())
    return fail(ErrorCode::invalid_input,
                "the arguments are not a JSON object: " + json_text.substr(0, 200));
  Arguments arguments;
  for (const auto& [name, item] : value.items()) {
    if (item.is_string()) arguments.texts_[name] = item.get<std::string>();
    if (item.is_number_integer()) arguments.numbers_[name] = item.get<int64_t>();
  }
  return arguments;
}

Result<std::string> Arguments::text(const std::string& name) const {
  const auto found = texts_.find(name);
  if (found == texts_.end())
    return fail(ErrorCode::invalid_input, "the argument \"" + name + "\" (a string) is missing");
  return found->second;
}

std::string Arguments::text_or(const std::string& name, const std::string& fallback) const {
  const auto found = texts_.find(name);
  return found == texts_.end() ? fallback : found->second;
}

Result<int64_t> Arguments::number_or(const std::string& name, int64_t fallback) const {
  if (const auto found = numbers_.find(name); found != numbers_.end()) return found->second;
  if (texts_.contains(name))
    return fail(ErrorCode::invalid_input, "the argument \"" + name + "\" must be a whole number");
  return fallback;
}

}  // namespace engramd::agent
