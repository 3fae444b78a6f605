// JSON schemas: what may be written under each, what not, and which are refused.
#include <catch2/catch.hpp>

#include "tests/engine/grammar_support.h"

using namespace engramd;
using engine::grammar::JsonLayout;

namespace {

struct Case {
  const char* schema;
  std::vector<std::string> yes, no;
};

void check(const Case& one, JsonLayout layout = JsonLayout::compact) {
  const auto automaton = test::automaton_of_schema(one.schema, layout);
  if (!automaton) FAIL(one.schema << "\n" << automaton.error().message);
  for (const std::string& text : one.yes) {
    INFO(one.schema << "\nshould be accepted: " << text);
    CHECK(test::is_match(*automaton, text));
  }
  for (const std::string& text : one.no) {
    INFO(one.schema << "\nshould be refused: " << text);
    CHECK_FALSE(test::is_match(*automaton, text));
  }
}

void check_refused(std::string_view schema, const std::string& message) {
  const auto automaton = test::automaton_of_schema(schema);
  INFO(schema.substr(0, 300));
  REQUIRE_FALSE(automaton.has_value());
  CHECK_THAT(automaton.error().message, Catch::Contains(message));
}

std::string times(size_t n, std::string_view text) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("scalars of a JSON schema") {
  check({R"({"type": "null"})", {"null"}, {"", "nul", "0", "\"\""}});
  check({R"({"type": "boolean"})", {"true", "false"}, {"True", "1", "truefalse"}});
  check({R"({"type": "string"})",
         {R"("")", R"("a b")", R"("\"\\\/\n\u00e9")", "\"é😀\"", R"("\ud83d\ude00")"},
         {"\"", "\"a\nb\"", R"("\x")", R"("\ud83d")", R"("\ude00")", R"("\u12")", "\"\xFF\"",
          "\"\xC3\"", "\"\xED\xA0\x80\"", "a"}});
  check({R"({"type": "integer"})",
         {"0", "-7", "123456789012345678"},
         {"-", "01", "1.0", "1e3", "-0", "+1", "1234567890123456789"}});
  check({R"({"type": "number"})",
         {"0", "-7", "0.5", "-0.25", "12e10", "1.5E-7"},
         {".5", "1.", "1e", "00", "1e999", "NaN", "0x1"}});
  check({R"({"type": ["integer", "null"]})", {"3", "null"}, {"\"3\"", "true"}});
  check({R"({"type": "string", "nullable": true})", {"\"a\"", "null"}, {"1"}});
  check({R"({"enum": ["a", "ab", 3, null, {"x": [1]}, "q\"é\n"]})",
         {"\"a\"", "\"ab\"", "3", "null", R"({"x":[1]})", R"("q\"é\n")"},
         {"\"b\"", "\"abc\"", "a", "33", "\"\""}});
  check({R"({"type": "string", "enum": ["a", 3]})", {"\"a\""}, {"3"}});
  check({R"({"const": -1.5})", {"-1.5"}, {"-1", "1.5"}});
}

TEST_CASE("whole numbers between bounds") {
  check({R"({"type": "integer", "minimum": 7, "maximum": 1203})",
         {"7", "9", "10", "99", "100", "999", "1000", "1199", "1203"},
         {"6", "0", "1204", "1300", "2000", "07", "-7", "10000"}});
  check({R"({"type": "integer", "minimum": -120, "maximum": 5})",
         {"-120", "-119", "-99", "-1", "0", "5"},
         {"-121", "-130", "-200", "-0", "6", "10"}});
  check({R"({"type": "integer", "exclusiveMinimum": 0})", {"1", "10"}, {"0", "-1"}});
  check({R"({"type": "integer", "minimum": 3, "exclusiveMinimum": true})", {"4"}, {"3"}});
  check({R"({"type": "integer", "maximum": -10})", {"-10", "-11", "-100"}, {"-9", "0", "10"}});
  check({R"({"type": "integer", "minimum": 1.5, "maximum": 3.5})", {"2", "3"}, {"1", "4"}});
  check({R"({"type": "integer", "minimum": 0, "maximum": 9223372036854775807})",
         {"0", "999999999999999999"},
         {"-1"}});
  check({R"({"type": "number", "minimum": 0, "maximum": 1})",
         {"0", "0.5", "1", "1.0", "0.999"},
         {"1.1", "-0.5", "2", "1e1"}});
  check({R"({"type": "number", "exclusiveMinimum": -2, "exclusiveMaximum": 10})",
         {"-1.99", "-1", "-0.5", "0", "9.99"},
         {"-2", "-2.0", "10", "10.0", "11"}});
  check({R"({"type": "number", "multipleOf": 1})", {"3"}, {"3.5"}});
}

