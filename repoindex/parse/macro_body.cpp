#include "repoindex/parse/macro_body.h"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxBody = 32 << 10;  // bytes
constexpr size_t kMaxTokens = 8000;
constexpr size_t kMaxParameters = 64;
constexpr size_t kMaxNameBytes = 200;
constexpr int kMaxSteps = 12;  // from a dot back to the name that it hangs on

struct Token {
  ByteRange range;
  bool is_name = false;
  std::string_view text;
};

bool is_name_byte(char c) {
  return isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Words that name nothing in a repository: the language's own, and the types that the grammar takes
// for built in (so that a body has the same names as the code around it).
bool is_reserved(std::string_view word) {
  static const std::unordered_set<std::string_view> kWords = {"alignas",     "alignof",
                                                              "and",         "asm",
                                                              "auto",        "bool",
                                                              "break",       "case",
                                                              "catch",       "char",
                                                              "char16_t",    "char32_t",
                                                              "char64_t",    "char8_t",
                                                              "charptr_t",   "class",
                                                              "co_await",    "co_return",
                                                              "co_yield",    "const",
                                                              "const_cast",  "constexpr",
                                                              "continue",    "decltype",
                                                              "default",     "defined",
                                                              "delete",      "do",
                                                              "double",      "dynamic_cast",
                                                              "else",        "enum",
                                                              "explicit",    "extern",
                                                              "false",       "final",
                                                              "float",       "for",
                                                              "friend",      "goto",
                                                              "if",          "inline",
                                                              "int",         "int16_t",
                                                              "int32_t",     "int64_t",
                                                              "int8_t",      "intptr_t",
                                                              "long",        "max_align_t",
                                                              "mutable",     "namespace",
                                                              "new",         "noexcept",
                                                              "not",         "nullptr",
                                                              "nullptr_t",   "operator",
                                                              "or",          "override",
                                                              "private",     "protected",
                                                              "ptrdiff_t",   "public",
                                                              "register",    "reinterpret_cast",
                                                              "requires",    "restrict",
                                                              "return",      "short",
                                                              "signed",      "size_t",
                                                              "sizeof",      "ssize_t",
                                                              "static",      "static_assert",
                                                              "static_cast", "struct",
                                                              "switch",      "template",
                                                              "this",        "thread_local",
                                                              "throw",       "true",
                                                              "try",         "typedef",
                                                              "typeid",      "typename",
                                                              "typeof",      "uint16_t",
                                                              "uint32_t",    "uint64_t",
                                                              "uint8_t",     "uintptr_t",
                                                              "union",       "unsigned",
                                                              "using",       "virtual",
                                                              "void",        "volatile",
                                                              "wchar_t",     "while",
                                                              "xor",         "NULL",
                                                              "__VA_ARGS__", "__VA_OPT__",
                                                              "__FILE__",    "__LINE__",
                                                              "__func__"};
  return kWords.contains(word);
}

// Behind a string or character literal, a comment, or a line that goes on; `at` when none starts.
size_t skip_no_code(std::string_view s, size_t at) {
  char c = s[at];
  if (c == '"' || c == '\'') {
    for (size_t i = at + 1; i < s.size(); ++i) {
      if (s[i] == '\\') {
        ++i;
      } else if (s[i] == c) {
        return i + 1;
      } else if (s[i] == '\n') {
        return i;
      }
    }
    return s.size();
  }
  if (s.substr(at, 2) == "//") {
    size_t end = s.find('\n', at);
    return end == std::string_view::npos ? s.size() : end;
  }
  if (s.substr(at, 2) == "/*") {
    size_t end = s.find("*/", at + 2);
    return end == std::string_view::npos ? s.size() : end + 2;
  }
  if (c == '\\' || isspace(static_cast<unsigned char>(c))) return at + 1;
  return at;
}

std::vector<Token> tokens_of(std::string_view text, size_t begin, size_t end) {
  std::vector<Token> out;
  std::string_view s = text.substr(0, end);
  for (size_t at = begin; at < end && out.size() < kMaxTokens;) {
    if (size_t after = skip_no_code(s, at); after > at) {
      if (s[at] == '"' || s[at] == '\'') {
        out.push_back({{at, after}, false, "\""});
      }
      at = after;
      continue;
    }
    size_t stop = at;
    bool number = isdigit(static_cast<unsigned char>(s[at])) != 0;
    while (stop < end && (is_name_byte(s[stop]) || (number && s[stop] == '.'))) ++stop;
    bool word = stop > at;
    if (!word) {
      static constexpr std::array<std::string_view, 12> kPairs = {
          "->", "##", "==", "!=", "<=", ">=", "&&", "||", "<<", ">>", "++", "--"};
      bool pair = std::find(kPairs.begin(), kPairs.end(), s.substr(at, 2)) != kPairs.end();
      stop = at + (pair ? 2 : 1);
    }
    out.push_back({{at, stop}, word && !number, s.substr(at, stop - at)});
    at = stop;
  }
  return out;
}

// The bracket that the one at `close` closes, looking back; tokens.size() when it is not there.
size_t open_of(const std::vector<Token>& tokens, size_t close) {
  int depth = 0;
  for (size_t i = close + 1; i-- > 0;) {
    std::string_view t = tokens[i].text;
    if (t == ")" || t == "]" || t == "}") ++depth;
    if ((t == "(" || t == "[" || t == "{") && --depth == 0) return i;
  }
  return tokens.size();
}
size_t close_of(const std::vector<Token>& tokens, size_t open, size_t end) {
  int depth = 0;
  for (size_t i = open; i < end; ++i) {
    std::string_view t = tokens[i].text;
    if (t == "(" || t == "[" || t == "{") ++depth;
    if ((t == ")" || t == "]" || t == "}") && --depth == 0) return i;
  }
  return end;
}

// (type *) and (struct x *): only names and stars in the brackets, the last a star.
bool is_cast(const std::vector<Token>& tokens, size_t open, size_t close) {
  if (close < open + 3 || tokens[close - 1].text != "*") return false;
  for (size_t i = open + 1; i < close; ++i) {
    if (!tokens[i].is_name && tokens[i].text != "*") return false;
  }
  return tokens[open + 1].is_name;
}

// What stands right before the dot at `dot`, as Occurrence::receiver has it; empty: not followed.
std::string receiver_before(const std::vector<Token>& tokens, size_t dot) {
  std::string suffix;
  size_t at = dot;
  for (int step = 0; step < kMaxSteps && at > 0; ++step) {
    const Token& last = tokens[at - 1];
    if (last.is_name) return is_reserved(last.text) ? "" : std::string(last.text) + suffix;
    if (last.text == "]") {
      at = open_of(tokens, at - 1);
      if (at >= tokens.size()) return {};
      if (suffix.empty()) suffix = "[]";
      continue;
    }
    if (last.text != ")") return {};
    size_t close = at - 1, open = open_of(tokens, close);
    if (open >= tokens.size()) return {};
    if (open > 0 && tokens[open - 1].is_name) {  // a call
      std::string_view called = tokens[open - 1].text;
      return is_reserved(called) || !suffix.empty() ? "" : std::string(called) + "()";
    }
    size_t first = open + 1;
    while (first < close && (tokens[first].text == "*" || tokens[first].text == "&")) ++first;
    if (first >= close) return {};
    if (tokens[first].text == "(") {  // ((type *)x)->
      size_t inner = close_of(tokens, first, close);
      if (inner + 1 < close && is_cast(tokens, first, inner)) {
        for (size_t i = inner; i-- > first;) {
          if (tokens[i].is_name)
            return is_reserved(tokens[i].text) ? "" : std::string(tokens[i].text);
        }
      }
    }
    // One expression of names, dots and brackets hangs together; what has operators does not.
    for (size_t i = first; i < close; ++i) {
      std::string_view t = tokens[i].text;
      if (t == "(" || t == "[") {
        i = close_of(tokens, i, close);
        continue;
      }
      if (!tokens[i].is_name && t != "." && t != "->") return {};
    }
    at = close;
  }
  return {};
}

Role role_of(const std::vector<Token>& tokens, size_t i) {
  auto text_at = [&](size_t k) { return k < tokens.size() ? tokens[k].text : std::string_view(); };
  if (text_at(i + 1) == "(") return Role::call;
  if (i > 0 && (tokens[i - 1].text == "struct" || tokens[i - 1].text == "enum" ||
                tokens[i - 1].text == "union")) {
    return Role::type;
  }
  if (text_at(i + 1) == "=" || text_at(i + 1) == "++" || text_at(i + 1) == "--") return Role::write;
  bool changes = text_at(i + 2) == "=" && text_at(i + 1).size() <= 2 &&
                 text_at(i + 1).find_first_not_of("+-*/|&^%<>") == std::string_view::npos;
  return changes && text_at(i + 1) != "<" && text_at(i + 1) != ">" ? Role::write : Role::reference;
}

}  // namespace

