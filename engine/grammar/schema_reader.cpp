#include "engine/grammar/schema_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/grammar/number_range.h"
#include "engine/grammar/schema_merge.h"

namespace engramd::engine::grammar {
namespace {

using Json = nlohmann::ordered_json;

// Restrictions that are not supported, whatever they say.
constexpr const char* kUnsupported[] = {"not",
                                        "if",
                                        "then",
                                        "else",
                                        "patternProperties",
                                        "propertyNames",
                                        "contains",
                                        "dependentRequired",
                                        "dependentSchemas",
                                        "dependencies",
                                        "$dynamicRef",
                                        "$recursiveRef",
                                        "minContains",
                                        "maxContains"};

// What else than type may stand beside enum and const: nothing that narrows them further.
constexpr const char* kNarrowsValues[] = {"minLength", "maxLength", "pattern", "minimum",
                                          "maximum",   "minItems",  "maxItems"};

struct TypeOfKeyword {
  const char* keyword;
  const char* type;
};
// A schema without a type that says something of one type only means that type.
constexpr TypeOfKeyword kTypes[] = {{"properties", "object"},
                                    {"required", "object"},
                                    {"additionalProperties", "object"},
                                    {"minProperties", "object"},
                                    {"maxProperties", "object"},
                                    {"items", "array"},
                                    {"prefixItems", "array"},
                                    {"minItems", "array"},
                                    {"maxItems", "array"},
                                    {"uniqueItems", "array"},
                                    {"minLength", "string"},
                                    {"maxLength", "string"},
                                    {"pattern", "string"},
                                    {"minimum", "number"},
                                    {"maximum", "number"},
                                    {"exclusiveMinimum", "number"},
                                    {"exclusiveMaximum", "number"},
                                    {"multipleOf", "number"}};

const char* type_of(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "boolean";
  if (value.is_null()) return "null";
  if (value.is_number_integer()) return "integer";
  if (value.is_number()) return "number";
  return value.is_array() ? "array" : "object";
}

tl::unexpected<Error> unsupported(const std::string& what) {
  return fail(ErrorCode::unsupported, "the schema has " + what + ", which is not supported");
}

Status check_keywords(const Json& schema) {
  for (const char* keyword : kUnsupported)
    if (schema.contains(keyword)) return unsupported(keyword);
  const auto says = [&](const char* keyword, const Json& value) {
    return schema.contains(keyword) && schema[keyword] == value;
  };
  if (says("uniqueItems", true) && !says("maxItems", 1) && !says("maxItems", 0))
    return unsupported("uniqueItems");
  if (schema.contains("multipleOf") && schema["multipleOf"] != 1) return unsupported("multipleOf");
  if (schema.contains("additionalItems") && schema.contains("items") && schema["items"].is_array())
    return unsupported("additionalItems");
  return {};
}

}  // namespace

Result<uint32_t> count_of(const Json& schema, const char* keyword, uint32_t otherwise) {
  const auto found = schema.find(keyword);
  if (found == schema.end()) return otherwise;
  const bool whole =
      found->is_number() && found->get<double>() >= 0 &&
      found->get<double>() ==
          static_cast<double>(static_cast<uint64_t>(std::min(found->get<double>(), 1e15)));
  if (!whole)
    return fail(ErrorCode::invalid_input,
                std::string("the schema has a ") + keyword + " that is not a count");
  // What no text reaches is no bound.
  return static_cast<uint32_t>(std::min(found->get<double>(), 1e9));
}

std::string_view pattern_of_format(std::string_view format) {
#define DATE                                                                               \
  "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]" \
  "[0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
#define TIME                                                                                   \
  "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):" \
  "[0-5][0-9])"
#define BYTE "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
  // RFC 3339 (without leap seconds and February the 29th), RFC 4122, RFC 2673, and the plain
  // addresses of RFC 5321.
  static constexpr std::pair<std::string_view, std::string_view> kFormats[] = {
      {"date", "^" DATE "$"},
      {"time", "^" TIME "$"},
      {"date-time", "^" DATE "T" TIME "$"},
      {"uuid", "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
      {"ipv4", "^" BYTE "(?:\\." BYTE "){3}$"},
      {"email",
       "^[A-Za-z0-9_+-]{1,32}(?:\\.[A-Za-z0-9_+-]{1,16}){0,2}@(?:[a-z0-9](?:[a-z0-9-]{0,30}"
       "[a-z0-9])?\\.){1,3}[a-z]{2,12}$"}};
#undef DATE
#undef TIME
#undef BYTE
  for (const auto& [name, pattern] : kFormats)
    if (name == format) return pattern;
  return {};
}

SchemaReader::SchemaReader(JsonText& json, const Json& root)
    : json_(json), rules_(json.rules()), root_(root), merge_budget_(kMergeBudget) {}

Result<Expr> SchemaReader::value(const Json& schema, Take take, size_t depth) {
  if (depth > kMaxSchemaDepth)
    return fail(ErrorCode::unsupported,
                "the schema nests deeper than " + std::to_string(kMaxSchemaDepth));
  if (++n_looked_at_ > kMaxSchemas || rules_.too_large())
    return fail(ErrorCode::exhausted,
                "the schema comes to more than " + std::to_string(kMaxSchemas) + " schemas");
  if (schema.is_boolean() && !schema.get<bool>()) return rules_.never();
  if (!schema.is_boolean() && !schema.is_object())
    return fail(ErrorCode::invalid_input, "a schema is not an object or a boolean");
  if (schema.is_object()) {
    ENGRAMD_CHECK(check_keywords(schema));
    if (schema.contains("$ref")) return reference(schema, take, depth);
    if (schema.contains("allOf")) {
      ENGRAMD_TRY(const Json merged, merge_schemas(root_, schema, Json(true), merge_budget_));
      return value(merged, take, depth + 1);
    }
    if (schema.contains("anyOf")) return choices(schema, "anyOf", take, depth);
    if (schema.contains("oneOf")) return choices(schema, "oneOf", take, depth);
    return restricted(schema, take, depth);
  }
  return restricted(Json::object(), take, depth);
}

Result<Expr> SchemaReader::reference(const Json& schema, Take take, size_t depth) {
  if (!schema["$ref"].is_string())
    return fail(ErrorCode::invalid_input, "the schema has a $ref that is not a string");
  for (const auto& [keyword, none] : schema.items()) {
    if (keyword == "$ref" || !is_restriction(keyword)) continue;
    ENGRAMD_TRY(const Json merged, merge_schemas(root_, schema, Json(true), merge_budget_));
    return value(merged, take, depth + 1);
  }
  const auto name = schema["$ref"].get<std::string>();
  const auto known = references_.find({name, take});
  if (known != references_.end()) return rules_.reference(known->second);
  ENGRAMD_TRY(const Json* target, resolve_reference(root_, name));
  const Rule rule = rules_.declare(name);
  references_[{name, take}] = rule;
  ENGRAMD_TRY(const Expr body, value(*target, take, depth + 1));
  rules_.define(rule, body);
  return rules_.reference(rule);
}

Result<Expr> SchemaReader::choices(const Json& schema, const char* keyword, Take take,
                                   size_t depth) {
  const Json& list = schema[keyword];
  if (!list.is_array() || list.empty())
    return fail(ErrorCode::invalid_input,
                std::string("the schema has ") + keyword + " without a list");
  Json rest = schema;
  rest.erase(keyword);
  const bool narrows = std::any_of(rest.items().begin(), rest.items().end(),
                                   [](const auto& item) { return is_restriction(item.key()); });
  std::vector<Expr> found;
  for (const Json& choice : list) {
    if (narrows) {
      ENGRAMD_TRY(const Json merged, merge_schemas(root_, rest, choice, merge_budget_));
      ENGRAMD_TRY(const Expr expr, value(merged, take, depth + 1));
      found.push_back(expr);
    } else {
      ENGRAMD_TRY(const Expr expr, value(choice, take, depth + 1));
      found.push_back(expr);
    }
  }
  return rules_.any_of(found);
}

Result<Expr> SchemaReader::restricted(const Json& schema, Take take, size_t depth) {
  for (const char* keyword : {"const", "enum"})
    if (schema.contains(keyword)) {
      const Json& said = schema[keyword];
      if (keyword == std::string_view("const")) return listed(schema, Json::array({said}), take);
      if (!said.is_array())
        return fail(ErrorCode::invalid_input, "the schema has an enum that is not a list");
      return listed(schema, said, take);
    }
  std::vector<std::string> types;
  if (schema.contains("type")) {
    const Json& said = schema["type"];
    for (const Json& type : said.is_array() ? said : Json::array({said})) {
      if (!type.is_string())
        return fail(ErrorCode::invalid_input, "the schema has a type that is not a name");
      types.push_back(type.get<std::string>());
    }
  } else {
    for (const auto& [keyword, type] : kTypes)
      if (schema.contains(keyword) && std::ranges::find(types, type) == types.end())
        types.emplace_back(type);
    if (types.empty()) {
      if (take == Take::all) return json_.any_value();
      types = {"string", "boolean", "null", "number", "array", "object"};
    }
  }
  if (schema.contains("nullable") && schema["nullable"] == true) types.emplace_back("null");
  std::vector<Expr> found;
  for (const std::string& type : types) {
    if (take != Take::all && (type == "string") != (take == Take::strings)) continue;
    ENGRAMD_TRY(const Expr expr, of_type(schema, type, take, depth));
    found.push_back(expr);
  }
  return rules_.any_of(found);
}

Result<Expr> SchemaReader::listed(const Json& schema, const Json& values, Take take) {
  for (const char* keyword : kNarrowsValues)
    if (schema.contains(keyword)) return unsupported(std::string(keyword) + " beside enum");
  Json types = schema.value("type", Json());
  if (!types.is_null() && !types.is_array()) types = Json::array({types});
  std::vector<std::string> texts;
  std::vector<Expr> found;
  for (const Json& value : values) {
    const std::string type = type_of(value);
    const auto names = [&](const char* name) {
      return types.is_null() || std::find(types.begin(), types.end(), name) != types.end();
    };
    if (!names(type.c_str()) && !(type == "integer" && names("number"))) continue;
    if (take == Take::strings) {
      if (!value.is_string()) continue;
      ENGRAMD_TRY(const Expr expr, tag_text(value.get<std::string>()));
      found.push_back(expr);
    } else if (take == Take::all || !value.is_string()) {
      texts.push_back(value.dump());
    }
  }
  found.push_back(rules_.one_of(std::move(texts)));
  return rules_.any_of(found);
}

Result<Expr> SchemaReader::of_type(const Json& schema, const std::string& type, Take take,
                                   size_t depth) {
  if (type == "null") return rules_.literal("null");
  if (type == "boolean") return rules_.any_of({rules_.literal("true"), rules_.literal("false")});
  if (type == "string") return take == Take::strings ? tag_string(schema) : string(schema);
  if (type == "integer") return number(schema, true);
  if (type == "number") return number(schema, false);
  if (type == "array") return array(schema, depth);
  if (type == "object") return object(schema, depth);
  return fail(ErrorCode::invalid_input, "the schema has a type " + type);
}

Result<Expr> SchemaReader::number(const Json& schema, bool whole) {
  NumberBounds bounds;
  // Draft 4 has a boolean that says how `minimum` is meant.
  const auto read = [&](const char* keyword, const char* exclusive, bool is_low) -> Status {
    for (const char* name : {keyword, exclusive}) {
      if (!schema.contains(name) || schema[name].is_boolean()) continue;
      if (!schema[name].is_number())
        return fail(ErrorCode::invalid_input,
                    std::string("the schema has a ") + name + " that is not a number");
      const double number = schema[name].get<double>();
      double limited = std::clamp(number, -2e18, 2e18);
      bool out =
          name == exclusive || (schema.contains(exclusive) && schema[exclusive] == Json(true));
      if (limited != std::trunc(limited)) {
        if (!whole) return unsupported(std::string("a ") + name + " with a fraction");
        limited = is_low ? std::ceil(limited) : std::floor(limited);
        out = false;
      }
      // Beyond 2^53 the integer itself is exact, its double is not.
      const int64_t bound = schema[name].is_number_integer() && std::abs(number) < 2e18
                                ? schema[name].get<int64_t>()
                                : static_cast<int64_t>(limited);
      auto& value = is_low ? bounds.low : bounds.high;
      bool& is_out = is_low ? bounds.above_low : bounds.below_high;
      const bool tighter = !value || (is_low ? bound > *value : bound < *value);
      is_out = tighter ? out : is_out || (bound == *value && out);
      if (tighter) value = bound;
    }
    return {};
  };
  ENGRAMD_CHECK(read("minimum", "exclusiveMinimum", true));
  ENGRAMD_CHECK(read("maximum", "exclusiveMaximum", false));
  whole = whole || schema.contains("multipleOf");  // of 1
  return whole ? whole_numbers(rules_, bounds) : numbers(rules_, bounds);
}

}  // namespace engramd::engine::grammar