TEST_CASE("strings with lengths, patterns and formats") {
  check({R"({"type": "string", "minLength": 2, "maxLength": 3})",
         {"\"ab\"", "\"é😀\"", R"("\n\u00e9")", "\"abc\"", R"("\ud83d\ude00x")"},
         {"\"a\"", "\"abcd\"", "\"\""}});
  check({R"({"type": "string", "maxLength": 1000})",
         {"\"" + times(1000, "é") + "\""},
         {"\"" + times(1001, "x") + "\""}});
  check({R"~({"pattern": "^[a-z]+(-[0-9]{2})?$"})~", {"\"ab\"", "\"a-01\""}, {"\"A\"", "\"a-1\""}});
  check({R"({"pattern": "b+"})", {"\"b\"", "\"abba\""}, {"\"a\"", "\"\""}});
  check({R"({"pattern": "^a|b$"})", {"\"ax\"", "\"xb\""}, {"\"xa\""}});
  check({R"({"pattern": "^\\S+\\.(?:ts|js)$"})", {"\"a/b.ts\""}, {"\"a b.ts\"", "\"a.c\""}});
  check({R"({"pattern": "^\"[^\\x00-\\x1f]\\\\$"})", {R"("\"x\\")"}, {R"("\"\n\\")"}});
  check({R"({"pattern": "^.?\\d{2,}?$"})", {"\"é12\"", "\"123\""}, {"\"1\""}});
  check({R"({"format": "date", "type": "string"})",
         {"\"2024-02-28\"", "\"1999-12-31\""},
         {"\"2024-02-30\"", "\"2024-04-31\"", "\"24-01-01\"", "\"2024-13-01\""}});
  check({R"({"format": "date-time", "type": "string"})",
         {"\"2024-02-28T23:59:59Z\"", "\"2024-02-28T00:00:00.5+02:00\""},
         {"\"2024-02-28 23:59:59Z\"", "\"2024-02-28T24:00:00Z\""}});
  check({R"({"format": "uuid", "type": "string"})",
         {"\"123e4567-e89b-12d3-a456-426614174000\""},
         {"\"123e4567e89b12d3a456426614174000\""}});
  check({R"({"format": "ipv4", "type": "string"})", {"\"255.0.10.1\""}, {"\"256.0.0.1\""}});
  check({R"({"format": "email", "type": "string"})",
         {"\"a.b+c@d-e.org\""},
         {"\"a@b\"", "\"@b.org\""}});
  check({R"({"format": "made-up", "type": "string"})", {"\"anything\""}, {"1"}});
}

TEST_CASE("arrays of a JSON schema") {
  check({R"({"type": "array", "items": {"type": "integer"}})",
         {"[]", "[1]", "[1,2]", "[1, 2, 3]"},
         {"[1,]", "[,1]", "[\"1\"]", "[1 ,2]", "[1,  2]", "["}});
  check({R"({"items": {"enum": [1]}, "minItems": 2, "maxItems": 3})",
         {"[1,1]", "[1,1,1]"},
         {"[]", "[1]", "[1,1,1,1]"}});
  check({R"({"items": {"enum": [1]}, "minItems": 100, "maxItems": 100000})",
         {"[1" + times(99, ",1") + "]"},
         {"[1" + times(98, ",1") + "]"}});
  check({R"({"prefixItems": [{"const": 1}, {"const": 2}], "items": {"const": 3}})",
         {"[]", "[1]", "[1,2]", "[1,2,3,3]"},
         {"[2]", "[1,3]", "[1,2,2]"}});
  check({R"({"prefixItems": [{"const": 1}, {"const": 2}], "minItems": 2, "items": false})",
         {"[1,2]"},
         {"[]", "[1]", "[1,2,3]"}});
  check({R"({"items": [{"const": 1}, {"const": 2}], "maxItems": 1})", {"[]", "[1]"}, {"[1,2]"}});
  check({R"({"items": false})", {"[]"}, {"[1]"}});
  check({R"({"type": "array", "maxItems": 1, "uniqueItems": true})", {"[]", "[{}]"}, {"[1,1]"}});
}

