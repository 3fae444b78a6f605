#include "repoindex/parse/macro_mask.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "repoindex/languages/language.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxMacros = 20000;   // of one file
constexpr size_t kMaxArguments = 400;  // bytes of a macro's arguments

constexpr std::array<uint8_t, 256> name_bytes() {
  std::array<uint8_t, 256> out{};
  for (unsigned c = 0; c < 128; ++c) {
    out[c] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }
  return out;
}
constexpr std::array<uint8_t, 256> kNameBytes = name_bytes();
bool is_name_byte(char c) {
  return kNameBytes[static_cast<unsigned char>(c)] != 0;
}
size_t skip_blank(std::string_view s, size_t at) {
  while (at < s.size() && isspace(static_cast<unsigned char>(s[at]))) ++at;
  return at;
}
std::string_view name_at(std::string_view s, size_t at) {
  size_t end = at;
  while (end < s.size() && is_name_byte(s[end])) ++end;
  return s.substr(at, end - at);
}
bool is_macro_name(std::string_view name) {
  if (name.size() < 3 || !isupper(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return isupper(static_cast<unsigned char>(c)) || isdigit(static_cast<unsigned char>(c)) ||
           c == '_';
  });
}
bool is_export(std::string_view macro) {
  for (std::string_view word : {"EXPORT", "API", "PUBLIC", "VISIBLE"}) {
    if (macro.find(word) != std::string_view::npos) return true;
  }
  return false;
}
// Behind the bracket that closes the one at `open`; 0 when it does not, soon enough.
size_t behind_brackets(std::string_view s, size_t open) {
  int depth = 0;
  for (size_t i = open; i < s.size() && i < open + kMaxArguments; ++i) {
    if (s[i] == '(') ++depth;
    if (s[i] == ')' && --depth == 0) return i + 1;
    if (s[i] == ';' || s[i] == '{') return 0;
  }
  return 0;
}

// class EXPORT_API Foo / struct ALIGNED(16) Foo: the macro between the keyword and the name.
void after_class(std::string_view text, std::string_view keyword, size_t begin,
                 std::vector<ByteRange>* out) {
  if (begin >= text.size() || text[begin] != ' ') return;
  begin = skip_blank(text, begin);
  std::string_view macro = name_at(text, begin);
  if (!is_macro_name(macro)) return;
  size_t end = begin + macro.size();
  if (end < text.size() && text[end] == '(') {
    end = behind_brackets(text, end);
    if (end == 0) return;
  }
  size_t next = skip_blank(text, end);
  std::string_view name = name_at(text, next);
  if (name.empty() || name == "final" || isdigit(static_cast<unsigned char>(name[0]))) return;
  // `struct FOO x;` declares x of type FOO; a definition has a body or bases behind its name.
  size_t behind = next;
  while (behind < text.size() && (is_name_byte(text[behind]) || text[behind] == ':')) ++behind;
  if (text.substr(behind - 1, 1) == ":") --behind;
  behind = skip_blank(text, behind);
  if (text.substr(behind, 5) == "final") behind = skip_blank(text, behind + 5);
  std::string_view follows = text.substr(behind, 1);
  bool forward = follows == ";" && (keyword == "class" || is_export(macro));
  if (follows != "{" && follows != ":" && !forward) return;
  out->push_back({begin, end});
}

// Those of clang's thread safety analysis, under whatever prefix.
bool is_annotation(std::string_view macro) {
  constexpr size_t kShortest = 10;  // GUARDED_BY
  if (macro.size() < kShortest) return false;
  for (std::string_view word : {"GUARDED_BY", "LOCKS_REQUIRED", "LOCK_FUNCTION", "LOCKS_EXCLUDED",
                                "LOCK_RETURNED", "THREAD_SAFETY_ANALYSIS", "ACQUIRED_AFTER",
                                "ACQUIRED_BEFORE", "EXCLUSIVE_LOCK", "SHARED_LOCK"}) {
    if (macro.find(word) != std::string_view::npos) return true;
  }
  return false;
}

void annotation(std::string_view text, std::string_view macro, size_t begin,
                std::vector<ByteRange>* out) {
  // Behind a declarator: a name, ')' or const.
  size_t before = begin;
  while (before > 0 && isspace(static_cast<unsigned char>(text[before - 1]))) --before;
  if (before == begin || before == 0) return;
  char c = text[before - 1];
  if (!is_name_byte(c) && c != ')' && c != ']') return;
  size_t line = text.rfind('\n', begin) + 1;  // 0 for the first line
  size_t first = skip_blank(text, line);
  if (first < text.size() && text[first] == '#') return;  // its own #define
  size_t end = begin + macro.size();
  if (end < text.size() && text[end] == '(') {
    end = behind_brackets(text, end);
    if (end == 0) return;
  }
  out->push_back({begin, end});
}

