#include "agent/model/tool_schema.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

// Beyond these a number is no line, count or time that a tool could mean.
constexpr int64_t kSmallestNumber = -1'000'000, kLargestNumber = 1'000'000'000;
constexpr int kMaxItems = 64, kFewItems = 2;
constexpr int kMaxDepth = 16;

bool says_type(const json& schema, const char* type) {
  const auto found = schema.find("type");
  if (found == schema.end()) return false;
  if (found->is_string()) return *found == type;
  return found->is_array() && std::find(found->begin(), found->end(), type) != found->end();
}

void bound_string(json& schema, const SchemaBounds& bounds) {
  if (bounds.plain_characters == 0) return;
  for (const char* key : {"enum", "const", "pattern", "format"})
    if (schema.contains(key)) return;
  size_t most = bounds.plain_characters;
  if (const auto own = schema.find("maxLength"); own != schema.end() && own->is_number_unsigned())
    most = std::min(most, own->get<size_t>());
  size_t least = 0;
  if (const auto own = schema.find("minLength"); own != schema.end() && own->is_number_unsigned())
    least = own->get<size_t>();
  if (least > most) return;
  schema.erase("maxLength");
  schema.erase("minLength");
  schema["pattern"] =
      "^[A-Za-z0-9_./:,= -]{" + std::to_string(least) + "," + std::to_string(most) + "}$";
}

void bound(json& schema, const SchemaBounds& bounds, int depth) {
  if (!schema.is_object() || depth > kMaxDepth) return;
  if (says_type(schema, "string")) bound_string(schema, bounds);
  if (says_type(schema, "integer") || says_type(schema, "number")) {
    if (!schema.contains("minimum") && !schema.contains("exclusiveMinimum"))
      schema["minimum"] = kSmallestNumber;
    if (!schema.contains("maximum") && !schema.contains("exclusiveMaximum"))
      schema["maximum"] = kLargestNumber;
  }
  if (says_type(schema, "array")) {
    const int most = bounds.plain_characters > 0 ? kFewItems : kMaxItems;
    if (!schema.contains("maxItems") && !schema.contains("prefixItems")) {
      const auto least = schema.find("minItems");
      if (least == schema.end() || (least->is_number_integer() && least->get<int64_t>() <= most))
        schema["maxItems"] = most;
    }
  }
  if (const auto inner = schema.find("properties"); inner != schema.end() && inner->is_object())
    for (auto& [name, value] : inner->items()) bound(value, bounds, depth + 1);
  for (const char* key : {"items", "additionalProperties"})
    if (const auto inner = schema.find(key); inner != schema.end())
      bound(*inner, bounds, depth + 1);
  for (const char* key : {"anyOf", "oneOf", "allOf", "prefixItems"})
    if (const auto inner = schema.find(key); inner != schema.end() && inner->is_array())
      for (json& value : *inner) bound(value, bounds, depth + 1);
  for (const char* key : {"$defs", "definitions"})
    if (const auto inner = schema.find(key); inner != schema.end() && inner->is_object())
      for (auto& [name, value] : inner->items()) bound(value, bounds, depth + 1);
}

}  // namespace

std::string bounded_schema(const std::string& schema, const SchemaBounds& bounds) {
  json value = json::parse(schema, nullptr, false);
  if (!value.is_object()) return schema;
  bound(value, bounds, 0);
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string signature_line(const ToolDescription& tool, size_t max_bytes) {
  const json schema = json::parse(tool.parameters_json, nullptr, false);
  std::string parameters;
  if (schema.is_object() && schema.contains("properties") && schema["properties"].is_object()) {
    const json required = schema.value("required", json::array());
    for (const auto& [name, value] : schema["properties"].items()) {
      const bool optional = !required.is_array() ||
                            std::find(required.begin(), required.end(), name) == required.end();
      parameters += (parameters.empty() ? "" : ", ") + name + (optional ? "?" : "");
    }
  }
  std::string line = tool.name + "(" + parameters + ")";
  if (max_bytes > 0 && !tool.description.empty()) {
    size_t end = std::min(tool.description.size(), max_bytes);
    while (end > 0 && end < tool.description.size() &&
           (static_cast<unsigned char>(tool.description[end]) & 0xC0) == 0x80)
      --end;
    line += ": " + tool.description.substr(0, end);
  }
  return line;
}

bool is_json_object(const std::string& text) {
  return json::parse(text, nullptr, false).is_object();
}

}  // namespace engramd::agent
