// Regular expressions: quantifiers, anchors, classes, escapes, flags.
#include <algorithm>
#include <array>
#include <cctype>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

constexpr std::string_view kKind = "regular expression";
constexpr std::string_view kClass = "class of characters", kAnchor = "ends of a pattern";
constexpr std::string_view kOfFailure = "regular expression for the failure";

// Written like a pattern, wherever it stands: tables of patterns and patterns built from pieces.
bool reads_like_a_pattern(std::string_view text) {
  size_t marks = 0;
  for (const std::string_view mark :
       {"\\s", "\\d", "\\w", "(?:", "[^", ".*", ".+", "]*", "]+", "(?", "\\.", "{1,", "|"})
    marks += text.find(mark) != std::string_view::npos;
  return marks >= 2;
}

// Whether the literal is the pattern of a call like re.sub(pattern, ...) or stands in a /regex/.
bool is_pattern(const Site& site) {
  const CodeView& code = site.code;
  const std::string_view kind = code.kind_of(site.node);
  if (kind == "regex_pattern") return true;
  if (!contains_kind(code.kinds.string, kind) || kind == "concatenated_string") return false;
  const std::string literal = code.text_of(site.node);
  if (literal.size() > 300) return false;
  if (code.is_python && (literal[0] == 'r' || literal[0] == 'R')) return true;
  if (reads_like_a_pattern(literal)) return true;
  const size_t list = code.parent(site.node);
  const size_t call = list == kNoNode ? kNoNode : code.parent(list);
  const size_t callee = call == kNoNode ? kNoNode : code.callee_of(call);
  if (callee == kNoNode) return false;
  const std::string name = code.text_of(callee);
  for (const std::string_view known : {"re.", "RegExp", "regexp.", "Regex", "regex"})
    if (name.find(known) != std::string::npos) return true;
  return false;
}

class PatternEdits {
 public:
  explicit PatternEdits(const Site& site) : site_(site), text_(site.code.text_of(site.node)) {
    last_ = text_.size();
    if (site.code.kind_of(site.node) == "regex_pattern") return;
    const size_t quote = text_.find_first_of("'\"`");
    escaped_ = text_[0] != 'r' && text_[0] != 'R' && text_[0] != '`';
    if (quote == std::string::npos || text_.size() < quote + 2) {
      last_ = 0;
      return;
    }
    first_ = quote + 1;
    last_ = text_.size() - 1;
  }

  void propose() {
    if (last_ <= first_) return;
    told_by_the_failure();
    one_place();
    everywhere();
    ends();
  }

 private:
  std::string slash(std::string_view rest) const {
    return (escaped_ ? "\\\\" : "\\") + std::string(rest);
  }
  void put(size_t begin, size_t length, const std::string& with, double cost,
           std::string_view kind = kKind) {
    const size_t base = site_.code.node(site_.node).begin;
    site_.out.replace_range({base + begin, base + begin + length}, with, cost, kind);
  }

  void escape(size_t i, size_t width) {
    const char letter = text_[i + width - 1];
    static constexpr std::array<std::string_view, 2> kClasses[] = {
        {"w", "S"}, {"d", "w"}, {"s", "S"}, {"b", "B"}, {"d", "D"}, {"w", "W"}};
    for (const auto& pair : kClasses)
      for (const size_t side : {size_t{0}, size_t{1}})
        if (letter == pair[side][0]) put(i + width - 1, 1, std::string(pair[1 - side]), 2.5);
    const size_t after = i + width;
    if (after >= last_ || (text_[after] != '+' && text_[after] != '*')) {
      put(after, 0, "+", 2.3);
      put(after, 0, "*", 2.3);
      put(after, 0, "?", 2.3);
    }
    if (letter == 'n') put(i, 0, slash("r") + "?", 1.9);
    if (letter == 'w' || letter == 'd' || letter == 's' || letter == 'S')
      for (const std::string_view more : {"-", ".", "_", " "})
        put(i, width, "[" + text_.substr(i, width) + std::string(more) + "]", 2.7);
  }

