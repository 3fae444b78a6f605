#include "repoindex/complete/standing.h"

#include <algorithm>

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxSteps = 16;
constexpr size_t kMaxExpression = 4000;  // bytes
constexpr size_t kMaxNestedCode = 20;    // code in strings in code

bool starts(std::string_view text, size_t at, std::string_view what) {
  return !what.empty() && text.substr(at, what.size()) == what;
}

char closing(char open) {
  return open == '(' ? ')' : open == '[' ? ']' : '}';
}

// Goes over a text and says what each place is. One pass, from the beginning.
class Scan {
 public:
  Scan(std::string_view text, const Writing& writing) : text_(text), writing_(writing) {
    for (int c = 0; c < 256; ++c) special_[c] = false;
    for (const char c : std::string_view("()[]{},")) special_[index(c)] = true;
    for (std::string_view comment : writing.line_comments) special_[index(comment[0])] = true;
    if (!writing.block_open.empty()) special_[index(writing.block_open[0])] = true;
    for (const char c : writing.quotes) special_[index(c)] = true;
    for (const char c : writing.long_quotes) special_[index(c)] = true;
    if (writing.characters) special_[index('\'')] = true;
  }

  // Up to `end`; false when `stop` said so, at() is where.
  template <class Stop>
  bool run(size_t begin, size_t end, Standing& standing, const Stop& stop) {
    at_ = begin;
    while (at_ < end) {
      if (standing.in == Standing::In::code) {
        while (at_ < end && !special_[index(text_[at_])]) ++at_;
        if (at_ >= end) break;
        if (!code(standing)) continue;  // a string or comment was opened
        if (stop(at_, standing)) return false;
        ++at_;
      } else if (standing.in == Standing::In::comment) {
        comment(end, standing);
      } else {
        string(end, standing);
      }
    }
    at_ = end;
    return true;
  }
  size_t at() const { return at_; }

 private:
  struct Opened {  // a string whose code is being gone over
    size_t text_begin = 0;
    char quote = 0;
    bool triple = false, interpolates = false;
    size_t depth = 0;  // brackets that were open outside
  };
  static size_t index(char c) { return static_cast<unsigned char>(c); }

  // True when the byte is a bracket or a comma, which was noted.
  bool code(Standing& standing) {
    const char c = text_[at_];
    for (std::string_view opens : writing_.line_comments) {
      if (!starts(text_, at_, opens)) continue;
      // `#` inside a name is none, nor is bash's $#.
      if (opens == "#" && at_ > 0 && (text_[at_ - 1] == '$' || text_[at_ - 1] == '{')) continue;
      if (opens == "--" && starts(text_, at_, writing_.block_open)) continue;
      at_ += opens.size();
      standing.in = Standing::In::comment;
      standing.text_begin = at_;
      block_ = 0;
      return false;
    }
    if (starts(text_, at_, writing_.block_open)) {
      at_ += writing_.block_open.size();
      standing.in = Standing::In::comment;
      standing.text_begin = at_;
      block_ = 1;
      return false;
    }
    const bool character = c == '\'' && writing_.characters;
    const bool quote = writing_.quotes.find(c) != std::string_view::npos ||
                       writing_.long_quotes.find(c) != std::string_view::npos;
    if (character && !quote) {
      open_character(standing);
      return false;
    }
    if (quote) {
      if (character && !is_character()) {
        ++at_;
        return false;
      }
      open_string(standing, c);
      return false;
    }
    if (c == ',') {
      if (!standing.open.empty()) standing.open.back().commas.push_back(at_);
      return true;
    }
    if (c == '(' || c == '[' || c == '{') {
      if (standing.open.size() >= kMaxOpen) standing.open.erase(standing.open.begin());
      standing.open.push_back({at_, c, {}});
      return true;
    }
    if (c == ')' || c == ']' || c == '}') {
      close(standing, c);
      return standing.in == Standing::In::code;
    }
    ++at_;
    return false;
  }

