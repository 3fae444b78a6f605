#include "engine/grammar/json_text.h"

#include <map>

#include "engine/grammar/number_range.h"

namespace engramd::engine::grammar {
namespace {

constexpr uint32_t kMaxIndent = 32;

}  // namespace

Expr JsonText::between() {
  if (!between_) {
    if (layout_ == JsonLayout::compact)
      between_ = rules_.optional(blank());
    else
      between_ = rules_.named(
          "white space", rules_.any_of({rules_.empty(), blank(),
                                        rules_.sequence({rules_.literal("\n"),
                                                         rules_.repeat(blank(), 0, kMaxIndent)})}));
  }
  return *between_;
}

Expr JsonText::in_brackets(char open, Expr what, char close) {
  const Expr space = layout_ == JsonLayout::compact ? rules_.empty() : between();
  return rules_.sequence(
      {rules_.literal({&open, 1}), space, what, space, rules_.literal({&close, 1})});
}

Expr JsonText::string() {
  if (!string_)
    string_ = rules_.named(
        "string",
        rules_.sequence({rules_.literal("\""), rules_.repeat(json_character(rules_), 0, kUnlimited),
                         rules_.literal("\"")}));
  return *string_;
}

Result<Expr> JsonText::key_other_than(const std::vector<std::string>& names) {
  struct State {
    std::map<uint32_t, size_t> children;
    bool is_name = false;
  };
  std::vector<State> states(1);
  for (const std::string& name : names) {
    ENGRAMD_TRY(const std::vector<uint32_t> text, to_characters(name));
    size_t state = 0;
    for (const uint32_t c : text) {
      const auto [child, made] = states[state].children.try_emplace(c, states.size());
      const size_t next = child->second;
      if (made) states.emplace_back();
      state = next;
    }
    states[state].is_name = true;
  }
  Characters raw = Characters::text();
  raw.remove({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  const Expr quote = rules_.literal("\"");
  const Expr rest = rules_.named(
      "rest of a key",
      rules_.sequence(
          {rules_.repeat(one_character(rules_, raw, Spelling::plain), 0, kUnlimited), quote}));
  std::vector<Rule> rule(states.size());
  for (Rule& r : rule) r = rules_.declare("key");
  for (size_t i = 0; i < states.size(); ++i) {
    std::vector<Expr> choices;
    Characters others = raw;
    for (const auto& [c, child] : states[i].children) {
      others.remove({{c, c}});
      if (raw.has(c))
        choices.push_back(rules_.sequence(
            {one_character(rules_, {{c, c}}, Spelling::plain), rules_.reference(rule[child])}));
    }
    choices.push_back(rules_.sequence({one_character(rules_, others, Spelling::plain), rest}));
    if (!states[i].is_name) choices.push_back(quote);
    rules_.define(rule[i], rules_.any_of(choices));
  }
  return rules_.sequence({quote, rules_.reference(rule[0])});
}

Expr JsonText::array_of(Expr item, uint32_t min, uint32_t max) {
  if (min > max) return rules_.never();
  Expr items = rules_.empty();
  if (max > 0) {
    const Expr more = rules_.sequence({comma(), item});
    items = rules_.sequence(
        {item, rules_.repeat(more, min == 0 ? 0 : min - 1, max == kUnlimited ? max : max - 1)});
    if (min == 0) items = rules_.optional(items);
  }
  return in_brackets('[', items, ']');
}

Expr JsonText::object_of(Expr key, Expr value) {
  const Expr pair = rules_.named("pair", rules_.sequence({key, colon(), value}));
  const Expr more = rules_.repeat(rules_.sequence({comma(), pair}), 0, kUnlimited);
  return in_brackets('{', rules_.optional(rules_.sequence({pair, more})), '}');
}

Expr JsonText::any_value(size_t depth) {
  if (any_[depth]) return *any_[depth];
  std::vector<Expr> choices = {rules_.literal("null"), rules_.literal("true"),
                               rules_.literal("false"), numbers(rules_, {}), string()};
  if (depth > 0) {
    const Expr inner = any_value(depth - 1);
    choices.push_back(array_of(inner, 0, kUnlimited));
    choices.push_back(object_of(string(), inner));
  }
  return *(any_[depth] = rules_.named("any value", rules_.any_of(choices)));
}

}  // namespace engramd::engine::grammar