  // What the failing test is about: its signs in classes, its words among alternatives.
  void told_by_the_failure() {
    for (const std::string& text : site_.hints.strings) {
      for (const char c : text)
        if (std::ispunct(static_cast<unsigned char>(c)) != 0 && c != '\'' && c != '"' && c != '`' &&
            signs_.find(c) == std::string::npos && signs_.size() < 10)
          signs_ += c;
      if (text.size() >= 2 && text.size() <= 12 && words_.size() < 8 &&
          std::all_of(text.begin(), text.end(),
                      [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }))
        words_.push_back(text);
    }
  }

  void class_end(size_t i) {
    for (const char c : signs_)
      if (std::string_view("[]\\^-/").find(c) != std::string_view::npos)
        put(i, 0, slash(std::string(1, c)), 2.2, kOfFailure);
      else
        put(i, 0, std::string(1, c), 2.2, kOfFailure);
    for (const std::string_view more :
         {"-", ".", "_", "0-9", "A-Z", "a-z", " ", ":", "/", "+", ","})
      put(i, 0, std::string(more), 2.5, kClass);
    for (const std::string_view more : {"[", "]", "s", "n", "(", ")"})
      put(i, 0, slash(more), 2.6, kClass);
    if (i + 1 < last_ && text_[i + 1] != '+' && text_[i + 1] != '*') put(i + 1, 0, "+", 2.3);
  }

  void one_place() {
    bool in_class = false;
    size_t class_begin = 0;
    for (size_t i = first_; i < last_; ++i) {
      const char c = text_[i];
      if (c == '\\' && i + 1 < last_) {
        const size_t width = escaped_ && text_[i + 1] == '\\' && i + 2 < last_ ? 3 : 2;
        if (!in_class) escape(i, width);
        i += width - 1;
        continue;
      }
      if (c == '[' && !in_class) {
        in_class = true;
        class_begin = i;
      } else if (c == ']' && in_class && i > class_begin + 1) {
        in_class = false;
        class_end(i);
        put(class_begin, i + 1 - class_begin, ".", 2.4, kClass);
        for (const std::string_view more : {"[", "]", "(", ")"})
          put(class_begin + (text_[class_begin + 1] == '^' ? 2 : 1), 0, slash(more), 2.6, kClass);
      }
      if (in_class) continue;
      if (c == '+') put(i, 1, "*", 1.6);
      if (c == '*') put(i, 1, "+", 1.6);
      if (c == '+' || c == '*') {
        if (i + 1 < last_ && text_[i + 1] == '?')
          put(i + 1, 1, "", 2.0);
        else
          put(i + 1, 0, "?", 1.9);
        put(i, 1, "?", 2.2);
        put(i, 1, "", 2.6);
        put(i, 1, "{1,3}", 2.9);
      }
      if (c == '?') put(i, 1, "*", 2.3);
      if (c == '?') put(i, 1, "", 2.5);
      if (c == '.') {
        put(i, 1, slash("."), 2.0);
        put(i, 1, "[" + slash("s") + slash("S") + "]", 2.0);
        if (i + 1 >= last_ || (text_[i + 1] != '*' && text_[i + 1] != '+')) {
          put(i + 1, 0, "?", 2.2);
          put(i + 1, 0, "*", 2.2);
          put(i + 1, 0, "+", 2.2);
        }
      }
      if (c == '^') put(i, 1, slash("A"), 2.3);
      if (c == '$' && site_.code.is_python) put(i, 1, slash("Z"), 2.0);
      if (c == ')') {
        put(i + 1, 0, "?", 2.3);
        put(i + 1, 0, "*", 2.5);
        if (i > first_ && text_.rfind('|', i) != std::string::npos)
          for (const std::string& word : words_) put(i, 0, "|" + word, 2.3, kOfFailure);
        put(i, 0, "|$", 2.6);
      }
      if (c == '(' && i + 1 < last_ && text_[i + 1] != '?') {
        put(i + 1, 0, "?:", 2.4);
        put(i + 1, 0, "?=", 2.6);
        put(i + 1, 0, "?!", 2.8);
      }
    }
  }

