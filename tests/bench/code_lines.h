// tests/bench/code_lines.h - which lines of a text are code: what holes are drawn from.
//
// By the language's comment marks only, so that it works on texts nobody has parsed. Lines of one
// text in their order; one thread.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace engramd::bench {

// Lines that hold code: no comments, no strings over several lines, at least two letters.
class CodeLines {
 public:
  explicit CodeLines(const std::string& language)
      : hash_comments_(language == "python" || language == "bash" || language == "shell" ||
                       language == "ruby" || language == "perl"),
        python_(language == "python") {}
  bool is_code(std::string_view line) {
    const size_t first = line.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return false;
    line.remove_prefix(first);
    return python_ ? is_python(line) : is_other(line);
  }

 private:
  bool is_python(std::string_view line) {
    const bool inside = in_string_;
    size_t quotes = 0;
    for (const char* mark : {"\"\"\"", "'''"}) {
      for (size_t at = 0; (at = line.find(mark, at)) != std::string_view::npos; at += 3) ++quotes;
    }
    if (quotes % 2) in_string_ = !in_string_;
    return !inside && quotes == 0 && line[0] != '#' && has_letters(line);
  }
  bool is_other(std::string_view line) {
    const bool inside = in_string_;
    const size_t open = line.rfind("/*"), close = line.rfind("*/");
    if (!hash_comments_) {
      if (open != std::string_view::npos && (close == std::string_view::npos || close < open))
        in_string_ = true;
      else if (close != std::string_view::npos)
        in_string_ = false;
    }
    if (inside || !has_letters(line)) return false;
    if (hash_comments_) return line[0] != '#';
    return !line.starts_with("//") && !line.starts_with("/*") && !line.starts_with("* ");
  }
  static bool has_letters(std::string_view line) {
    return std::count_if(line.begin(), line.end(), [](char c) {
             return std::isalpha(static_cast<unsigned char>(c)) || (c & 0x80);
           }) >= 2;
  }
  const bool hash_comments_, python_;
  bool in_string_ = false;  // or in a comment
};

}  // namespace engramd::bench
