#include "engine/grammar/schema_merge.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace engramd::engine::grammar {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxBytes = 4u << 20;
constexpr size_t kMaxTextDepth = 256;
constexpr size_t kMaxMergeDepth = 48;

constexpr std::string_view kRestrictions[] = {"$ref",
                                              "$dynamicRef",
                                              "$recursiveRef",
                                              "type",
                                              "enum",
                                              "const",
                                              "allOf",
                                              "anyOf",
                                              "oneOf",
                                              "not",
                                              "if",
                                              "then",
                                              "else",
                                              "properties",
                                              "required",
                                              "additionalProperties",
                                              "patternProperties",
                                              "propertyNames",
                                              "minProperties",
                                              "maxProperties",
                                              "dependentRequired",
                                              "dependentSchemas",
                                              "dependencies",
                                              "unevaluatedProperties",
                                              "items",
                                              "prefixItems",
                                              "additionalItems",
                                              "minItems",
                                              "maxItems",
                                              "uniqueItems",
                                              "contains",
                                              "minContains",
                                              "maxContains",
                                              "unevaluatedItems",
                                              "minLength",
                                              "maxLength",
                                              "pattern",
                                              "format",
                                              "minimum",
                                              "maximum",
                                              "exclusiveMinimum",
                                              "exclusiveMaximum",
                                              "multipleOf",
                                              "nullable"};