  // The same change at every place of the pattern.
  void everywhere() {
    const auto all = [&](char from, std::string_view to, double cost) {
      std::string changed;
      size_t n = 0;
      for (size_t i = first_; i < last_; ++i) {
        const bool escaped = i > first_ && text_[i - 1] == '\\';
        if (text_[i] == from && !escaped) {
          changed += to;
          ++n;
        } else {
          changed += text_[i];
        }
      }
      if (n >= 2) put(first_, last_ - first_, changed, cost);
    };
    all('*', "+", 2.3);
    all('+', "*", 2.3);
    if (text_[first_] == '^' && text_[last_ - 1] == '$' && site_.code.is_python)
      put(first_, last_ - first_,
          slash("A") + text_.substr(first_ + 1, last_ - first_ - 2) + slash("Z"), 2.0);
  }

  void ends() {
    if (text_[first_] == '^')
      put(first_, 1, "", 2.1, kAnchor);
    else
      put(first_, 0, "^", 1.9, kAnchor);
    if (text_[last_ - 1] == '$')
      put(last_ - 1, 1, "", 2.1, kAnchor);
    else
      put(last_, 0, "$", 1.9, kAnchor);
    put(first_, 0, slash("b"), 2.5, kAnchor);
    put(last_, 0, slash("b"), 2.5, kAnchor);
    put(last_, 0, slash("s") + "*", 2.5, kAnchor);
    put(first_, 0, slash("s") + "*", 2.5, kAnchor);
  }

  const Site& site_;
  const std::string text_;
  std::string signs_;               // of the failure's texts
  std::vector<std::string> words_;  // likewise
  size_t first_ = 0, last_ = 0;
  bool escaped_ = false;  // a backslash of the pattern is written twice
};

void flags(const Site& site) {
  const CodeView& code = site.code;
  const std::string_view kind = code.kind_of(site.node);
  if (kind == "regex_flags" || kind == "regex") {
    const std::string now = code.text_of(site.node);
    const std::string have = kind == "regex_flags" ? now : now.substr(now.rfind('/') + 1);
    const size_t end = code.node(site.node).end;
    for (const std::string_view flag : {"g", "i", "m", "u", "s"})
      if (have.find(flag) == std::string::npos)
        site.out.replace_range({end, end}, std::string(flag), 2.0, kKind);
    if (kind == "regex_flags" && now.size() == 1) site.out.replace(site.node, "", 2.2, kKind);
    return;
  }
  if (!code.is_python || !contains_kind(code.kinds.call, kind)) return;
  const size_t callee = code.callee_of(site.node);
  const std::string name = callee == kNoNode ? "" : code.text_of(callee);
  if (name.rfind("re.", 0) != 0 || name == "re.escape") return;
  const size_t list = code.tree.child_by_field(site.node, "arguments");
  if (list == kNoNode || code.arguments_of(site.node).empty()) return;
  const size_t end = code.node(list).end - 1;
  for (const std::string_view flag : {"re.IGNORECASE", "re.DOTALL", "re.MULTILINE", "re.ASCII"})
    if (code.text_of(list).find(flag) == std::string::npos) {
      site.out.replace_range({end, end}, ", flags=" + std::string(flag), 2.4, kKind);
      site.out.replace_range({end, end}, ", " + std::string(flag), 2.5, kKind);
    }
}

}  // namespace

void propose_regexes(const Site& site) {
  if (is_pattern(site)) PatternEdits(site).propose();
  flags(site);
}

}  // namespace engramd::agent
