// engine/grammar/json_text.h - the parts of JSON texts: white space, strings, keys, any value.
//
// Writes into a Rules, shared rules once. One thread.
#pragma once

#include <optional>

#include "engine/api/grammar.h"
#include "engine/grammar/characters.h"

namespace engramd::engine::grammar {

class JsonText {
 public:
  // Values of no schema nest at most so deep.
  static constexpr size_t kAnyDepth = 12;

  JsonText(Rules& rules, JsonLayout layout) : rules_(rules), layout_(layout) {}
  Rules& rules() { return rules_; }

  Expr comma() { return rules_.sequence({rules_.literal(","), between()}); }
  Expr colon() { return rules_.sequence({rules_.literal(":"), rules_.optional(blank())}); }
  Expr in_brackets(char open, Expr what, char close);
  Expr string();
  Expr key(std::string_view name) { return rules_.literal(json_quoted(name)); }
  // A string that is none of the names, written without escapes.
  Result<Expr> key_other_than(const std::vector<std::string>& names);
  Expr any_value() { return any_value(kAnyDepth); }
  // min..max of `item`, in brackets.
  Expr array_of(Expr item, uint32_t min, uint32_t max);
  // Pairs of key and value, any number.
  Expr object_of(Expr key, Expr value);

 private:
  Expr blank() { return rules_.literal(" "); }
  Expr between();
  Expr any_value(size_t depth);

  Rules& rules_;
  const JsonLayout layout_;
  std::optional<Expr> string_, between_;
  std::optional<Expr> any_[kAnyDepth + 1];
};

}  // namespace engramd::engine::grammar
