#include "repoindex/parse/errors.h"

#include <algorithm>

#include "base/text.h"
#include "repoindex/parse/brackets.h"

namespace engramd::repoindex {

namespace {

// Children of one ERROR node, and nodes on the way to all of them.
constexpr size_t kMaxChildren = 20'000, kMaxNodes = 200'000;
constexpr size_t kMaxShown = 24;  // bytes of a token in a message

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

std::string_view text_of(TSNode node, std::string_view text) {
  uint32_t begin = ts_node_start_byte(node), end = ts_node_end_byte(node);
  return end <= text.size() && begin <= end ? text.substr(begin, end - begin) : std::string_view();
}

// The closing half, or 0.
char closing_of(char open) {
  return open == '(' ? ')' : open == '[' ? ']' : open == '{' ? '}' : '\0';
}
bool is_closing(char c) {
  return c == ')' || c == ']' || c == '}';
}

class Finder {
 public:
  Finder(const Language& language, std::string_view text) : text_(text), trust_(language.errors) {}

  void find(TSNode root) {
    if (trust_ == ErrorTrust::brackets) found_ = bracket_errors(text_);
    TSTreeCursor cursor = ts_tree_cursor_new(root);
    size_t n = 0, depth = 0, n_errors = 0;
    std::vector<TSNode> plain;
    while (found_.size() < 4 * kMaxErrors && ++n < kMaxNodes) {
      TSNode node = ts_tree_cursor_current_node(&cursor);
      bool inside = false;
      if (ts_node_is_missing(node)) {
        if (trust_ == ErrorTrust::exact) {
          missing(node);
        } else if (ends_plain_statement(cursor)) {
          plain.push_back(node);
        }
      } else if (ts_node_is_error(node)) {
        n_errors += 1;
        if (trust_ == ErrorTrust::exact) error(node);
      } else {
        inside = ts_node_has_error(node);
      }
      if (inside && ts_tree_cursor_goto_first_child(&cursor)) {
        ++depth;
        continue;
      }
      while (depth > 0 && !ts_tree_cursor_goto_next_sibling(&cursor)) {
        ts_tree_cursor_goto_parent(&cursor);
        --depth;
      }
      if (depth == 0) break;
    }
    ts_tree_cursor_delete(&cursor);
    // Where the grammar has lost its way elsewhere it may have here.
    if (n_errors == 0)
      for (TSNode node : plain) missing(node);
  }

  std::vector<SyntaxError> take() {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
    std::vector<SyntaxError> out;
    for (SyntaxError& e : found_) {
      if (out.size() >= kMaxErrors) break;
      if (!out.empty() && same_line(out.back().begin, e.begin)) continue;
      out.push_back(std::move(e));
    }
    return out;
  }

 private:
  bool same_line(uint32_t a, uint32_t b) const {
    std::string_view between = text_.substr(a, b - a);
    return between.find_first_of("\r\n") == std::string_view::npos;
  }

  // The range is cut to its first line, and is one character at least.
  void add(size_t begin, size_t end, std::string message) {
    begin = std::min(begin, text_.size());
    end = std::clamp(end, begin, text_.size());
    size_t line_end = std::min(text_.find_first_of("\r\n", begin), text_.size());
    end = std::min(end, line_end);
    if (begin == end && begin > 0 && (begin == line_end || begin == text_.size())) {
      // At the end of a line: the character before.
      do {
        --begin;
      } while (begin > 0 && (static_cast<unsigned char>(text_[begin]) & 0xC0) == 0x80);
    } else if (begin == end && begin < text_.size()) {
      end = begin + utf8_length_at(text_, begin);
    }
    if (begin >= end) return;  // the text is empty
    found_.push_back(
        {static_cast<uint32_t>(begin), static_cast<uint32_t>(end), utf8_sanitized(message)});
  }

  // A `;` after something that no macro that takes the place of a statement looks like.
  bool ends_plain_statement(const TSTreeCursor& cursor) const {
    TSTreeCursor at = ts_tree_cursor_copy(&cursor);
    const TSNode node = ts_tree_cursor_current_node(&at);
    bool plain = std::string_view(ts_node_type(node)) == ";" && ts_tree_cursor_goto_parent(&at);
    if (plain) {
      const TSNode parent = ts_tree_cursor_current_node(&at);
      const std::string_view kind = ts_node_type(parent);
      plain =
          kind == "return_statement" || kind == "break_statement" || kind == "continue_statement";
      if (kind == "expression_statement" || kind == "declaration") {
        const TSNode first = ts_node_named_child(parent, kind == "declaration" ? 1 : 0);
        const std::string_view is = ts_node_is_null(first) ? "" : ts_node_type(first);
        plain =
            is == "assignment_expression" || is == "init_declarator" || is == "update_expression";
      }
      // What follows must begin a line: else the grammar lost its way earlier.
      size_t next = ts_node_end_byte(parent);
      while (plain && next < text_.size() && (text_[next] == ' ' || text_[next] == '\t')) ++next;
      plain = plain && (next >= text_.size() || text_[next] == '\n' || text_[next] == '\r' ||
                        text_[next] == '}' || text_.substr(next, 2) == "//" ||
                        text_.substr(next, 2) == "/*");
    }
    ts_tree_cursor_delete(&at);
    return plain;
  }