bool has_word(std::string_view macro, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return macro.find(word) != std::string_view::npos;
  });
}

bool is_directive(std::string_view text, size_t at) {
  size_t line = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;  // 0 for the first line
  size_t first = skip_blank(text, line);
  return first < text.size() && text[first] == '#';
}

// What may stand before a declaration's first word.
bool begins_declaration(std::string_view text, size_t at) {
  size_t before = at;
  while (before > 0 && (text[before - 1] == ' ' || text[before - 1] == '\t')) --before;
  if (before == 0 || text[before - 1] == '\n') return true;
  if (before == at) return false;
  if (text[before - 1] == '>' || text[before - 1] == '{' || text[before - 1] == ';') return true;
  size_t begin = before;
  while (begin > 0 && is_name_byte(text[begin - 1])) --begin;
  std::string_view word = text.substr(begin, before - begin);
  return word == "friend" || word == "static" || word == "virtual" || word == "explicit" ||
         word == "extern" || word == "inline";
}

// FMT_CONSTEXPR void set(int x): a macro for constexpr, inline or an attribute.
void specifier(std::string_view text, std::string_view macro, size_t begin,
               std::vector<ByteRange>* out) {
  if (!has_word(macro, {"CONSTEXPR", "CONSTEVAL", "INLINE", "NODISCARD"})) return;
  size_t end = begin + macro.size();
  if (end >= text.size() || !isspace(static_cast<unsigned char>(text[end]))) return;
  if (!begins_declaration(text, begin) || is_directive(text, begin)) return;
  size_t next = skip_blank(text, end);
  bool declares = next < text.size() && (is_name_byte(text[next]) || text[next] == '~') &&
                  !isdigit(static_cast<unsigned char>(text[next]));
  if (declares) out->push_back({begin, end});
}

// FMT_BEGIN_NAMESPACE, G_END_DECLS: alone on their line between declarations.
void bracket_of_file(std::string_view text, std::string_view macro, size_t begin,
                     std::vector<ByteRange>* out) {
  if (begin > 0 && text[begin - 1] != '\n') return;
  if (!has_word(macro, {"NAMESPACE", "BEGIN", "END"})) return;
  size_t line_end = std::min(text.find('\n', begin), text.size());
  size_t end = begin + macro.size();
  while (end < line_end && isspace(static_cast<unsigned char>(text[end]))) ++end;
  if (end != line_end && text.substr(end, 2) != "//") return;
  size_t before = begin;
  while (before > 0 && isspace(static_cast<unsigned char>(text[before - 1]))) --before;
  std::string_view follows = text.substr(skip_blank(text, line_end), 1);
  // Not a macro that goes on: neither the last line of one nor a call without a semicolon.
  bool apart = (before == 0 || text[before - 1] != '\\') && follows != "(" && follows != ";" &&
               follows != "," && follows != "=";
  if (apart) out->push_back({begin, begin + macro.size()});
}

}  // namespace

bool may_hold_macros(const TSLanguage* grammar) {
  for (std::string_view name : {"c", "cpp", "cuda"}) {
    const Language* row = find_language(name);
    if (row != nullptr && row->grammar() == grammar) return true;
  }
  return false;
}

std::vector<ByteRange> misplaced_macros(std::string_view text) {
  std::vector<ByteRange> out;
  // Word by word, once: this runs over every C and C++ text, and after every key.
  for (size_t at = 0; at < text.size() && out.size() < kMaxMacros;) {
    if (kNameBytes[static_cast<unsigned char>(text[at])] == 0) {
      ++at;
      continue;
    }
    const size_t begin = at;
    while (at < text.size() && kNameBytes[static_cast<unsigned char>(text[at])] != 0) ++at;
    std::string_view word = text.substr(begin, at - begin);
    if (word[0] >= 'a') {
      if (word == "class" || word == "struct" || word == "union") {
        after_class(text, word, at, &out);
      }
    } else if (is_macro_name(word)) {
      if (is_annotation(word)) annotation(text, word, begin, &out);
      specifier(text, word, begin, &out);
      bracket_of_file(text, word, begin, &out);
    }
  }
  std::sort(out.begin(), out.end(), [](const ByteRange& a, const ByteRange& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  std::vector<ByteRange> apart;
  for (const ByteRange& range : out) {
    if (apart.empty() || range.begin >= apart.back().end) apart.push_back(range);
  }
  return apart;
}

std::string with_blanks(std::string_view text, const std::vector<ByteRange>& ranges) {
  std::string out(text);
  for (const ByteRange& range : ranges) {
    for (size_t i = range.begin; i < range.end; ++i) {
      if (out[i] != '\n' && out[i] != '\r') out[i] = ' ';
    }
  }
  return out;
}

}  // namespace engramd::repoindex