MacroBody read_macro_body(std::string_view text, size_t name_end, size_t end) {
  MacroBody out;
  end = std::min({end, text.size(), name_end + kMaxBody});
  if (name_end >= end) return out;
  size_t begin = name_end;
  if (text[begin] == '(') {
    // Only names, commas and dots: a bracket right behind the name is the parameter list.
    size_t close = std::min(text.find(')', begin), end - 1);
    for (const Token& t : tokens_of(text, begin + 1, close)) {
      if (t.is_name && out.parameters.size() < kMaxParameters && t.text != "__VA_ARGS__") {
        out.parameters.push_back(t.range);
      }
    }
    begin = close + 1;
  }
  auto is_parameter = [&](std::string_view name) {
    return std::any_of(out.parameters.begin(), out.parameters.end(),
                       [&](const ByteRange& p) { return text.substr(p.begin, p.size()) == name; });
  };
  std::vector<Token> tokens = tokens_of(text, begin, end);
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& t = tokens[i];
    if (!t.is_name || t.text.size() > kMaxNameBytes || is_reserved(t.text)) continue;
    std::string_view before = i > 0 ? tokens[i - 1].text : std::string_view();
    std::string_view after = i + 1 < tokens.size() ? tokens[i + 1].text : std::string_view();
    // Half a name: the other half is an argument.
    if ((before == "##" || after == "##") && !is_parameter(t.text)) continue;
    if (before == "namespace" && after == "{") {
      out.namespaces.push_back(t.range);
      continue;
    }
    MacroName name;
    name.range = t.range;
    name.role = role_of(tokens, i);
    bool colons = before == ":" && i > 2 && tokens[i - 2].text == ":" && tokens[i - 3].is_name &&
                  tokens[i - 2].range.end == tokens[i - 1].range.begin;
    if (before == "." || before == "->") {
      name.has_receiver = true;
      name.receiver = receiver_before(tokens, i - 1);
    } else if (colons) {
      name.has_receiver = true;
      name.receiver = std::string(tokens[i - 3].text);
    }
    out.names.push_back(std::move(name));
  }
  bool tagged = tokens.size() == 2 && (tokens[0].text == "struct" || tokens[0].text == "union");
  out.is_one_name =
      out.names.size() == 1 && text[name_end] != '(' && (tokens.size() == 1 || tagged);
  return out;
}

}  // namespace engramd::repoindex
