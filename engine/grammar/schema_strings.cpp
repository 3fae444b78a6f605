// Strings of a schema: in JSON, and as they are between tags.
#include <nlohmann/json.hpp>

#include "engine/grammar/regex.h"
#include "engine/grammar/schema_reader.h"

namespace engramd::engine::grammar {
namespace {

using Json = nlohmann::ordered_json;

tl::unexpected<Error> unsupported(const std::string& what) {
  return fail(ErrorCode::unsupported, "the schema has " + what + ", which is not supported");
}

struct StringLimits {
  std::string pattern;
  bool from_format = false;
  uint32_t min = 0, max = kUnlimited;
  bool has_lengths() const { return min > 0 || max != kUnlimited; }
};

Result<StringLimits> limits_of(const Json& schema) {
  StringLimits limits;
  ENGRAMD_TRY(limits.min, count_of(schema, "minLength", 0));
  ENGRAMD_TRY(limits.max, count_of(schema, "maxLength", kUnlimited));
  if (schema.contains("pattern")) {
    if (!schema["pattern"].is_string())
      return fail(ErrorCode::invalid_input, "the schema has a pattern that is not a string");
    limits.pattern = schema["pattern"].get<std::string>();
  } else if (schema.contains("format") && schema["format"].is_string()) {
    limits.pattern = pattern_of_format(schema["format"].get<std::string>());
    limits.from_format = !limits.pattern.empty();
  }
  // A format's texts have their own lengths.
  if (!limits.pattern.empty() && !limits.from_format && limits.has_lengths())
    return unsupported("minLength or maxLength beside pattern");
  if (limits.from_format && limits.has_lengths()) {
    limits.pattern.clear();
    return unsupported("minLength or maxLength beside format " +
                       schema["format"].get<std::string>());
  }
  return limits;
}

// What the first character of a JSON text can be, or of white space before it.
Characters starts_of_json() {
  return {{'\t', '\n'}, {'\r', '\r'}, {' ', ' '}, {'"', '"'}, {'-', '-'}, {'0', '9'}, {'[', '['},
          {'{', '{'},   {'t', 't'},   {'f', 'f'}, {'n', 'n'}, {'T', 'T'}, {'F', 'F'}, {'N', 'N'}};
}

bool reads_as_json(std::string_view text) {
  return text == "True" || text == "False" || text == "None" || Json::accept(text);
}

}  // namespace

Result<Expr> SchemaReader::string(const Json& schema) {
  ENGRAMD_TRY(const StringLimits limits, limits_of(schema));
  const Expr quote = rules_.literal("\"");
  if (!limits.pattern.empty()) {
    ENGRAMD_TRY(const Expr text, regex(rules_, limits.pattern, Spelling::json));
    return rules_.named("string of a pattern", rules_.sequence({quote, text, quote}));
  }
  if (!limits.has_lengths()) return json_.string();
  return rules_.named(
      "string of a length",
      rules_.sequence(
          {quote, rules_.repeat(json_character(rules_), limits.min, limits.max), quote}));
}

// Its closing tag is behind it. A value does not hold its own closing tag; where characters are
// counted or follow a pattern, it holds no '<' at all.
Result<Expr> SchemaReader::tag_string(const Json& schema) {
  ENGRAMD_TRY(const StringLimits limits, limits_of(schema));
  const Expr closing = rules_.literal(tag_.closing);
  if (!limits.pattern.empty()) {
    if (tag_.not_json && !limits.from_format)
      return unsupported("a pattern for what may be something else than a string");
    ENGRAMD_TRY(const Expr text, regex(rules_, limits.pattern, Spelling::tag));
    return rules_.named("text of a pattern", rules_.sequence({text, closing}));
  }
  Characters first = Characters::text();
  if (tag_.not_json) first.remove(starts_of_json());
  if (limits.has_lengths()) {
    const Expr one = one_character(rules_, Characters::text(), Spelling::tag);
    Expr text = rules_.repeat(one, limits.min, limits.max);
    if (tag_.not_json) {
      if (limits.max == 0) return rules_.never();
      text =
          rules_.sequence({one_character(rules_, first, Spelling::tag),
                           rules_.repeat(one, limits.min == 0 ? 0 : limits.min - 1,
                                         limits.max == kUnlimited ? kUnlimited : limits.max - 1)});
    }
    return rules_.named("text of a length", rules_.sequence({text, closing}));
  }
  std::vector<Ending> endings = {{tag_.closing, rules_.empty()}};
  if (!tag_.forbidden.empty()) endings.push_back({tag_.forbidden, rules_.never()});
  ENGRAMD_TRY(const Expr rest, text_until(rules_, endings, rules_.never(), Characters::text()));
  if (!tag_.not_json) return rest;
  return rules_.sequence({one_character(rules_, first, Spelling::tag), rest});
}

Result<Expr> SchemaReader::tag_text(std::string_view text) {
  if (tag_.not_json && reads_as_json(text)) return rules_.never();
  const std::string& end = tag_.forbidden.empty() ? tag_.closing : tag_.forbidden;
  if (text.find(end) != std::string_view::npos)
    return unsupported("a value with " + end + " in it");
  return rules_.literal(std::string(text) + tag_.closing);
}

}  // namespace engramd::engine::grammar
