#include "repoindex/syntax/declared.h"

#include <algorithm>

#include "repoindex/syntax/tokens.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxBefore = 300;     // bytes of a definition before its name
constexpr size_t kMaxLine = 120;       // bytes of a line before a local name
constexpr size_t kMaxBrackets = 4000;  // bytes of a parameter list

bool is_word(char c) {
  return isalnum(static_cast<unsigned char>(c)) || c == '_';
}

bool is_function(SymbolKind kind) {
  return kind == SymbolKind::function || kind == SymbolKind::method ||
         kind == SymbolKind::constructor;
}

template <class See>
void each_word(std::string_view text, See see) {
  for (size_t i = 0; i < text.size();) {
    if (!is_word(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && is_word(text[end])) ++end;
    see(text.substr(i, end - i));
    i = end;
  }
}

// Between the brackets behind the function's name, or before it (Go's receiver).
bool is_parameter(const FileFacts& facts, const Symbol& symbol, std::string_view text) {
  if (!symbol.local || symbol.parent == kNone) return false;
  const Symbol& function = facts.symbols[symbol.parent];
  if (!is_function(function.kind) && function.kind != SymbolKind::macro) return false;
  if (symbol.name_begin < function.name_begin) return symbol.name_begin >= function.begin;
  size_t at = function.name_end;
  const size_t to = symbol.name_begin;
  if (to > text.size() || to - at > kMaxBrackets) return false;
  // Up to the bracket: generics, and what stands in `f = async function (`.
  int angle = 0;
  for (; at < to && (text[at] != '(' || angle > 0); ++at) {
    const char c = text[at];
    if (c == '<' || c == '[') ++angle;
    if (c == '>' || c == ']') --angle;
    if (c == '{' || c == ';' || (c == '\n' && angle == 0) || c == '.') return false;
    if (c == '=' && at + 1 < to && text[at + 1] == '>') return false;
  }
  int depth = 0;
  for (; at < to; ++at) {
    const char c = text[at];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if ((c == ')' || c == ']' || c == '}') && --depth == 0) return false;
  }
  return depth > 0;
}

// In the brackets of a prototype or of a function without a name: those have no scope in the facts.
bool in_open_bracket(const FileFacts& facts, const Symbol& symbol, std::string_view text) {
  static constexpr std::string_view kLanguages = " c cpp cuda javascript typescript tsx ";
  static constexpr std::string_view kNoFunctions = " for if while switch catch with foreach ";
  if (!symbol.local || kLanguages.find(" " + facts.language + " ") == std::string_view::npos)
    return false;
  int depth = 0;
  for (size_t at = symbol.name_begin; at > 0 && symbol.name_begin - at < kMaxLine;) {
    const char c = text[--at];
    if (c == ')' || c == ']') ++depth;
    if (c == '{' || c == ';' || c == '\n') return false;
    if ((c != '(' && c != '[') || depth-- > 0) continue;
    if (c == '[') return false;
    size_t end = at;
    while (end > 0 && text[end - 1] == ' ') --end;
    size_t begin = end;
    while (begin > 0 && is_word(text[begin - 1])) --begin;
    const std::string word = " " + std::string(text.substr(begin, end - begin)) + " ";
    return kNoFunctions.find(word) == std::string_view::npos;
  }
  return false;
}

// `const T *p` says nothing of p.
bool says_of_name(std::string_view before, std::string_view word) {
  const std::string_view behind =
      before.substr(static_cast<size_t>(word.data() - before.data()) + word.size());
  return word != "const" || behind.find_first_of("*&") == std::string_view::npos;
}

}  // namespace

Declared how_declared(const FileFacts& facts, uint32_t index, std::string_view text) {
  Declared out;
  const Symbol& symbol = facts.symbols[index];
  if (symbol.name_begin > text.size() || symbol.begin > symbol.name_begin) return out;
  const bool value = symbol.kind == SymbolKind::variable || symbol.kind == SymbolKind::field ||
                     symbol.kind == SymbolKind::constant || symbol.kind == SymbolKind::property;
  if (symbol.kind == SymbolKind::constant || symbol.kind == SymbolKind::enum_member)
    out.modifiers |= kReadonly;
  if (symbol.kind == SymbolKind::variable)
    out.is_parameter = is_parameter(facts, symbol, text) || in_open_bracket(facts, symbol, text);
  size_t begin = symbol.begin;
  if (value) {
    // The statement around a variable begins on its line, mostly.
    const size_t line =
        symbol.name_begin == 0 ? std::string_view::npos : text.rfind('\n', symbol.name_begin - 1);
    begin = std::min<size_t>(begin, line == std::string_view::npos ? 0 : line + 1);
    if (symbol.name_begin - begin > kMaxLine) begin = symbol.name_begin - kMaxLine;
  } else if (symbol.name_begin - begin > kMaxBefore) {
    begin = symbol.name_begin - kMaxBefore;
  }
  std::string_view before = text.substr(begin, symbol.name_begin - begin);
  if (value) {
    // Not what is said of another name on the line.
    const size_t cut = before.find_last_of(out.is_parameter ? "(;{," : "(;{");
    if (cut != std::string_view::npos) before.remove_prefix(cut + 1);
  }
  each_word(before, [&](std::string_view word) {
    if (word == "static" || word == "staticmethod" || word == "classmethod" ||
        word == "companion") {
      out.modifiers |= kStatic;
    } else if (word == "abstract" || word == "abstractmethod") {
      out.modifiers |= kAbstract;
    } else if (word == "async" || word == "suspend") {
      out.modifiers |= kAsync;
    } else if (word == "deprecated" || word == "Deprecated" || word == "Obsolete") {
      out.modifiers |= kDeprecated;
    } else if (value && says_of_name(before, word) &&
               (word == "const" || word == "readonly" || word == "final" || word == "val" ||
                word == "constexpr" || word == "Final")) {
      out.modifiers |= kReadonly;
    } else if (word == "property" || word == "cached_property" || word == "get") {
      out.is_property =
          is_function(symbol.kind) && before.find_first_of("@g") != std::string_view::npos;
    }
  });
  if (symbol.doc.find("@deprecated") != std::string::npos ||
      symbol.doc.find("deprecated::") != std::string::npos ||
      symbol.doc.substr(0, 11) == "Deprecated:") {
    out.modifiers |= kDeprecated;
  }
  return out;
}

}  // namespace engramd::repoindex