  // Right behind what stands before it, where one would write it.
  void missing(TSNode node) {
    size_t at = std::min<size_t>(ts_node_start_byte(node), text_.size());
    while (at > 0 && is_blank(text_[at - 1])) --at;
    size_t begin = at;
    if (begin > 0) {
      do {
        --begin;
      } while (begin > 0 && (static_cast<unsigned char>(text_[begin]) & 0xC0) == 0x80);
    }
    add(begin, at, "missing " + name_of(node));
  }

  static std::string name_of(TSNode node) {
    std::string_view kind = ts_node_type(node);
    if (!ts_node_is_named(node)) {
      if (kind == "\n" || kind == "\r\n" || kind == "\r") return "line end";
      if (kind == "'" || kind == "\"") return "closing quote";
      return "'" + std::string(kind) + "'";
    }
    if (kind.find("identifier") != std::string_view::npos || kind == "name" || kind == "word") {
      return "name";
    }
    std::string out(kind);
    while (!out.empty() && out[0] == '_') out.erase(0, 1);
    std::replace(out.begin(), out.end(), '_', ' ');
    return out;
  }

  void error(TSNode node) {
    struct Open {
      char closing;
      TSNode token;
    };
    std::vector<Open> open;
    TSNode first{}, wrong{}, quote{};
    size_t n = 0;
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    for (bool more = ts_tree_cursor_goto_first_child(&cursor); more && ++n < kMaxChildren;
         more = ts_tree_cursor_goto_next_sibling(&cursor)) {
      TSNode child = ts_tree_cursor_current_node(&cursor);
      if (ts_node_is_extra(child) && !ts_node_is_error(child)) continue;
      // What is a whole node by itself is seldom what is wrong.
      const bool whole = ts_node_child_count(child) > 0;
      if (ts_node_is_null(first) || (!whole && ts_node_child_count(first) > 0)) first = child;
      if (whole) continue;
      std::string_view token = text_of(child, text_);
      if (token.empty()) continue;
      char last = token.back();  // "${", "#{", "(" alike
      if (closing_of(last) != '\0' && token.size() <= 3) {
        open.push_back({closing_of(last), child});
      } else if (token.size() == 1 && is_closing(last)) {
        if (!open.empty() && open.back().closing == last) {
          open.pop_back();
        } else if (ts_node_is_null(wrong)) {
          wrong = child;
        }
      } else if (token == "\"" || token == "'" || token == "`" || token == "\"\"\"" ||
                 token == "'''") {
        quote = ts_node_is_null(quote) ? child : TSNode{};
      }
    }
    ts_tree_cursor_delete(&cursor);
    uint32_t begin = ts_node_start_byte(node), end = ts_node_end_byte(node);
    if (!ts_node_is_null(wrong)) return unexpected(wrong);
    if (!ts_node_is_null(quote)) {
      return add(ts_node_start_byte(quote), ts_node_end_byte(quote), "string is not closed");
    }
    if (!open.empty()) {
      TSNode token = open.back().token;
      return add(ts_node_start_byte(token), ts_node_end_byte(token),
                 "'" + std::string(text_of(token, text_)) + "' is not closed");
    }
    if (ts_node_is_null(first)) return unexpected_text(begin, end);
    unexpected(first);
  }

  void unexpected(TSNode node) {
    for (int i = 0; i < 1000 && ts_node_child_count(node) > 0; ++i) node = ts_node_child(node, 0);
    unexpected_text(ts_node_start_byte(node), ts_node_end_byte(node));
  }

  // Characters that made no token, or one token.
  void unexpected_text(size_t begin, size_t end) {
    begin = std::min(begin, text_.size());
    end = std::clamp(end, begin, text_.size());
    while (begin < end && is_blank(text_[begin])) ++begin;
    if (begin == end) {
      bool at_end = trim(text_.substr(begin)).empty();
      return add(begin, end, at_end ? "unexpected end of file" : "unexpected line end");
    }
    size_t line_end = std::min(text_.find_first_of("\r\n", begin), end);
    std::string_view shown = trim(text_.substr(begin, line_end - begin));
    size_t word = 0;
    while (word < shown.size() && !is_blank(shown[word])) ++word;
    shown = shown.substr(0, std::min(word, kMaxShown));
    while (!shown.empty() && shown.size() < word &&
           (static_cast<unsigned char>(shown.back()) & 0x80) != 0) {
      shown.remove_suffix(1);  // cut at a character's end
    }
    add(begin, line_end, "unexpected '" + std::string(shown) + (shown.size() < word ? "…'" : "'"));
  }

