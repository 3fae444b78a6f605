// engine/grammar/json_schema.h - JSON Schema (2020-12, and what older drafts spell differently) as
// grammar.
//
// Everything written satisfies the schema; not everything that satisfies it can be written: members
// come in the schema's order, an object has others than those listed only where
// additionalProperties says so (or nothing is listed), oneOf is anyOf, numbers have one spelling,
// values of no schema nest 12 deep. docs/decisions/0008-grammars.md has the list. A keyword that
// restricts and is not supported is an error that names it; format is enforced for date, time,
// date-time, uuid, ipv4 and email and an annotation else, as the specification has it.
//
// Bounded: kMaxSchemas looked at, kMaxSchemaDepth inside each other. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/grammar/json_text.h"

namespace engramd::engine::grammar {

inline constexpr size_t kMaxSchemas = 50'000;
inline constexpr size_t kMaxSchemaDepth = 64;

// How one argument of a tool is written in a dialect with tags.
struct TaggedParameter {
  std::string name;
  bool required = false;
  // With `closing` at their ends, and neither that nor `forbidden` (unless empty) in a string.
  // never() where there is no such value.
  Expr string = 0;  // as it is
  Expr other = 0;   // as JSON
};
enum class StringRule {
  by_type,    // what is text is said by the schema's type alone: a value that may be a string or
              // not is written as text that does not read as JSON
  by_marker,  // the tag says which it is
};

class JsonSchema {
 public:
  static Result<JsonSchema> parse(JsonText& json, std::string_view schema);
  ~JsonSchema();
  JsonSchema(JsonSchema&&) noexcept;

  // A value that the schema accepts.
  Result<Expr> value();
  // Only its objects.
  Result<Expr> object();
  Result<std::vector<TaggedParameter>> parameters(std::string_view closing,
                                                  std::string_view forbidden, StringRule rule);

 private:
  class Reader;
  explicit JsonSchema(std::unique_ptr<Reader> reader);
  std::unique_ptr<Reader> reader_;
};

}  // namespace engramd::engine::grammar
