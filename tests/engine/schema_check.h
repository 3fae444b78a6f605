// tests/engine/schema_check.h - whether a JSON value satisfies a schema, written plainly from the
// specification and without the engine's code. Any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace engramd::test {

inline size_t n_characters(const std::string& text) {
  size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

inline bool has_type(const nlohmann::json& value, const std::string& type) {
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  return type == "array" ? value.is_array() : type == "object" && value.is_object();
}

inline bool satisfies(const nlohmann::json& value, const nlohmann::json& schema,
                      const nlohmann::json& root) {
  using Json = nlohmann::json;
  if (schema.is_boolean()) return schema.get<bool>();
  const auto all = [&](const Json& list, bool any) {
    for (const Json& part : list)
      if (satisfies(value, part, root) == any) return any;
    return !any;
  };
  if (schema.contains("$ref") &&
      !satisfies(value, root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))),
                 root))
    return false;
  if (schema.contains("allOf") && !all(schema["allOf"], false)) return false;
  if (schema.contains("anyOf") && !all(schema["anyOf"], true)) return false;
  if (schema.contains("const") && value != schema["const"]) return false;
  if (schema.contains("enum") &&
      std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
    return false;
  if (schema.contains("type")) {
    bool one = false;
    const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    for (const Json& type : types) one = one || has_type(value, type);
    if (!one) return false;
  }
  const auto limit = [&](const char* keyword, double otherwise) {
    return schema.contains(keyword) ? schema[keyword].get<double>() : otherwise;
  };
  if (value.is_number()) {
    const auto number = value.get<double>();
    if (number < limit("minimum", -1e300) || number > limit("maximum", 1e300)) return false;
    if (number <= limit("exclusiveMinimum", -1e300)) return false;
    if (number >= limit("exclusiveMaximum", 1e300)) return false;
  }
  if (value.is_string()) {
    const auto n = static_cast<double>(n_characters(value.get<std::string>()));
    if (n < limit("minLength", 0) || n > limit("maxLength", 1e300)) return false;
  }
  if (value.is_array()) {
    const auto n = static_cast<double>(value.size());
    if (n < limit("minItems", 0) || n > limit("maxItems", 1e300)) return false;
    const Json first = schema.value("prefixItems", Json::array());
    const Json items = schema.value("items", Json(true));
    for (size_t i = 0; i < value.size(); ++i)
      if (!satisfies(value[i], i < first.size() ? first[i] : items, root)) return false;
  }
  if (value.is_object()) {
    for (const Json& name : schema.value("required", Json::array()))
      if (!value.contains(name.get<std::string>())) return false;
    const Json properties = schema.value("properties", Json::object());
    const Json others = schema.value("additionalProperties", Json(true));
    for (const auto& [name, member] : value.items())
      if (!satisfies(member, properties.contains(name) ? properties[name] : others, root))
        return false;
  }
  return true;
}

}  // namespace engramd::test
