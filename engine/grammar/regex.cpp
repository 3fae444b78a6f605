#include "engine/grammar/regex.h"

#include <optional>

namespace engramd::engine::grammar {
namespace {

constexpr size_t kMaxBytes = 16384;
constexpr size_t kMaxGroups = 64;  // inside each other
constexpr uint32_t kMaxCount = 1'000'000;

const Characters& digits() {
  static const Characters set = {{'0', '9'}};
  return set;
}
const Characters& word() {
  static const Characters set = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  return set;
}
// WhiteSpace and LineTerminator of ECMA-262.
const Characters& space() {
  static const Characters set = {
      {9, 13},          {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
      {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
  return set;
}
const Characters& line_ends() {
  static const Characters set = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
  return set;
}

class Reader {
 public:
  Reader(Rules& rules, std::vector<uint32_t> pattern, Spelling spelling)
      : rules_(rules), pattern_(std::move(pattern)), spelling_(spelling) {}

  Result<Expr> read() {
    const Expr anything =
        rules_.repeat(one_character(rules_, Characters::text(), spelling_), 0, kUnlimited);
    std::vector<Expr> choices;
    do {
      const bool from_start = take('^');
      ENGRAMD_TRY(const Expr body, sequence());
      const bool to_end = take('$');
      choices.push_back(rules_.sequence(
          {from_start ? rules_.empty() : anything, body, to_end ? rules_.empty() : anything}));
    } while (take('|'));
    if (!at_end()) return wrong(now() == ')' ? "has a ) without a (" : "has a $ inside");
    return rules_.any_of(choices);
  }

 private:
  bool at_end() const { return at_ == pattern_.size(); }
  uint32_t now() const { return at_end() ? 0 : pattern_[at_]; }
  uint32_t ahead(size_t n) const { return at_ + n < pattern_.size() ? pattern_[at_ + n] : 0; }
  bool take(uint32_t c) {
    if (at_end() || pattern_[at_] != c) return false;
    ++at_;
    return true;
  }
  tl::unexpected<Error> wrong(const std::string& what) const {
    return fail(ErrorCode::invalid_input,
                "the pattern " + what + " at character " + std::to_string(at_ + 1));
  }
  tl::unexpected<Error> unsupported(const std::string& what) const {
    return fail(ErrorCode::unsupported, "the pattern has " + what + " at character " +
                                            std::to_string(at_ + 1) + ", which is not supported");
  }

  Result<Expr> alternatives() {
    std::vector<Expr> choices;
    do {
      ENGRAMD_TRY(const Expr choice, sequence());
      choices.push_back(choice);
    } while (take('|'));
    return rules_.any_of(choices);
  }

  Result<Expr> sequence() {
    std::vector<Expr> parts;
    while (!at_end() && now() != '|' && now() != ')' && now() != '$') {
      ENGRAMD_TRY(const Expr one, atom());
      ENGRAMD_TRY(const Expr part, repeated(one));
      parts.push_back(part);
    }
    return rules_.sequence(parts);
  }

  Result<Expr> atom() {
    if (take('(')) return group();
    if (take('[')) {
      ENGRAMD_TRY(const Characters set, character_class());
      return one_character(rules_, set, spelling_);
    }
    if (take('.')) return one_character(rules_, line_ends().other_text(), spelling_);
    if (now() == '^') return unsupported("a ^ inside");
    if (now() == '*' || now() == '+' || now() == '?' || now() == '{')
      return wrong("has a repetition of nothing");
    ENGRAMD_TRY(const Characters set, character(false));
    return one_character(rules_, set, spelling_);
  }

  Result<Expr> group() {
    if (take('?')) {
      if (take('<')) {
        if (now() == '=' || now() == '!') return unsupported("look-behind");
        while (!at_end() && now() != '>') ++at_;
        if (!take('>')) return wrong("has a group name without its end");
      } else if (!take(':')) {
        return unsupported(now() == '=' || now() == '!' ? "look-ahead" : "a group with flags");
      }
    }
    if (now() == '^') return unsupported("a ^ inside");
    if (++depth_ > kMaxGroups) return unsupported("groups too deep in each other");
    ENGRAMD_TRY(const Expr body, alternatives());
    --depth_;
    if (now() == '$' && !at_end()) return unsupported("a $ inside");
    if (!take(')')) return wrong("has a ( without a )");
    return body;
  }

  Result<Expr> repeated(Expr what) {
    uint32_t min = 1, max = 1;
    if (take('*')) {
      min = 0, max = kUnlimited;
    } else if (take('+')) {
      max = kUnlimited;
    } else if (take('?')) {
      min = 0;
    } else if (take('{')) {
      ENGRAMD_TRY(min, number());
      max = min;
      if (take(',')) {
        max = kUnlimited;
        if (now() != '}') {
          ENGRAMD_TRY(max, number());
        }
      }
      if (!take('}')) return wrong("has a { without a }");
      if (min > max) return wrong("has a repetition with its ends the wrong way round");
    } else {
      return what;
    }
    take('?');  // lazy or not, the same texts match
    if (now() == '*' || now() == '+' || now() == '?' || now() == '{')
      return wrong("has a repetition of a repetition");
    return rules_.repeat(what, min, max);
  }

  Result<uint32_t> number() {
    if (now() < '0' || now() > '9') return wrong("needs a number");
    uint32_t n = 0;
    while (now() >= '0' && now() <= '9') {
      n = 10 * n + (now() - '0');
      if (n > kMaxCount) return unsupported("a repetition of more than 1000000 times");
      ++at_;
    }
    return n;
  }

  Result<Characters> character_class() {
    const bool others = take('^');
    Characters set;
    while (!at_end() && now() != ']') {
      ENGRAMD_TRY(const Characters first, character(true));
      if (now() == '-' && ahead(1) != ']' && ahead(1) != 0) {
        ++at_;
        ENGRAMD_TRY(const Characters last, character(true));
        const auto is_one = [](const Characters& c) {
          return c.ranges().size() == 1 && c.ranges()[0].first == c.ranges()[0].second;
        };
        if (!is_one(first) || !is_one(last)) return wrong("has a range with a class as its end");
        if (first.ranges()[0].first > last.ranges()[0].first)
          return wrong("has a range with its ends the wrong way round");
        set.add({{first.ranges()[0].first, last.ranges()[0].first}});
      } else {
        set.add(first);
      }
    }
    if (!take(']')) return wrong("has a [ without a ]");
    return others ? set.other_text() : set;
  }

  // One character as written, or the class that an escape stands for.
  Result<Characters> character(bool in_class) {
    const uint32_t c = now();
    ++at_;
    if (c != '\\') return Characters{{c, c}};
    if (at_end()) return wrong("ends with a backslash");
    const uint32_t escape = now();
    ++at_;
    switch (escape) {
      case 'd':
        return digits();
      case 'D':
        return digits().other_text();
      case 'w':
        return word();
      case 'W':
        return word().other_text();
      case 's':
        return space();
      case 'S':
        return space().other_text();
      case 'n':
        return Characters{{'\n', '\n'}};
      case 'r':
        return Characters{{'\r', '\r'}};
      case 't':
        return Characters{{'\t', '\t'}};
      case 'f':
        return Characters{{'\f', '\f'}};
      case 'v':
        return Characters{{'\v', '\v'}};
      case '0':
        return Characters{{0, 0}};
      case 'x':
        return hex(2);
      case 'u':
        if (take('{')) return hex(0);
        return hex(4);
      case 'b':
        if (in_class) return Characters{{'\b', '\b'}};
        return unsupported("\\b");
      case 'B':
        return unsupported("\\B");
      case 'p':
      case 'P':
        return unsupported("a Unicode property");
      case 'k':
        return unsupported("a back reference");
      default:
        break;
    }
    if (escape >= '1' && escape <= '9') return unsupported("a back reference");
    if ((escape >= 'a' && escape <= 'z') || (escape >= 'A' && escape <= 'Z'))
      return wrong("has an escape that is not known");
    return Characters{{escape, escape}};
  }

  // n digits; 0: up to a }.
  Result<Characters> hex(size_t n) {
    uint32_t c = 0;
    size_t n_read = 0;
    for (; n == 0 ? now() != '}' : n_read < n; ++n_read, ++at_) {
      const uint32_t d = now();
      const bool is_digit = d >= '0' && d <= '9';
      if (!is_digit && !(d >= 'a' && d <= 'f') && !(d >= 'A' && d <= 'F'))
        return wrong("has a character number that is not one");
      c = c * 16 + (is_digit ? d - '0' : (d | 0x20) - 'a' + 10);
      if (c > 0x10FFFF) return wrong("has a character beyond U+10FFFF");
    }
    if (n == 0) ++at_;
    if (n_read == 0 || (c >= 0xD800 && c <= 0xDFFF)) return unsupported("half a character");
    return Characters{{c, c}};
  }

  Rules& rules_;
  const std::vector<uint32_t> pattern_;
  const Spelling spelling_;
  size_t at_ = 0, depth_ = 0;
};

}  // namespace

Result<Expr> regex(Rules& rules, std::string_view pattern, Spelling spelling) {
  if (pattern.size() > kMaxBytes)
    return fail(ErrorCode::invalid_input, "the pattern has " + std::to_string(pattern.size()) +
                                              " bytes, at most " + std::to_string(kMaxBytes));
  auto text = to_characters(pattern);
  if (!text) return fail(std::move(text).error().with("the pattern"));
  return Reader(rules, *std::move(text), spelling).read();
}

}  // namespace engramd::engine::grammar
