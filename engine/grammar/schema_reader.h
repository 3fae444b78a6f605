// engine/grammar/schema_reader.h - one schema being turned into rules; JsonSchema's inside.
//
// A schema is looked at with a Take: all its values, its strings or its others. Strings and others
// are apart where a dialect writes them differently; strings are then written as they are, with
// the closing tag behind. One thread.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>

#include "engine/grammar/json_schema.h"

namespace engramd::engine::grammar {

enum class Take { all, strings, others };
struct TagStrings {
  std::string closing;    // comes after the string
  std::string forbidden;  // besides; empty: nothing
  bool not_json = false;  // it may not read as JSON
};

class SchemaReader {
 public:
  using Json = nlohmann::ordered_json;
  SchemaReader(JsonText& json, const Json& root);

  Result<Expr> value(const Json& schema, Take take, size_t depth);
  // How strings are written from here on, with Take::strings.
  void set_tag_strings(TagStrings strings) {
    tag_ = std::move(strings);
    references_.clear();
  }

 private:
  Result<Expr> restricted(const Json& schema, Take take, size_t depth);
  Result<Expr> reference(const Json& schema, Take take, size_t depth);
  Result<Expr> choices(const Json& schema, const char* keyword, Take take, size_t depth);
  Result<Expr> listed(const Json& schema, const Json& values, Take take);
  Result<Expr> of_type(const Json& schema, const std::string& type, Take take, size_t depth);
  Result<Expr> string(const Json& schema);
  Result<Expr> tag_string(const Json& schema);
  Result<Expr> number(const Json& schema, bool whole);
  Result<Expr> array(const Json& schema, size_t depth);
  Result<Expr> object(const Json& schema, size_t depth);
  Result<Expr> tag_text(std::string_view text);

  JsonText& json_;
  Rules& rules_;
  const Json& root_;
  TagStrings tag_;
  std::map<std::pair<std::string, Take>, Rule> references_;
  size_t n_looked_at_ = 0, merge_budget_;
};

// A keyword's number as a count; `otherwise` when it is absent.
Result<uint32_t> count_of(const nlohmann::ordered_json& schema, const char* keyword,
                          uint32_t otherwise);
// The regular expression of a format that is enforced, or empty.
std::string_view pattern_of_format(std::string_view format);

}  // namespace engramd::engine::grammar
