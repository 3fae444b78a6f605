// Arrays and objects of a schema, and the schema as a whole.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/grammar/schema_merge.h"
#include "engine/grammar/schema_reader.h"

namespace engramd::engine::grammar {
namespace {

using Json = nlohmann::ordered_json;

tl::unexpected<Error> unsupported(const std::string& what) {
  return fail(ErrorCode::unsupported, "the schema has " + what + ", which is not supported");
}

struct Property {
  std::string name;
  Json schema;
  bool required = false;
};

// Listed ones, then those that are only required.
Result<std::vector<Property>> properties_of(const Json& schema) {
  std::vector<Property> out;
  std::set<std::string> required;
  if (schema.contains("required")) {
    // Draft 3 has a boolean there, which says something of the parent.
    if (!schema["required"].is_array())
      return fail(ErrorCode::invalid_input, "the schema has a required that is not a list");
    for (const Json& name : schema["required"]) {
      if (!name.is_string())
        return fail(ErrorCode::invalid_input, "the schema requires what is not a name");
      required.insert(name.get<std::string>());
    }
  }
  if (schema.contains("properties")) {
    if (!schema["properties"].is_object())
      return fail(ErrorCode::invalid_input, "the schema has properties that are not an object");
    for (const auto& [name, property] : schema["properties"].items())
      out.push_back({name, property, required.erase(name) > 0});
  }
  for (const std::string& name : required)
    out.push_back({name, schema.value("additionalProperties", Json(true)), true});
  return out;
}

}  // namespace

Result<Expr> SchemaReader::array(const Json& schema, size_t depth) {
  ENGRAMD_TRY(const uint32_t min, count_of(schema, "minItems", 0));
  ENGRAMD_TRY(const uint32_t max, count_of(schema, "maxItems", kUnlimited));
  // Before 2020-12 the first ones are a list in `items`.
  const bool old_list = schema.contains("items") && schema["items"].is_array();
  Json first = schema.value(old_list ? "items" : "prefixItems", Json::array());
  const bool has_items = schema.contains("items") && !old_list;
  if (!first.is_array())
    return fail(ErrorCode::invalid_input, "the schema has prefixItems that are not a list");
  ENGRAMD_TRY(const Expr item,
              value(has_items ? schema["items"] : Json(true), Take::all, depth + 1));
  if (first.empty()) return rules_.named("array", json_.array_of(item, min, max));

  // From the back: what may follow when i of the first ones are there.
  const auto n_first = static_cast<uint32_t>(first.size());
  const bool more = has_items || min > n_first;
  Expr rest = rules_.empty();
  if (more && max > n_first)
    rest = rules_.repeat(rules_.sequence({json_.comma(), item}), min > n_first ? min - n_first : 0,
                         max == kUnlimited ? max : max - n_first);
  else if (min > n_first)
    rest = rules_.never();
  for (uint32_t i = n_first; i-- > 0;) {
    ENGRAMD_TRY(const Expr one, value(first[i], Take::all, depth + 1));
    const Expr with = i >= max
                          ? rules_.never()
                          : rules_.sequence({i == 0 ? rules_.empty() : json_.comma(), one, rest});
    rest = rules_.named("items", i >= min ? rules_.optional(with) : with);
  }
  return rules_.named("array", json_.in_brackets('[', rest, ']'));
}

Result<Expr> SchemaReader::object(const Json& schema, size_t depth) {
  ENGRAMD_TRY(const std::vector<Property> properties, properties_of(schema));
  const bool says_more = schema.contains("additionalProperties");
  const Json additional = schema.value("additionalProperties", Json(properties.empty()));
  const bool has_more = !(additional.is_boolean() && !additional.get<bool>());
  if (schema.contains("unevaluatedProperties") && schema["unevaluatedProperties"] != Json(true) &&
      has_more && (says_more || schema["unevaluatedProperties"] != Json(false)))
    return unsupported("unevaluatedProperties");
  const bool closed =
      schema.contains("unevaluatedProperties") && schema["unevaluatedProperties"] == Json(false);
  const bool open = has_more && !closed;

  const auto n_required = static_cast<uint32_t>(
      std::ranges::count_if(properties, [](const Property& p) { return p.required; }));
  ENGRAMD_TRY(const uint32_t min, count_of(schema, "minProperties", 0));
  ENGRAMD_TRY(const uint32_t max, count_of(schema, "maxProperties", kUnlimited));
  if (properties.empty() && open && (min > 0 || max != kUnlimited)) {
    // Nothing listed: a count of pairs. Two may have one name, and then they count as one.
    return unsupported(min > 0 ? "minProperties" : "maxProperties");
  }
  if (min > n_required) return unsupported("minProperties");
  if (max < properties.size() || (open && max != kUnlimited)) return unsupported("maxProperties");

  // Two rules a property: what may follow when there was a member before, and when there was none.
  Expr pair = rules_.never(), after_some = rules_.empty(), after_none = rules_.empty();
  if (open) {
    std::vector<std::string> names;
    for (const Property& property : properties) names.push_back(property.name);
    ENGRAMD_TRY(const Expr other, value(additional, Take::all, depth + 1));
    Expr key = json_.string();
    if (!names.empty()) {
      ENGRAMD_TRY(key, json_.key_other_than(names));
    }
    pair = rules_.named("additional property", rules_.sequence({key, json_.colon(), other}));
    after_some = rules_.named("additional properties",
                              rules_.repeat(rules_.sequence({json_.comma(), pair}), 0, kUnlimited));
    after_none = rules_.optional(rules_.sequence({pair, after_some}));
  }
  for (size_t i = properties.size(); i-- > 0;) {
    const Property& property = properties[i];
    ENGRAMD_TRY(const Expr expr, value(property.schema, Take::all, depth + 1));
    const Expr member =
        rules_.sequence({json_.key(property.name), json_.colon(), expr, after_some});
    const Expr skipped_some = property.required ? rules_.never() : after_some;
    const Expr skipped_none = property.required ? rules_.never() : after_none;
    after_none = rules_.named("from " + property.name, rules_.any_of({member, skipped_none}));
    after_some =
        rules_.named("from " + property.name,
                     rules_.any_of({rules_.sequence({json_.comma(), member}), skipped_some}));
  }
  return rules_.named("object", json_.in_brackets('{', after_none, '}'));
}

// ---- the whole

class JsonSchema::Reader {
 public:
  Reader(JsonText& text, Json schema) : json(text), root(std::move(schema)), reader(text, root) {}
  JsonText& json;
  const Json root;
  SchemaReader reader;
};

JsonSchema::JsonSchema(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}
JsonSchema::~JsonSchema() = default;
JsonSchema::JsonSchema(JsonSchema&&) noexcept = default;

Result<JsonSchema> JsonSchema::parse(JsonText& json, std::string_view schema) {
  ENGRAMD_TRY(Json root, parse_schema(schema));
  return JsonSchema(std::make_unique<Reader>(json, std::move(root)));
}

Result<Expr> JsonSchema::value() {
  return reader_->reader.value(reader_->root, Take::all, 0);
}

Result<Expr> JsonSchema::object() {
  size_t budget = kMergeBudget;
  ENGRAMD_TRY(const Json schema,
              merge_schemas(reader_->root, reader_->root, Json{{"type", "object"}}, budget));
  return reader_->reader.value(schema, Take::all, 0);
}

Result<std::vector<TaggedParameter>> JsonSchema::parameters(std::string_view closing,
                                                            std::string_view forbidden,
                                                            StringRule rule) {
  size_t budget = kMergeBudget;
  ENGRAMD_TRY(const Json schema,
              merge_schemas(reader_->root, reader_->root, Json{{"type", "object"}}, budget));
  if (schema.is_boolean() || schema.contains("anyOf") || schema.contains("oneOf"))
    return unsupported("a choice between objects, in this dialect");
  ENGRAMD_TRY(const std::vector<Property> properties, properties_of(schema));
  std::vector<TaggedParameter> out;
  for (const Property& property : properties) {
    TaggedParameter parameter{property.name, property.required};
    // As the dialects' parsers decide, who see the property itself and no references.
    const Json type = property.schema.is_object() ? property.schema.value("type", Json()) : Json();
    const bool is_string = type == "string" || (type.is_null() && property.schema.is_object() &&
                                                property.schema.contains("enum"));
    const bool may_be_string =
        type.is_null() ||
        (type.is_array() && std::find(type.begin(), type.end(), "string") != type.end());
    const bool by_type = rule == StringRule::by_type;
    if (!by_type || is_string || may_be_string) {
      reader_->reader.set_tag_strings(
          {std::string(closing), std::string(forbidden), by_type && !is_string});
      ENGRAMD_TRY(parameter.string, reader_->reader.value(property.schema, Take::strings, 1));
    }
    if (!by_type || !is_string) {
      ENGRAMD_TRY(const Expr other, reader_->reader.value(property.schema, Take::others, 1));
      parameter.other =
          reader_->json.rules().sequence({other, reader_->json.rules().literal(closing)});
    }
    out.push_back(std::move(parameter));
  }
  return out;
}

}  // namespace engramd::engine::grammar
