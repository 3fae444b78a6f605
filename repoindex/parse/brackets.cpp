#include "repoindex/parse/brackets.h"

#include <algorithm>
#include <string>

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxTold = 3, kMaxOpen = 10'000, kMaxConditions = 500;

bool is_word(char c) {
  return isalnum(static_cast<unsigned char>(c)) || c == '_';
}

class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {}

  std::vector<SyntaxError> errors() {
    while (at_ < text_.size() && !given_up_) step();
    if (given_up_) return {};
    if (!conditions_.empty()) tell(conditions_.back().begin, 3, "#if is not closed");
    if (!open_.empty() && errors_.empty()) {
      // The `}` that first stood further left than its `{`'s line: what it closed was not its own.
      const Open& open = suspicious_.closing != 0 ? suspicious_ : open_.back();
      tell(open.at, 1, "'" + std::string(1, text_[open.at]) + "' is not closed");
    }
    std::stable_sort(errors_.begin(), errors_.end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
    if (errors_.size() > kMaxTold) errors_.resize(kMaxTold);
    return std::move(errors_);
  }

 private:
  struct Open {
    char closing = 0;
    size_t at = 0;
  };
  struct Condition {
    size_t begin = 0;
    std::vector<Open> before, after_first;
    bool has_first = false, has_else = false;
  };

  void tell(size_t at, size_t length, std::string message) {
    errors_.push_back(
        {static_cast<uint32_t>(at), static_cast<uint32_t>(at + length), std::move(message)});
  }

  void step() {
    const char c = text_[at_];
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (c == '/' && next == '/') {
      at_ = line_end(at_);
    } else if (c == '/' && next == '*') {
      comment();
    } else if (c == '"') {
      string();
    } else if (c == '\'') {
      character();
    } else if (c == '#' && first_of_line(at_)) {
      directive();
    } else if (is_word(c)) {
      word();
    } else {
      bracket(c);
      ++at_;
    }
  }

  // The end of the line that a backslash does not continue.
  size_t line_end(size_t at) const {
    for (;;) {
      size_t end = text_.find('\n', at);
      if (end == std::string_view::npos) return text_.size();
      size_t last = end;
      while (last > at && text_[last - 1] == '\r') --last;
      if (last == at || text_[last - 1] != '\\') return end;
      at = end + 1;
    }
  }
  bool first_of_line(size_t at) const {
    while (at > 0 && (text_[at - 1] == ' ' || text_[at - 1] == '\t')) --at;
    return at == 0 || text_[at - 1] == '\n' || text_[at - 1] == '\r';
  }
  // Columns before the first character of the line.
  size_t indent_of(size_t at) const {
    size_t line = at == 0 ? std::string_view::npos : text_.rfind('\n', at - 1);
    line = line == std::string_view::npos ? 0 : line + 1;
    size_t first = text_.find_first_not_of(" \t", line);
    return std::min(first, text_.size()) - line;
  }

  void comment() {
    size_t end = text_.find("*/", at_ + 2);
    if (end == std::string_view::npos) tell(at_, 2, "comment is not closed");
    at_ = end == std::string_view::npos ? text_.size() : end + 2;
  }

  void string() {
    const size_t begin = at_++;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
        if (at_ < text_.size() && text_[at_] == '\r') ++at_;
      } else if (text_[at_] == '"') {
        ++at_;
        return;
      } else if (text_[at_] == '\n') {
        break;
      }
    }
    tell(begin, 1, "string is not closed");
  }

  void character() {
    const size_t begin = at_++;
    for (; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '\'') {
        ++at_;
        return;
      }
    }
    tell(begin, 1, "quote is not closed");
  }

  // Names and numbers, with the quotes that belong to them: 1'000, R"x(...)x".
  void word() {
    const size_t begin = at_;
    const bool number = isdigit(static_cast<unsigned char>(text_[at_])) != 0;
    while (at_ < text_.size() &&
           (is_word(text_[at_]) ||
            (number && text_[at_] == '\'' && at_ + 1 < text_.size() && is_word(text_[at_ + 1])))) {
      ++at_;
    }
    if (number || at_ >= text_.size() || text_[at_] != '"' || text_[at_ - 1] != 'R') return;
    std::string_view prefix = text_.substr(begin, at_ - begin);
    if (prefix != "R" && prefix != "LR" && prefix != "uR" && prefix != "UR" && prefix != "u8R")
      return;
    size_t bracket = text_.find('(', at_);
    if (bracket == std::string_view::npos || bracket - at_ > 17) return;
    std::string end = ")" + std::string(text_.substr(at_ + 1, bracket - at_ - 1)) + "\"";
    size_t found = text_.find(end, bracket);
    if (found == std::string_view::npos) tell(at_, 1, "string is not closed");
    at_ = found == std::string_view::npos ? text_.size() : found + end.size();
  }

  void bracket(char c) {
    if (c == '(' || c == '[' || c == '{') {
      if (open_.size() >= kMaxOpen) given_up_ = true;
      open_.push_back({c == '(' ? ')' : c == '[' ? ']' : '}', at_});
      return;
    }
    if (c != ')' && c != ']' && c != '}') return;
    auto own = std::find_if(open_.rbegin(), open_.rend(),
                            [&](const Open& open) { return open.closing == c; });
    if (own == open_.rend()) return tell(at_, 1, "unexpected '" + std::string(1, c) + "'");
    // A `)` without its `(` inside a block is that, rather than all blocks around it open.
    if (own != open_.rbegin() && c != '}') {
      bool block_between =
          std::any_of(open_.rbegin(), own, [](const Open& open) { return open.closing == '}'; });
      if (block_between) return tell(at_, 1, "unexpected '" + std::string(1, c) + "'");
    }
    if (own != open_.rbegin()) {
      const Open& inner = open_.back();
      tell(inner.at, 1, "'" + std::string(1, text_[inner.at]) + "' is not closed");
    } else if (c == '}' && suspicious_.closing == 0 && first_of_line(at_) &&
               indent_of(at_) < indent_of(own->at)) {
      suspicious_ = *own;
    }
    open_.erase(own.base() - 1, open_.end());
  }

  void directive() {
    const size_t begin = at_++;
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    const std::string_view name = text_.substr(at_, end - at_);
    size_t stop = line_end(end);
    // A comment that begins on a directive's line may go on behind it.
    const size_t opened = text_.substr(end, stop - end).find("/*");
    if (opened != std::string_view::npos &&
        text_.substr(end, opened).find("//") == std::string_view::npos) {
      const size_t closed = text_.find("*/", end + opened);
      if (closed != std::string_view::npos && closed > stop) stop = line_end(closed);
    }
    at_ = stop;
    if (name == "if" || name == "ifdef" || name == "ifndef") {
      if (conditions_.size() >= kMaxConditions) given_up_ = true;
      std::string_view said = text_.substr(end, stop - end);
      said.remove_prefix(std::min(said.find_first_not_of(" \t"), said.size()));
      conditions_.push_back({begin, open_, {}, false, false});
      const bool never = name == "if" && !said.empty() && said[0] == '0' &&
                         (said.size() == 1 || !is_word(said[1]));
      if (never) skip_branch();
    } else if (name == "elif" || name == "else" || name == "elifdef" || name == "elifndef") {
      if (conditions_.empty())
        return tell(begin, end - begin, "unexpected '#" + std::string(name) + "'");
      end_branch();
      conditions_.back().has_else = name == "else";
      open_ = conditions_.back().before;
    } else if (name == "endif") {
      if (conditions_.empty()) return tell(begin, end - begin, "unexpected '#endif'");
      end_branch();
      const Condition& condition = conditions_.back();
      // Without #else nothing is a branch too.
      if (!condition.has_else && !same(condition.before, condition.after_first)) given_up_ = true;
      open_ = condition.after_first;
      conditions_.pop_back();
    }
  }

  static bool same(const std::vector<Open>& a, const std::vector<Open>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Open& x, const Open& y) { return x.closing == y.closing; });
  }

  void end_branch() {
    Condition& condition = conditions_.back();
    if (condition.has_first && !same(condition.after_first, open_)) given_up_ = true;
    if (!condition.has_first) condition.after_first = open_;
    condition.has_first = true;
  }

  // To the directive that ends the branch, which is read next.
  void skip_branch() {
    int depth = 0;
    while (at_ < text_.size()) {
      const size_t line = text_.find('\n', at_);
      if (line == std::string_view::npos) break;
      at_ = line + 1;
      size_t first = text_.find_first_not_of(" \t", at_);
      if (first == std::string_view::npos || text_[first] != '#') continue;
      size_t word = text_.find_first_not_of(" \t", first + 1);
      if (word == std::string_view::npos) break;
      const std::string_view rest = text_.substr(word, 6);
      if (rest.substr(0, 2) == "if") ++depth;
      const bool ends = rest.substr(0, 5) == "endif";
      if (depth == 0 && (ends || rest.substr(0, 2) == "el")) {
        at_ = first;
        return;
      }
      if (ends) --depth;
    }
    at_ = text_.size();
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Open> open_;
  Open suspicious_;
  std::vector<Condition> conditions_;
  std::vector<SyntaxError> errors_;
  bool given_up_ = false;
};

}  // namespace

std::vector<SyntaxError> bracket_errors(std::string_view text) {
  return Scan(text).errors();
}

}  // namespace engramd::repoindex