// Whether brackets nest deeper than the bound; the parser itself has none.
bool too_deep(std::string_view text) {
  size_t depth = 0;
  bool in_string = false, escaped = false;
  for (const char c : text) {
    if (in_string) {
      in_string = escaped || c != '"';
      escaped = c == '\\' && !escaped;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxTextDepth) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

Json as_list(const Json& value) {
  return value.is_array() ? value : Json::array({value});
}

bool contains(const Json& list, const Json& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

Json common_types(const Json& a, const Json& b) {
  Json out = Json::array();
  const Json first = as_list(a), second = as_list(b);
  for (const Json& type : first) {
    if (contains(second, type) || (type == "integer" && contains(second, "number")))
      out.push_back(type);
    else if (type == "number" && contains(second, "integer"))
      out.push_back("integer");
  }
  return out;
}

class Merger {
 public:
  Merger(const Json& root, size_t& budget) : root_(root), budget_(budget) {}

  Result<Json> merge(const Json& first, const Json& second, size_t depth) {
    if (depth > kMaxMergeDepth)
      return fail(ErrorCode::unsupported,
                  "the schema's allOf goes deeper than " + std::to_string(kMaxMergeDepth));
    const size_t cost = n_values(first) + n_values(second);
    if (cost > budget_)
      return fail(ErrorCode::exhausted, "the schema's parts are merged into too much");
    budget_ -= cost;
    ENGRAMD_TRY(Json a, opened(first, depth));
    ENGRAMD_TRY(const Json b, opened(second, depth));
    if (a.is_boolean()) return a.get<bool>() ? b : a;
    if (b.is_boolean()) return b.get<bool>() ? a : b;
    ENGRAMD_TRY(bool possible, merge_properties(a, b, depth));
    for (const auto& [keyword, value] : b.items()) {
      if (!possible) break;
      if (keyword == "properties" || keyword == "additionalProperties") continue;
      if (!a.contains(keyword)) {
        a[keyword] = value;
        continue;
      }
      if (!is_restriction(keyword) || a[keyword] == value) continue;
      ENGRAMD_TRY(possible, merge_keyword(a, keyword, value, depth));
    }
    return possible ? a : Json(false);
  }

 private:
  // References followed and allOf made one.
  Result<Json> opened(Json schema, size_t depth) {
    for (size_t n = 0; schema.is_object(); ++n) {
      if (n > kMaxMergeDepth)
        return fail(ErrorCode::invalid_input, "the schema's $ref goes round in a circle");
      if (schema.contains("$ref")) {
        if (!schema["$ref"].is_string())
          return fail(ErrorCode::invalid_input, "the schema has a $ref that is not a string");
        ENGRAMD_TRY(const Json* target,
                    resolve_reference(root_, schema["$ref"].get<std::string>()));
        schema.erase("$ref");
        ENGRAMD_TRY(schema, merge_if_needed(*target, schema, depth));
      } else if (schema.contains("allOf")) {
        const Json parts = schema["allOf"];
        if (!parts.is_array())
          return fail(ErrorCode::invalid_input, "the schema has an allOf that is not a list");
        schema.erase("allOf");
        for (const Json& part : parts) {
          ENGRAMD_TRY(schema, merge_if_needed(schema, part, depth));
        }
      } else {
        break;
      }
    }
    if (!schema.is_object() && !schema.is_boolean())
      return fail(ErrorCode::invalid_input, "a schema is not an object or a boolean");
    return schema;
  }

  Result<Json> merge_if_needed(const Json& a, const Json& b, size_t depth) {
    const auto says_nothing = [](const Json& schema) {
      return schema.is_object() &&
             std::none_of(schema.items().begin(), schema.items().end(),
                          [](const auto& item) { return is_restriction(item.key()); });
    };
    if (says_nothing(b)) return a;
    if (says_nothing(a)) return b;
    return merge(a, b, depth + 1);
  }

  static Json additional(const Json& schema) {
    const auto found = schema.find("additionalProperties");
    return found == schema.end() ? Json(true) : *found;
  }

  // Members of one only must satisfy what the other says of additional ones. False: nothing can.
  Result<bool> merge_properties(Json& a, const Json& b, size_t depth) {
    if (!b.contains("properties") && !b.contains("additionalProperties")) return true;
    const Json none = Json::object();
    const Json ours = a.value("properties", none), theirs = b.value("properties", none);
    if (!ours.is_object() || !theirs.is_object())
      return fail(ErrorCode::invalid_input, "the schema has properties that are not an object");
    const Json our_rest = additional(a), their_rest = additional(b);
    Json merged = none;
    for (const auto& [name, property] : ours.items()) {
      ENGRAMD_TRY(
          merged[name],
          merge_if_needed(property, theirs.contains(name) ? theirs[name] : their_rest, depth));
    }
    for (const auto& [name, property] : theirs.items()) {
      if (ours.contains(name)) continue;
      ENGRAMD_TRY(merged[name], merge_if_needed(property, our_rest, depth));
    }
    if (a.contains("properties") || b.contains("properties")) a["properties"] = merged;
    if (a.contains("additionalProperties") || b.contains("additionalProperties")) {
      ENGRAMD_TRY(a["additionalProperties"], merge_if_needed(our_rest, their_rest, depth));
    }
    return true;
  }

  // False: nothing satisfies both.
  Result<bool> merge_keyword(Json& a, const std::string& keyword, const Json& value, size_t depth) {
    Json& ours = a[keyword];
    const bool both_numbers = ours.is_number() && value.is_number();
    if (keyword == "type") {
      ours = common_types(ours, value);
      return !ours.empty();
    }
    if (keyword == "required" && ours.is_array() && value.is_array()) {
      for (const Json& name : value)
        if (!contains(ours, name)) ours.push_back(name);
      return true;
    }
    if (keyword == "enum" && ours.is_array() && value.is_array()) {
      Json both = Json::array();
      for (const Json& choice : ours)
        if (contains(value, choice)) both.push_back(choice);
      ours = both;
      return !ours.empty();
    }
    if (keyword == "const") return false;
    if ((keyword.starts_with("min") || keyword == "exclusiveMinimum") && both_numbers) {
      if (value > ours) ours = value;
      return true;
    }
    if ((keyword.starts_with("max") || keyword == "exclusiveMaximum") && both_numbers) {
      if (value < ours) ours = value;
      return true;
    }
    if (keyword == "items" && !a.contains("prefixItems")) {
      ENGRAMD_TRY(ours, merge_if_needed(ours, value, depth));
      return true;
    }
    if (keyword == "uniqueItems" || keyword == "nullable") {
      if (keyword == "uniqueItems" ? value == true : value == false) ours = value;
      return true;
    }
    return fail(ErrorCode::unsupported, "the schema has two different " + keyword +
                                            " for one value, which is not supported");
  }

  static size_t n_values(const Json& json) {
    size_t n = 1;
    for (const Json& inner : json)
      if (json.is_structured()) n += n_values(inner);
    return n;
  }

  const Json& root_;
  size_t& budget_;
};

}  // namespace

bool is_restriction(std::string_view keyword) {
  return std::ranges::find(kRestrictions, keyword) != std::end(kRestrictions);
}

Result<Json> parse_schema(std::string_view text) {
  if (text.size() > kMaxBytes)
    return fail(ErrorCode::invalid_input, "the schema has " + std::to_string(text.size()) +
                                              " bytes, at most " + std::to_string(kMaxBytes));
  if (too_deep(text))
    return fail(ErrorCode::invalid_input,
                "the schema nests deeper than " + std::to_string(kMaxTextDepth));
  Json schema = Json::parse(text, nullptr, false);
  if (schema.is_discarded()) return fail(ErrorCode::invalid_input, "the schema is not JSON");
  if (!schema.is_object() && !schema.is_boolean())
    return fail(ErrorCode::invalid_input, "a schema is not an object or a boolean");
  return schema;
}

Result<const Json*> resolve_reference(const Json& root, const std::string& reference) {
  const auto unknown = [&](const char* what) {
    return fail(ErrorCode::unsupported,
                "the schema refers to " + reference + ", which " + std::string(what));
  };
  if (!reference.starts_with('#')) return unknown("is outside of it");
  if (reference.size() > 1 && reference[1] != '/') return unknown("is an anchor");
  const Json* at = &root;
  for (size_t i = 1; i < reference.size();) {
    const size_t end = std::min(reference.find('/', i + 1), reference.size());
    std::string name;
    for (size_t k = i + 1; k < end; ++k) {
      if (reference[k] == '~' && k + 1 < end) {
        name += reference[++k] == '1' ? '/' : '~';
      } else if (reference[k] == '%' && k + 2 < end) {
        name += static_cast<char>(std::strtol(reference.substr(k + 1, 2).c_str(), nullptr, 16));
        k += 2;
      } else {
        name += reference[k];
      }
    }
    if (at->is_object() && at->contains(name)) {
      at = &(*at)[name];
    } else if (at->is_array() && !name.empty() && name.size() < 8 &&
               name.find_first_not_of("0123456789") == std::string::npos &&
               std::stoul(name) < at->size()) {
      at = &(*at)[std::stoul(name)];
    } else {
      return unknown("it does not have");
    }
    i = end;
  }
  return at;
}

Result<Json> merge_schemas(const Json& root, const Json& a, const Json& b, size_t& budget) {
  return Merger(root, budget).merge(a, b, 0);
}

}  // namespace engramd::engine::grammar
