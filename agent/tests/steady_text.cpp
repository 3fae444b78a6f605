#include "agent/tests/steady_text.h"

#include <algorithm>
#include <map>
#include <optional>

namespace engramd::agent {
namespace {

constexpr size_t kMaxAddresses = 10'000;  // more keep their digits: nobody reads such a text

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_word(char c) {
  return is_digit(c) || is_lower(c) || is_upper(c) || c == '_';
}

size_t span(std::string_view text, size_t at, bool (*is)(char)) {
  size_t n = 0;
  while (at + n < text.size() && is(text[at + n])) ++n;
  return n;
}

bool starts_with_at(std::string_view text, size_t at, std::string_view what) {
  return text.substr(std::min(at, text.size()), what.size()) == what;
}

bool ends_with_word(std::string_view text, std::string_view word) {
  if (text.size() < word.size()) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    char c = text[text.size() - word.size() + i];
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
    if (c != word[i]) return false;
  }
  return text.size() == word.size() || !is_word(text[text.size() - word.size() - 1]);
}

class Steady {
 public:
  explicit Steady(std::string_view text) : text_(text) {}

  std::string run() {
    out_.reserve(text_.size());
    while (at_ < text_.size()) {
      const bool begins = at_ == 0 || !is_word(text_[at_ - 1]);
      const char c = text_[at_];
      if (begins && c == '0' && address()) continue;
      if (c == '=' && sanitizer_pid()) continue;
      if (begins && is_digit(c) && (pid() || duration())) continue;
      if (c == '/' && (temporary("/tmp/") || temporary("/var/tmp/"))) continue;
      out_ += c;
      ++at_;
    }
    return std::move(out_);
  }

 private:
  void put(std::string_view by, size_t n_taken) {
    out_ += by;
    at_ += n_taken;
  }

  // Where a process has its memory: 12 digits (16 with zeros in front), or what "at" names. Shorter
  // ones elsewhere may be values of a test.
  bool address() {
    if (!starts_with_at(text_, at_, "0x")) return false;
    const size_t n = span(text_, at_ + 2, is_hex);
    if (at_ + 2 + n < text_.size() && is_word(text_[at_ + 2 + n])) return false;
    std::string_view digits = text_.substr(at_ + 2, n);
    const bool named = out_.ends_with(" at ") && n >= 6 && n <= 16;
    if (n == 16 && digits.starts_with("0000")) digits.remove_prefix(4);
    if (digits.size() != 12 && !named) return false;
    const auto known = addresses_.find(digits);
    if (known == addresses_.end() && addresses_.size() >= kMaxAddresses) return false;
    const size_t number =
        addresses_.emplace(std::string(digits), addresses_.size() + 1).first->second;
    put("0xADDR" + std::to_string(number), n + 2);
    return true;
  }

  bool sanitizer_pid() {  // ==4711==
    if (!starts_with_at(text_, at_, "==")) return false;
    const size_t n = span(text_, at_ + 2, is_digit);
    if (n == 0 || n > 8 || !starts_with_at(text_, at_ + 2 + n, "==")) return false;
    put("==PID==", n + 4);
    return true;
  }

  bool pid() {
    const size_t n = span(text_, at_, is_digit);
    if (n > 8 || (at_ + n < text_.size() && is_word(text_[at_ + n]))) return false;
    std::string_view before = out_;
    while (!before.empty() && (before.back() == ' ' || before.back() == '=' ||
                               before.back() == ':' || before.back() == '#'))
      before.remove_suffix(1);
    if (before.size() == out_.size() || out_.size() - before.size() > 2) return false;
    if (!ends_with_word(before, "pid") && !ends_with_word(before, "process id")) return false;
    put("PID", n);
    return true;
  }

