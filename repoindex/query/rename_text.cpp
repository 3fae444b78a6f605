#include "repoindex/query/rename_text.h"

#include <algorithm>

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxLookAround = 20000;  // bytes of one object literal

bool is_word(char c) {
  return isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$';
}

size_t blanks_before(std::string_view text, size_t at) {
  while (at > 0 && isspace(static_cast<unsigned char>(text[at - 1]))) --at;
  return at;
}

size_t blanks_after(std::string_view text, size_t at) {
  while (at < text.size() && isspace(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

// The bracket that is open at an offset; npos when none is near.
size_t open_bracket(std::string_view text, size_t at) {
  int depth = 0;
  for (size_t n = 0; at > 0 && n < kMaxLookAround; ++n) {
    char c = text[--at];
    if (c == ')' || c == ']' || c == '}') ++depth;
    if ((c == '(' || c == '[' || c == '{') && depth-- == 0) return at;
  }
  return std::string_view::npos;
}

std::string_view word_ending(std::string_view text, size_t end) {
  size_t begin = end;
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

}  // namespace

bool is_shorthand_property(std::string_view text, ByteRange name) {
  size_t before = blanks_before(text, name.begin), after = blanks_after(text, name.end);
  if (before == 0 || after >= text.size()) return false;
  char opens = text[before - 1], closes = text[after];
  if ((opens != '{' && opens != ',') || (closes != '}' && closes != ',' && closes != '=')) {
    return false;
  }
  if (closes == '=' && after + 1 < text.size() &&
      (text[after + 1] == '=' || text[after + 1] == '>'))
    return false;
  size_t brace = open_bracket(text, name.begin);
  if (brace == std::string_view::npos || text[brace] != '{') return false;
  size_t front = blanks_before(text, brace);
  if (front == 0) return false;
  char c = text[front - 1];
  if (is_word(c)) {
    std::string_view word = word_ending(text, front);
    for (std::string_view opener : {"const", "let", "var", "return", "yield", "default", "case",
                                    "in", "of", "await", "throw"}) {
      if (word == opener) return true;
    }
    return false;  // import { a }, export { a }, class A { a, a type's body
  }
  if (c == '>') return front > 1 && text[front - 2] != '=';  // f<T>({a}) is behind a bracket
  // `=> {` and `) {` open blocks, `;` and `}` come before one.
  return std::string_view("=([,:?&|+").find(c) != std::string_view::npos;
}

std::vector<ByteRange> names_in_all(std::string_view text, std::string_view name) {
  std::vector<ByteRange> out;
  for (size_t at = text.find("__all__"); at != std::string_view::npos;
       at = text.find("__all__", at + 7)) {
    size_t open = text.find_first_of("[(\n", at);
    if (open == std::string_view::npos || text[open] == '\n') continue;
    size_t close = text.find(text[open] == '[' ? ']' : ')', open);
    if (close == std::string_view::npos || close - open > kMaxLookAround) continue;
    for (char quote : {'"', '\''}) {
      std::string quoted = quote + std::string(name) + quote;
      for (size_t in = text.find(quoted, open); in < close; in = text.find(quoted, in + 1)) {
        out.push_back({in + 1, in + 1 + name.size()});
      }
    }
  }
  std::sort(out.begin(), out.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  return out;
}

std::string_view word_at(std::string_view text, size_t offset) {
  size_t begin = std::min(offset, text.size()), end = begin;
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  while (end < text.size() && is_word(text[end])) ++end;
  return text.substr(begin, end - begin);
}

}  // namespace engramd::repoindex