TEST_CASE("objects of a JSON schema") {
  check(
      {R"({"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}},
             "required": ["b"]})",
       {R"({"b":2})", R"({"a": 1, "b": 2})", R"({"b": 2, "c": 3})", R"({"a":1,"b":2,"c":3})"},
       {"{}", R"({"a":1})", R"({"b":2,"a":1})", R"({"b":2,})", R"({,"b":2})", R"({"b":2,"d":4})",
        R"({"a":1 "b":2})"}});
  check({R"({"properties": {"a": {"const": 1}, "b": {"const": 2}}})",
         {"{}", R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})"},
         {R"({"b":2,"a":1})"}});
  check({R"({"type": "object"})",
         {"{}", R"({"x": {"y": [1, null, "z"]}})"},
         {R"({x:1})", "[]", R"({"x"})"}});
  check({R"({"properties": {"ab": {"const": 1}}, "additionalProperties": {"type": "integer"}})",
         {"{}", R"({"ab":1,"c":2})", R"({"c":2,"d":3})", R"({"a":5,"abc":6,"":7,"é":8})"},
         {R"({"c":"x"})", R"({"c":1,"ab":1})", R"({"ab":2})", R"({"\u0061b":2})"}});
  check({R"({"properties": {}, "additionalProperties": false})", {"{}"}, {R"({"a":1})"}});
  check({R"({"required": ["x"], "additionalProperties": true})", {R"({"x":[],"y":1})"}, {"{}"}});
  check({R"({"properties": {"a": false, "b": {"const": 2}}})", {R"({"b":2})"}, {R"({"a":1})"}});
  check({R"({"properties": {"a\"\n": {"const": 1}}})", {R"({"a\"\n":1})"}, {}});
}

TEST_CASE("choices, references and schemas that must all hold") {
  check({R"({"anyOf": [{"const": 1}, {"type": "string", "maxLength": 1}]})",
         {"1", "\"a\""},
         {"2", "\"ab\""}});
  check({R"({"oneOf": [{"properties": {"k": {"const": "a"}}, "required": ["k"]},
                       {"properties": {"k": {"const": "b"}, "n": {"type": "integer"}},
                        "required": ["k", "n"]}]})",
         {R"({"k":"a"})", R"({"k":"b","n":1})"},
         {R"({"k":"b"})", R"({"k":"a","n":1})"}});
  check({R"({"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"],
             "anyOf": [{"properties": {"b": {"const": 2}}}, {"required": ["c"]}]})",
         {R"({"a":1,"b":2})", R"({"a":1,"c":true})", R"({"a":1})"},
         {R"({"b":2})", "{}"}});
  check({R"({"allOf": [{"properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]},
                       {"properties": {"a": {"maximum": 5}, "b": {"const": 2}}}]})",
         {R"({"a":3})", R"({"a":5,"b":2})"},
         {R"({"a":2})", R"({"a":6})", R"({"b":2})"}});
  check({R"({"allOf": [{"properties": {"a": {"const": 1}}, "additionalProperties": false},
                       {"properties": {"b": {"const": 2}}}]})",
         {"{}", R"({"a":1})"},
         {R"({"b":2})"}});
  check({R"({"allOf": [{"enum": [1, 2, 3]}, {"enum": [3, 2]}, {"type": "integer"}]})",
         {"2", "3"},
         {"1"}});
  check({R"({"$defs": {"tree": {"type": "object", "properties": {"v": {"type": "integer"},
               "next": {"$ref": "#/$defs/tree"}}, "required": ["v"]}}, "$ref": "#/$defs/tree"})",
         {R"({"v":1})", R"({"v":1,"next":{"v":2,"next":{"v":3}}})"},
         {R"({"v":1,"next":{}})", R"({"v":1,"next":null})"}});
  check({R"({"definitions": {"a/b": {"const": 7}}, "items": {"$ref": "#/definitions/a~1b"}})",
         {"[7,7]"},
         {"[8]"}});
  check({R"({"anyOf": [{"type": "null"}, {"type": "array", "items": {"$ref": "#"}}]})",
         {"null", "[]", "[[null],[[]]]"},
         {"[1]", "{}"}});
  check({R"({"$defs": {"s": {"type": "string"}}, "$ref": "#/$defs/s", "maxLength": 1,
             "description": "with a sibling"})",
         {"\"a\""},
         {"\"ab\""}});
  check({R"(true)", {"1", "null", R"({"a":[{}]})"}, {"", "{", "nul"}});
  check({R"({"title": "any", "x-made-up": {"not": 1}, "default": 3})", {"\"x\"", "{}"}, {}});
}

TEST_CASE("values of no schema nest twelve deep") {
  check({"{}", {times(12, "[") + "1" + times(12, "]")}, {times(13, "[") + "1" + times(13, "]")}});
}

TEST_CASE("JSON over lines") {
  const char* schema =
      R"({"properties": {"a": {"items": {"type": "integer"}}, "b": {"const": 2}}})";
  check({schema,
         {"{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": 2\n}", "{}", R"({"a":[1, 2],"b": 2})",
          "{\n}"},
         {"{\n\n\"a\": []}", "{\n" + times(33, " ") + "\"b\":2}", "{\t\"b\":2}"}},
        JsonLayout::lines);
}