  void close(Standing& standing, char c) {
    if (!strings_.empty() && c == '}' && standing.open.size() <= strings_.back().depth) {
      // The end of the code in a string.
      const Opened& opened = strings_.back();
      standing.in = Standing::In::string;
      standing.text_begin = opened.text_begin;
      standing.quote = opened.quote;
      triple_ = opened.triple;
      interpolates_ = opened.interpolates;
      strings_.pop_back();
      ++at_;
      return;
    }
    for (size_t i = standing.open.size(); i-- > 0;) {
      if (closing(standing.open[i].bracket) != c) continue;
      standing.open.resize(i);
      return;
    }
  }

  // 'a' and '\n' and '\u{1f600}', not 'static.
  bool is_character() const {
    if (at_ + 2 >= text_.size()) return false;
    if (text_[at_ + 1] == '\\') return true;
    for (size_t i = at_ + 2; i < std::min(text_.size(), at_ + 6); ++i) {
      if (text_[i] == '\'') return true;
      if (static_cast<unsigned char>(text_[i]) < 0x80) return false;
    }
    return false;
  }
  void open_character(Standing& standing) {
    if (is_character()) return open_string(standing, '\'');
    ++at_;
  }

  void open_string(Standing& standing, char quote) {
    const std::string three(3, quote);
    triple_ = writing_.triple_quotes && starts(text_, at_, three);
    interpolates_ = !writing_.interpolation.empty() && quote != '\'';
    if (!writing_.prefix_interpolates.empty()) {
      for (size_t i = at_; i > 0 && at_ - i < 3; --i) {
        const char letter = static_cast<char>(tolower(static_cast<unsigned char>(text_[i - 1])));
        if (!isalpha(static_cast<unsigned char>(letter)) && letter != '$' && letter != '@') break;
        if (letter == writing_.prefix_interpolates[0]) interpolates_ = true;
      }
    }
    at_ += triple_ ? 3 : 1;
    standing.in = Standing::In::string;
    standing.text_begin = at_;
    standing.quote = quote;
  }

  void comment(size_t end, Standing& standing) {
    if (block_ == 0) {
      const size_t line = text_.find('\n', at_);
      at_ = std::min(line, end);
      if (line < end) standing.in = Standing::In::code;
      return;
    }
    while (at_ < end && block_ > 0) {
      if (writing_.nested_blocks && starts(text_, at_, writing_.block_open)) {
        ++block_;
        at_ += writing_.block_open.size();
      } else if (starts(text_, at_, writing_.block_close)) {
        --block_;
        at_ += writing_.block_close.size();
      } else {
        ++at_;
      }
    }
    if (block_ == 0 && at_ <= end) standing.in = Standing::In::code;
  }

  void string(size_t end, Standing& standing) {
    const bool long_ =
        triple_ || writing_.long_quotes.find(standing.quote) != std::string_view::npos;
    const std::string three(3, standing.quote);
    const bool by_prefix = interpolates_ && !writing_.prefix_interpolates.empty();
    std::string_view opens = by_prefix ? std::string_view("{") : writing_.interpolation;
    while (at_ < end) {
      const char c = text_[at_];
      if (interpolates_ && starts(text_, at_, opens) && strings_.size() < kMaxNestedCode) {
        if (by_prefix && starts(text_, at_, "{{")) {
          at_ += 2;
          continue;
        }
        strings_.push_back(
            {standing.text_begin, standing.quote, triple_, interpolates_, standing.open.size()});
        at_ += opens.size();
        standing.in = Standing::In::code;
        return;
      }
      if (c == '\\') {
        at_ += 2;
        continue;
      }
      if (c == '\n' && !long_) break;
      if (triple_ ? starts(text_, at_, three) : c == standing.quote) {
        at_ += triple_ ? 3 : 1;
        standing.in = Standing::In::code;
        return;
      }
      ++at_;
    }
    if (at_ < end) standing.in = Standing::In::code;  // its line ended before it did
    at_ = std::min(at_, end);
  }

  std::string_view text_;
  const Writing& writing_;
  bool special_[256];
  size_t at_ = 0;
  int block_ = 0;
  bool triple_ = false, interpolates_ = false;
  std::vector<Opened> strings_;
};

size_t skip_string_back(std::string_view text, size_t end) {
  const char quote = text[end - 1];
  if (end >= 6 && text.substr(end - 3, 3) == std::string(3, quote)) {
    const size_t open = text.rfind(std::string(3, quote), end - 4);
    if (open != std::string_view::npos && end - open < kMaxExpression) return open;
  }
  for (size_t i = end - 1; i > 0 && end - i < kMaxExpression;) {
    --i;
    if (text[i] == '\n') break;
    if (text[i] != quote) continue;
    size_t slashes = 0;
    while (slashes < i && text[i - 1 - slashes] == '\\') ++slashes;
    if (slashes % 2 == 0) return i;
  }
  return end;
}

