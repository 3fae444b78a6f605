#include "daemon/http/field_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace engramd::daemon::http {
namespace {

using nlohmann::json;

size_t nesting(std::string_view text) {
  size_t depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

std::string short_text(double value) {
  const json number = std::floor(value) == value ? json(int64_t(value)) : json(value);
  return number.dump();
}

}  // namespace

tl::expected<json, ApiError> parse_body(std::string_view body) {
  if (nesting(body) > kMaxDepth)
    return tl::unexpected(ApiError{
        400, "the body is nested deeper than " + std::to_string(kMaxDepth) + " levels", "", "", 0});
  json value = json::parse(body, nullptr, false);
  if (!value.is_object())
    return tl::unexpected(ApiError{400, "the body is not a JSON object in UTF-8", "", "", 0});
  return value;
}

FieldReader::FieldReader(const json& object, std::string prefix)
    : object_(object), prefix_(std::move(prefix)) {}

const json* FieldReader::find(const char* name) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

double FieldReader::number(const char* name, double fallback, double low, double high) {
  const json* value = find(name);
  if (value == nullptr) return fallback;
  const double number = value->is_number() ? value->get<double>() : NAN;
  if (number >= low && number <= high) return number;
  complain(name, "expected a number from " + short_text(low) + " to " + short_text(high) +
                     ", found " + value->dump().substr(0, 40));
  return fallback;
}

int64_t FieldReader::integer(const char* name, int64_t fallback, int64_t low, int64_t high) {
  const json* value = find(name);
  if (value == nullptr) return fallback;
  const bool fits = value->is_number_integer() &&
                    !(value->is_number_unsigned() && value->get<uint64_t>() > uint64_t(INT64_MAX));
  if (fits && value->get<int64_t>() >= low && value->get<int64_t>() <= high)
    return value->get<int64_t>();
  complain(name, "expected a whole number from " + std::to_string(low) + " to " +
                     std::to_string(high) + ", found " + value->dump().substr(0, 40));
  return fallback;
}

bool FieldReader::boolean(const char* name, bool fallback) {
  const json* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  complain(name, "expected true or false, found " + value->dump().substr(0, 40));
  return fallback;
}

std::string FieldReader::text(const char* name, std::string fallback) {
  const json* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_string()) return value->get<std::string>();
  complain(name, "expected a string, found " + value->dump().substr(0, 40));
  return fallback;
}

void FieldReader::complain(const std::string& field, const std::string& message, int status) {
  const std::string path = prefix_ + field;
  complain(ApiError{status, path + ": " + message, path, "", 0});
}

void FieldReader::complain(ApiError error) {
  if (!problem_) problem_ = std::move(error);
}

}  // namespace engramd::daemon::http