TEST_CASE("what is not supported in a schema is named") {
  for (const char* keyword : {"not", "if", "patternProperties", "propertyNames", "contains",
                              "dependentRequired", "dependentSchemas", "$dynamicRef"})
    check_refused("{\"" + std::string(keyword) + "\": {}}",
                  "the schema has " + std::string(keyword) + ", which is not supported");
  check_refused(R"({"items": {"not": {}}})", "the schema has not");
  check_refused(R"({"type": "array", "uniqueItems": true})", "uniqueItems");
  check_refused(R"({"type": "number", "multipleOf": 0.1})", "multipleOf");
  check_refused(R"({"type": "number", "maximum": 0.5})", "a maximum with a fraction");
  check_refused(R"({"type": "object", "minProperties": 1})", "minProperties");
  check_refused(R"({"pattern": "^a$", "minLength": 1})", "minLength or maxLength beside pattern");
  check_refused(R"({"enum": ["a"], "minLength": 1})", "minLength beside enum");
  check_refused(R"({"allOf": [{"pattern": "a"}, {"pattern": "b"}]})", "two different pattern");
  check_refused(R"({"$ref": "http://example.org/x"})", "is outside of it");
  check_refused(R"({"$ref": "#/$defs/none"})", "it does not have");
  check_refused(R"({"pattern": "(?=a)b"})", "look-ahead");
  check_refused(R"({"pattern": "(a)\\1"})", "a back reference");
  check_refused(R"({"pattern": "\\bword"})", "\\b");
  check_refused(R"({"pattern": "\\p{L}"})", "a Unicode property");
  check_refused("{\"pattern\": \"(a\"}", "a ( without a )");
  check_refused(R"({"pattern": "a**"})", "a repetition of a repetition");
  check_refused(R"~({"pattern": "x(^a)"})~", "a ^ inside");
}

TEST_CASE("schemas that are wrong, or that nothing satisfies") {
  check_refused("{", "not JSON");
  check_refused("[]", "not an object or a boolean");
  check_refused(R"({"type": "strin"})", "a type strin");
  check_refused(R"({"required": "a"})", "a required that is not a list");
  check_refused(R"({"minLength": -1})", "a minLength that is not a count");
  check_refused(R"({"minimum": "1"})", "a minimum that is not a number");
  check_refused(R"({"anyOf": []})", "anyOf without a list");
  check_refused("false", "nothing at all matches");
  check_refused(R"({"type": "integer", "minimum": 3, "maximum": 2})", "nothing at all matches");
  check_refused(R"({"enum": []})", "nothing at all matches");
  check_refused(R"({"allOf": [{"type": "string"}, {"type": "integer"}]})", "nothing at all");
  check_refused(R"({"properties": {"a": {"$ref": "#"}}, "required": ["a"]})", "nothing at all");
  check_refused(R"({"$ref": "#"})", "nothing at all");
  check_refused(R"({"anyOf": [{"$ref": "#"}, {"type": "null"}]})", "refers to itself");
  check_refused(R"({"allOf": [{"$ref": "#"}]})", "round in a circle");
}

TEST_CASE("hostile schemas are bounded") {
  check_refused(times(5000, R"({"items":)") + "{}" + times(5000, "}"), "nests deeper");
  check_refused(times(80, R"({"items":)") + "{}" + times(80, "}"), "nests deeper");
  check_refused("\"" + std::string(5u << 20, 'x') + "\"", "at most");
  // Merged parts that double with every level.
  std::string doubling = R"({"$defs": {"d0": {"properties": {"a": {}, "b": {}}})";
  for (int i = 1; i < 40; ++i) {
    const std::string below = R"({"$ref": "#/$defs/d)" + std::to_string(i - 1) + "\"}";
    doubling += ", \"d" + std::to_string(i) + "\": {\"allOf\": [" + below + "," + below + "]}";
  }
  check_refused(doubling + R"(}, "$ref": "#/$defs/d39"})", "merged into too much");
  // A hundred thousand words, and a repetition of a million: both fine.
  std::string words = R"({"enum": [)";
  for (int i = 0; i < 100000; ++i)
    words += (i == 0 ? "\"w" : ",\"w") + std::to_string(i * 7919 % 1000003) + "\"";
  const auto automaton = test::automaton_of_schema(words + "]}");
  REQUIRE(automaton);
  CHECK(test::is_match(*automaton, "\"w7919\""));
  CHECK_FALSE(test::is_match(*automaton, "\"w7920\""));
  check({R"({"type": "string", "minLength": 999999, "maxLength": 1000000})",
         {"\"" + times(1000000, "x") + "\""},
         {"\"" + times(1000001, "x") + "\""}});
}