// Where the bracket that closes at end - 1 was opened; npos when that is far or not to be told.
size_t bracket_begin(std::string_view text, size_t end) {
  int depth = 0;
  for (size_t i = end; i > 0 && end - i < kMaxExpression;) {
    const char c = text[i - 1];
    if (c == '"' || c == '\'' || c == '`') {
      const size_t begin = skip_string_back(text, i);
      i = begin < i ? begin : i - 1;
      continue;
    }
    --i;
    if (c == ')' || c == ']' || c == '}') ++depth;
    if ((c == '(' || c == '[' || c == '{') && --depth == 0) return i;
  }
  return std::string_view::npos;
}

// The < of type arguments that end with the > at end - 1; npos when it is a comparison.
size_t angle_begin(std::string_view text, size_t end) {
  int depth = 0;
  for (size_t i = end; i > 0 && end - i < 300;) {
    const char c = text[--i];
    if (c == '>') ++depth;
    if (c == '<' && --depth == 0) return i;
    if (c == ';' || c == '{' || c == '}' || c == '"' || c == '\n') break;
  }
  return std::string_view::npos;
}

}  // namespace

Standing standing_at(std::string_view text, size_t offset, const Writing& writing) {
  Standing standing;
  Scan scan(text, writing);
  scan.run(0, std::min(offset, text.size()), standing,
           [](size_t, const Standing&) { return false; });
  return standing;
}

ListParts list_parts_at(std::string_view text, size_t open, size_t end, const Writing& writing) {
  ListParts out;
  end = std::min(end, text.size());
  if (open >= end) return out;
  Standing standing;
  Scan scan(text, writing);
  std::vector<size_t> commas;
  const bool whole = scan.run(open, end, standing, [&](size_t at, const Standing& now) {
    if (now.open.size() == 1 && text[at] == ',') commas.push_back(at);
    return now.open.empty();
  });
  out.closed = !whole;
  out.close = out.closed ? scan.at() : end;
  size_t begin = open + 1;
  auto add = [&](size_t to) {
    size_t from = begin;
    begin = std::min(to + 1, out.close);
    while (from < to && isspace(static_cast<unsigned char>(text[from]))) ++from;
    while (to > from && isspace(static_cast<unsigned char>(text[to - 1]))) --to;
    out.parts.emplace_back(from, to);
  };
  for (const size_t comma : commas) add(comma);
  add(out.close);
  if (out.parts.back().first == out.parts.back().second) out.parts.pop_back();
  return out;
}

bool is_name_letter(char c, const Writing& writing) {
  const auto byte = static_cast<unsigned char>(c);
  return isalnum(byte) || c == '_' || byte >= 0x80 ||
         writing.extra_letters.find(c) != std::string_view::npos;
}

size_t name_begin(std::string_view text, size_t offset, const Writing& writing) {
  size_t at = std::min(offset, text.size());
  while (at > 0 && is_name_letter(text[at - 1], writing)) --at;
  // ruby's ? and ! end names and begin none.
  while (at < offset && (text[at] == '?' || text[at] == '!')) ++at;
  return at;
}

size_t name_end(std::string_view text, size_t offset, const Writing& writing) {
  size_t at = std::min(offset, text.size());
  while (at < text.size() && is_name_letter(text[at], writing)) ++at;
  return at;
}

std::string_view line_before(std::string_view text, size_t offset) {
  const size_t line = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  const size_t begin = line == std::string_view::npos ? 0 : line + 1;
  return text.substr(begin, offset - begin);
}

bool ends_with_word(std::string_view text, std::string_view word) {
  if (text.size() < word.size() || text.substr(text.size() - word.size()) != word) return false;
  if (text.size() == word.size()) return true;
  const char before = text[text.size() - word.size() - 1];
  return !isalnum(static_cast<unsigned char>(before)) && before != '_';
}

bool ends_with(std::string_view text, std::string_view what) {
  return text.size() >= what.size() && text.substr(text.size() - what.size()) == what;
}

