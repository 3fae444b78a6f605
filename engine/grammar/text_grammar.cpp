#include "engine/grammar/text_grammar.h"

#include <algorithm>
#include <map>

#include "engine/grammar/characters.h"

namespace engramd::engine::grammar {
namespace {

constexpr size_t kMaxBytes = 1u << 20;
constexpr size_t kMaxGroups = 64;
constexpr uint32_t kMaxCount = 1'000'000;

bool is_name(uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

class Reader {
 public:
  Reader(Rules& rules, std::vector<uint32_t> text) : rules_(rules), text_(std::move(text)) {}

  Result<Rule> read() {
    for (skip_space(); !at_end(); skip_space()) {
      const std::string name = take_name();
      if (name.empty()) return wrong("expected a rule's name");
      skip_space();
      if (!take("::=")) return wrong("expected ::= after " + name);
      const Rule rule = rule_of(name);
      if (!defined_.insert({name, rule}).second) return wrong(name + " is defined twice");
      ENGRAMD_TRY(const Expr body, alternatives());
      if (!at_end() && !at_rule()) return wrong("expected an item or the next rule");
      rules_.define(rule, body);
      if (rules_.too_large()) return wrong("the grammar is too large");
    }
    for (const auto& [name, rule] : known_)
      if (!defined_.contains(name))
        return fail(ErrorCode::invalid_input, "the grammar has no rule " + name);
    const auto root = defined_.find("root");
    if (root == defined_.end())
      return fail(ErrorCode::invalid_input, "the grammar has no rule root");
    return root->second;
  }

 private:
  bool at_end() const { return at_ == text_.size(); }
  uint32_t now() const { return at_end() ? 0 : text_[at_]; }
  bool take(std::string_view what) {
    if (text_.size() - at_ < what.size()) return false;
    for (size_t i = 0; i < what.size(); ++i)
      if (text_[at_ + i] != static_cast<uint8_t>(what[i])) return false;
    at_ += what.size();
    return true;
  }
  void skip_space() {
    for (; !at_end(); ++at_) {
      if (now() == '#')
        while (!at_end() && now() != '\n') ++at_;
      if (now() != ' ' && now() != '\t' && now() != '\n' && now() != '\r') return;
      if (at_end()) return;
    }
  }
  std::string take_name() {
    std::string name;
    for (; !at_end() && is_name(now()); ++at_) name += static_cast<char>(now());
    return name;
  }
  // A rule starts here: what was open ends.
  bool at_rule() {
    const size_t before = at_;
    const bool named = !take_name().empty();
    skip_space();
    const bool starts = named && take("::=");
    at_ = before;
    return starts;
  }
  Rule rule_of(const std::string& name) {
    const auto found = known_.find(name);
    if (found != known_.end()) return found->second;
    return known_[name] = rules_.declare(name);
  }
  tl::unexpected<Error> wrong(const std::string& what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(at_),
                                     static_cast<uint32_t>('\n'));
    return fail(ErrorCode::invalid_input,
                "the grammar, line " + std::to_string(line) + ": " + what);
  }

  Result<Expr> alternatives() {
    if (++depth_ > kMaxGroups) return wrong("groups too deep in each other");
    std::vector<Expr> choices;
    do {
      ENGRAMD_TRY(const Expr choice, sequence());
      choices.push_back(choice);
      skip_space();
    } while (take("|"));
    --depth_;
    return rules_.any_of(choices);
  }

  Result<Expr> sequence() {
    std::vector<Expr> parts;
    for (;;) {
      skip_space();
      Expr item = 0;
      if (take("\"")) {
        ENGRAMD_TRY(item, string());
      } else if (take("[")) {
        ENGRAMD_TRY(item, character_class());
      } else if (take("(")) {
        ENGRAMD_TRY(item, alternatives());
        if (!take(")")) return wrong("expected )");
      } else if (take(".")) {
        item = one_character(rules_, Characters::text(), Spelling::plain);
      } else if (is_name(now()) && !at_rule()) {
        item = rules_.reference(rule_of(take_name()));
      } else {
        return rules_.sequence(parts);
      }
      ENGRAMD_TRY(item, repeated(item));
      parts.push_back(item);
    }
  }

  Result<Expr> repeated(Expr item) {
    for (;;) {
      uint32_t min = 0, max = kUnlimited;
      if (take("+")) {
        min = 1;
      } else if (take("?")) {
        max = 1;
      } else if (take("{")) {
        skip_space();
        ENGRAMD_TRY(min, number());
        max = min;
        skip_space();
        if (take(",")) {
          skip_space();
          max = kUnlimited;
          if (now() != '}') {
            ENGRAMD_TRY(max, number());
          }
          skip_space();
        }
        if (!take("}")) return wrong("expected }");
        if (min > max) return wrong("a repetition with its ends the wrong way round");
      } else if (!take("*")) {
        return item;
      }
      if (rules_.node(item).kind == Rules::Kind::repeat && ++n_nested_ > kMaxGroups)
        return wrong("repetitions too deep in each other");
      item = rules_.repeat(item, min, max);
    }
  }

  Result<uint32_t> number() {
    if (now() < '0' || now() > '9') return wrong("expected a number");
    uint32_t n = 0;
    for (; now() >= '0' && now() <= '9'; ++at_) {
      n = 10 * n + (now() - '0');
      if (n > kMaxCount) return wrong("a repetition of more than 1000000 times");
    }
    return n;
  }

  Result<Expr> string() {
    std::vector<Expr> parts;
    while (now() != '"') {
      if (at_end()) return wrong("a string without its end");
      ENGRAMD_TRY(const uint32_t c, character());
      parts.push_back(one_character(rules_, {{c, c}}, Spelling::plain));
    }
    ++at_;
    return rules_.sequence(parts);
  }

  Result<Expr> character_class() {
    const bool others = take("^");
    Characters set;
    while (now() != ']') {
      if (at_end()) return wrong("a class without its end");
      ENGRAMD_TRY(const uint32_t first, character());
      uint32_t last = first;
      if (now() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        ENGRAMD_TRY(last, character());
        if (first > last) return wrong("a range with its ends the wrong way round");
      }
      set.add({{first, last}});
    }
    ++at_;
    return one_character(rules_, others ? set.other_text() : set, Spelling::plain);
  }

  Result<uint32_t> character() {
    const uint32_t c = now();
    ++at_;
    if (c != '\\') return c;
    const uint32_t escape = now();
    if (at_end()) return wrong("an escape without its character");
    ++at_;
    switch (escape) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'x':
        return hex(2);
      case 'u':
        return hex(4);
      case 'U':
        return hex(8);
      default:
        break;
    }
    if (is_name(escape) && escape != '-') return wrong("an escape that is not known");
    return escape;
  }