  // A time that the framework took, by where frameworks write it.
  bool duration() {
    size_t n = span(text_, at_, is_digit);
    const bool decimal =
        at_ + n + 1 < text_.size() && text_[at_ + n] == '.' && is_digit(text_[at_ + n + 1]);
    if (decimal) n += 1 + span(text_, at_ + n + 1, is_digit);
    if (out_.ends_with("duration_ms: ") || out_.ends_with("duration_ms ") ||
        out_.ends_with(" time=\"")) {
      put("_", n);
      return true;
    }
    const size_t space = starts_with_at(text_, at_ + n, " ") ? 1 : 0;
    const size_t n_unit = unit(at_ + n + space);
    if (n_unit == 0) return false;
    const size_t end = at_ + n + space + n_unit;
    const bool line_ends = end >= text_.size() || text_[end] == '\n';
    const bool in_brackets =
        out_.ends_with("(") && end < text_.size() && (text_[end] == ')' || text_[end] == ',');
    const std::string_view said = text_.substr(at_ + n, space + n_unit);
    const bool is_ours = (in_brackets && (decimal || said.ends_with("ms"))) ||
                         (decimal && (out_.ends_with(" in ") || out_.ends_with("took "))) ||
                         (decimal && out_.ends_with("\t") && line_ends) ||
                         (decimal && out_.ends_with("  ") && said == " sec");
    if (!is_ours) return false;
    // ctest pads its numbers on the left.
    if (said == " sec")
      while (out_.ends_with("  ")) out_.pop_back();
    put("_", n);
    return true;
  }

  size_t unit(size_t at) const {
    for (const std::string_view name : {"seconds", "second", "secs", "sec", "ms", "us", "ns", "s"})
      if (starts_with_at(text_, at, name) &&
          (at + name.size() >= text_.size() || !is_word(text_[at + name.size()])))
        return name.size();
    return 0;
  }

  // The folder below a temporary one: names that are drawn anew each time.
  bool temporary(std::string_view root) {
    if (!starts_with_at(text_, at_, root) || (at_ > 0 && is_word(text_[at_ - 1]))) return false;
    put(root, root.size());
    // Of pytest the second folder is the numbered one.
    for (int depth = 0; depth < 2; ++depth) {
      const size_t end = std::min(text_.find_first_of("/ \t\n\"'`:;,()<>[]", at_), text_.size());
      const std::string_view name = text_.substr(at_, end - at_);
      const auto other = drawn(name);
      put(other ? *other : std::string(name), name.size());
      if (other || !name.starts_with("pytest-of-") || !starts_with_at(text_, at_, "/")) break;
      put("/", 1);
    }
    return true;
  }

  // The name without what was drawn; nothing when it looks like one that somebody gave.
  static std::optional<std::string> drawn(std::string_view name) {
    size_t n = 0;
    while (n < name.size() && is_digit(name[name.size() - 1 - n])) ++n;
    const std::string_view stem = name.substr(0, name.size() - n);
    if (n > 0 && (stem == "pytest-" || stem == "go-build" || n >= 6))
      return std::string(stem) + "N";
    const auto random = [](std::string_view tail) {
      // One of a kind only could be a word.
      return std::all_of(tail.begin(), tail.end(), is_word) &&
             int(std::any_of(tail.begin(), tail.end(), is_lower)) +
                     int(std::any_of(tail.begin(), tail.end(), is_upper)) +
                     int(std::any_of(tail.begin(), tail.end(), is_digit)) >=
                 2;
    };
    // Python's tempfile: eight of a-z0-9_ behind the prefix. All of one kind are possible there.
    if (name.size() == 11 && name.starts_with("tmp") &&
        std::all_of(name.begin(), name.end(),
                    [](char c) { return is_lower(c) || is_digit(c) || c == '_'; }))
      return "tmpXXXXXXXX";
    if (name.size() > 8 && random(name.substr(name.size() - 8)) &&
        std::none_of(name.end() - 8, name.end(), is_upper) &&
        (name[name.size() - 9] == '-' || name[name.size() - 9] == '_' ||
         name[name.size() - 9] == '.'))
      return std::string(name.substr(0, name.size() - 8)) + "XXXXXXXX";
    for (const size_t drawn_letters : {size_t{6}, size_t{10}})
      if (name.size() > drawn_letters && random(name.substr(name.size() - drawn_letters)) &&
          (name[name.size() - drawn_letters - 1] == '-' ||
           name[name.size() - drawn_letters - 1] == '.'))
        return std::string(name.substr(0, name.size() - drawn_letters)) + "XXXXXX";
    return std::nullopt;
  }

  const std::string_view text_;
  size_t at_ = 0;
  std::string out_;
  std::map<std::string, size_t, std::less<>> addresses_;
};

}  // namespace

std::string steady_text(std::string_view text) {
  return Steady(text).run();
}

}  // namespace engramd::agent