size_t blank_begin(std::string_view text, size_t offset) {
  while (offset > 0 && isspace(static_cast<unsigned char>(text[offset - 1]))) --offset;
  return offset;
}

std::string_view member_operator_before(std::string_view text, size_t offset,
                                        const Writing& writing) {
  std::string_view best;
  for (std::string_view op : writing.member_operators) {
    if (op.size() > best.size() && offset >= op.size() &&
        text.substr(offset - op.size(), op.size()) == op) {
      best = op;
    }
  }
  if (best == "." && offset >= 2 && text[offset - 2] == '.') return {};  // ..
  // 1. and 12. are numbers.
  if (best == "." && offset >= 2 && isdigit(static_cast<unsigned char>(text[offset - 2]))) {
    size_t begin = name_begin(text, offset - 1, writing);
    if (isdigit(static_cast<unsigned char>(text[begin]))) return {};
  }
  return best;
}

std::vector<ExpressionStep> expression_before(std::string_view text, size_t end,
                                              const Writing& writing) {
  using Kind = ExpressionStep::Kind;
  std::vector<ExpressionStep> back;
  text = text.substr(0, end);
  size_t at = end;
  bool complete = false;
  while (back.size() < kMaxSteps && end - at < kMaxExpression) {
    at = blank_begin(text, at);
    if (at == 0) break;
    const char c = text[at - 1];
    if ((c == '!' || c == '?') && !is_name_letter(c, writing)) {
      --at;
      continue;
    }
    if (c == ')' || c == ']') {
      const size_t open = bracket_begin(text, at);
      if (open == std::string_view::npos) return {};
      const size_t before = c == ')' ? blank_begin(text, open) : open;
      const char front = before > 0 ? text[before - 1] : '\0';
      size_t name = name_begin(text, before, writing);
      std::string_view word = text.substr(name, before - name);
      const bool keyword = word == "if" || word == "return" || word == "in" || word == "while" ||
                           word == "await" || word == "and" || word == "or" || word == "not" ||
                           word == "else" || word == "yield" || word == "typeof";
      const bool behind =
          !keyword && before > 0 &&
          (is_name_letter(front, writing) || front == ')' || front == ']' ||
           (front == '>' && c == ')') || (front == '!' && writing.language == "rust"));
      ExpressionStep step;
      step.begin = open;
      step.end = at;
      step.text = text.substr(open + 1, at - open - 2);
      if (behind) {
        step.kind = c == ')' ? Kind::call : Kind::element;
        back.push_back(step);
        at = before;
        continue;
      }
      step.kind = c == ')' ? Kind::group : Kind::other;
      back.push_back(step);
      complete = true;
      break;
    }
    if (c == '>') {  // type arguments: make<T>(), Foo::<T>::new()
      const size_t open = angle_begin(text, at);
      if (open == std::string_view::npos) return {};
      at = open;
      if (at >= 2 && text.substr(at - 2, 2) == "::") at -= 2;
      continue;
    }
    if (c == '"' || c == '\'' || c == '`') {
      const size_t open = skip_string_back(text, at);
      if (open >= at) return {};
      back.push_back({Kind::string, text.substr(open, at - open), {}, open, at});
      complete = true;
      break;
    }
    if (c == '}') {  // Foo{...}
      const size_t open = bracket_begin(text, at);
      const size_t name = open == std::string_view::npos ? at : name_begin(text, open, writing);
      if (open == std::string_view::npos || name == open) {
        back.push_back({Kind::other, {}, {}, at, at});
        complete = true;
        break;
      }
      back.push_back({Kind::call, {}, {}, open, at});
      at = open;
      continue;
    }
    const size_t begin = name_begin(text, at, writing);
    if (begin == at) return {};
    ExpressionStep step{Kind::name, text.substr(begin, at - begin), {}, begin, at};
    const size_t before = blank_begin(text, begin);
    step.member_operator = member_operator_before(text, before, writing);
    at = before - step.member_operator.size();
    back.push_back(step);
    if (step.member_operator.empty()) {
      complete = true;
      break;
    }
  }
  if (!complete) return {};
  std::reverse(back.begin(), back.end());
  return back;
}

}  // namespace engramd::repoindex