  Result<uint32_t> hex(size_t n) {
    uint32_t c = 0;
    for (size_t i = 0; i < n; ++i, ++at_) {
      const uint32_t d = now();
      const bool is_digit = d >= '0' && d <= '9';
      if (!is_digit && !(d >= 'a' && d <= 'f') && !(d >= 'A' && d <= 'F'))
        return wrong("a character number that is not one");
      c = c * 16 + (is_digit ? d - '0' : (d | 0x20) - 'a' + 10);
    }
    if (!Characters::text().has(c)) return wrong("a character number beyond Unicode");
    return c;
  }

  Rules& rules_;
  const std::vector<uint32_t> text_;
  size_t at_ = 0, depth_ = 0, n_nested_ = 0;
  std::map<std::string, Rule> known_, defined_;
};

}  // namespace

Result<Rule> read_text_grammar(Rules& rules, std::string_view text) {
  if (text.size() > kMaxBytes)
    return fail(ErrorCode::invalid_input, "the grammar has " + std::to_string(text.size()) +
                                              " bytes, at most " + std::to_string(kMaxBytes));
  auto characters = to_characters(text);
  if (!characters) return fail(std::move(characters).error().with("the grammar"));
  return Reader(rules, *std::move(characters)).read();
}

}  // namespace engramd::engine::grammar