  std::string_view text_;
  ErrorTrust trust_;
  std::vector<SyntaxError> found_;
};

bool has(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

// What the pinned grammars have no rule for. An error that begins on a line with all of `words`, or
// at most `lines` lines below it, is not told.
struct Gap {
  std::string_view languages;  // names, each between blanks
  std::string_view words[2];
  int lines = 0;
};
constexpr Gap kGaps[] = {
    {" javascript typescript tsx ", {"export", " as "}, 0},  // { _null as null }
    {" typescript tsx ", {"import(", ")."}, 8},              // import("x").Name<T> as a type
    {" typescript tsx ", {"import(", ""}, 1},
    {" typescript tsx ", {"export type *", ""}, 0},
    {" typescript tsx ", {"abstract", ":"}, 0},  // a member called so
    {" typescript tsx ", {"global {", ""}, 0},
    {" typescript tsx ", {"export default function", ""}, 0},  // a declaration without a name
    {" typescript tsx ", {"out ", " = "}, 0},                  // variance of a type parameter
    {" typescript tsx ", {"in ", " = "}, 0},
    {" css ", {"&", ""}, 0},  // nesting
    {" css ", {"@media", ""}, 0},
    {" css ", {"var(", ""}, 0},
    {" css ", {"url(", ""}, 0},
    {" python ", {"lazy ", "import"}, 0},  // 3.15
    {" kotlin ", {"actual ", ""}, 1},      // constructors of several platforms
};

bool is_gap(const Language& language, std::string_view text, const SyntaxError& error) {
  for (const Gap& gap : kGaps) {
    if (!has(gap.languages, " " + language.name + " ")) continue;
    size_t end = std::min(text.find('\n', error.begin), text.size());
    for (int up = 0; up <= gap.lines; ++up) {
      size_t begin = end == 0 ? std::string_view::npos : text.rfind('\n', end - 1);
      begin = begin == std::string_view::npos ? 0 : begin + 1;
      std::string_view line = text.substr(begin, end - begin);
      if (has(line, gap.words[0]) && has(line, gap.words[1])) return true;
      if (begin == 0) break;
      end = begin - 1;
    }
  }
  return false;
}

// JSON with comments, as editors and compilers read it, may have a comma before a bracket.
bool is_last_comma(const Language& language, std::string_view text, const SyntaxError& error) {
  if (language.name != "json" || text[error.begin] != ',') return false;
  size_t at = error.begin + 1;
  for (;;) {
    at = text.find_first_not_of(" \t\r\n", at);
    if (at == std::string_view::npos) return false;
    if (text.substr(at, 2) == "//") {
      at = text.find('\n', at);
    } else if (text.substr(at, 2) == "/*") {
      at = text.find("*/", at);
      if (at != std::string_view::npos) at += 2;
    } else {
      return is_closing(text[at]);
    }
    if (at == std::string_view::npos) return false;
  }
}

}  // namespace

bool grammar_fits(const Language& language, std::string_view text) {
  if (language.errors == ErrorTrust::none) return false;
  // What a template engine fills in. A script or a style in a page may hold such marks as well.
  static constexpr std::string_view kTemplated = " html css json yaml toml ";
  const std::string name = " " + language.name + " ";
  if (has(kTemplated, name) &&
      ((has(text, "{{") && has(text, "}}")) || (has(text, "{%") && has(text, "%}")))) {
    return false;
  }
  if (has(text, "<%") && has(text, "%>") && has(" html css javascript ruby yaml ", name))
    return false;
  if (language.name == "html" && has(text, "<?")) return false;
  // Of #if and #else only one branch counts.
  if (language.name == "csharp" && has(text, "#if ")) return false;
  return true;
}

std::vector<SyntaxError> syntax_errors(const Language& language, TSNode root,
                                       std::string_view text) {
  if (!ts_node_has_error(root) || !grammar_fits(language, text)) return {};
  Finder finder(language, text);
  finder.find(root);
  std::vector<SyntaxError> out = finder.take();
  std::erase_if(out, [&](const SyntaxError& error) {
    return is_gap(language, text, error) || is_last_comma(language, text, error);
  });
  return out;
}

}  // namespace engramd::repoindex
