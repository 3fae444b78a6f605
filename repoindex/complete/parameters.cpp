// Parameters of a signature line.
#include <algorithm>

#include "repoindex/complete/signature.h"
#include "repoindex/complete/standing.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

// Where the parameter list opens: the bracket behind the name, behind type parameters if any.
size_t list_begin(std::string_view s, std::string_view name) {
  for (size_t at = s.find(name); at != std::string_view::npos; at = s.find(name, at + 1)) {
    size_t after = at + name.size();
    const auto blank = [&] {
      while (after < s.size() && isspace(static_cast<unsigned char>(s[after]))) ++after;
    };
    const bool begins =
        at == 0 || !(isalnum(static_cast<unsigned char>(s[at - 1])) || s[at - 1] == '_');
    if (!begins) continue;
    blank();
    if (after < s.size() && (s[after] == '<' || s[after] == '[')) {
      const char open = s[after], close = open == '<' ? '>' : ']';
      int depth = 0;
      for (; after < s.size(); ++after) {
        if (s[after] == open) ++depth;
        if (s[after] == close && --depth == 0) break;
      }
      ++after;
      blank();
    }
    // const run = (a) => ..., run: function(a), let run = async function (a)
    if (after < s.size() && (s[after] == '=' || s[after] == ':')) {
      const size_t open = s.find('(', after);
      return open;
    }
    if (after < s.size() && s[after] == '(') return after;
  }
  return std::string_view::npos;
}

bool is_word(char c) {
  return isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string_view word_at(std::string_view s) {
  size_t begin = 0;
  while (begin < s.size() && !is_word(s[begin])) ++begin;
  size_t end = begin;
  while (end < s.size() && is_word(s[end])) ++end;
  return s.substr(begin, end - begin);
}

// x of `const std::vector<int>& x[3] = {}`; empty when only a type is written.
std::string_view last_name(std::string_view s) {
  s = trim(s.substr(0, s.find('=')));
  if (const size_t pointer = s.find("(*"); pointer != std::string_view::npos) {
    return word_at(s.substr(pointer + 2));  // int (*callback)(int)
  }
  while (!s.empty() && s.back() == ']') s = trim(s.substr(0, s.rfind('[')));
  size_t begin = s.size();
  while (begin > 0 && is_word(s[begin - 1])) --begin;
  const std::string_view name = s.substr(begin);
  const std::string_view front = trim(s.substr(0, begin));
  const bool type_only = front.empty() || front == "const" || front == "struct" ||
                         front == "unsigned" || front == "enum" || front.back() == ':';
  static constexpr std::string_view kTypes[] = {"int",   "char",     "long",  "short",
                                                "void",  "double",   "float", "bool",
                                                "const", "unsigned", "size_t"};
  const bool is_type = std::find(std::begin(kTypes), std::end(kTypes), name) != std::end(kTypes);
  if (type_only || is_type) return {};
  return name;
}

}  // namespace

std::optional<std::vector<Parameter>> parameters_of(const Symbol& symbol,
                                                    std::string_view language) {
  const std::string_view s = symbol.signature;
  const Writing& writing = writing_of(language);
  size_t open = list_begin(s, symbol.name);
  if (open == std::string_view::npos && symbol.kind == SymbolKind::constructor) open = s.find('(');
  if (open == std::string_view::npos) return std::nullopt;
  const ListParts list = list_parts_at(s, open, s.size(), writing);
  if (!list.closed) return std::nullopt;
  std::vector<Parameter> out;
  bool by_name_only = false;
  int angles = 0;
  for (const auto& [begin, end] : list.parts) {
    const std::string_view part = s.substr(begin, end - begin);
    // Map<String, Integer> m: the comma was one of the type's.
    const bool goes_on = angles > 0 && !out.empty();
    for (size_t i = 0; i < part.size(); ++i) {
      if (part[i] == '<') ++angles;
      if (part[i] == '>' && angles > 0 && (i == 0 || (part[i - 1] != '-' && part[i - 1] != '=')))
        --angles;
    }
    Parameter p;
    p.begin = goes_on ? out.back().begin : begin;
    p.end = end;
    if (goes_on) out.pop_back();
    std::string_view whole = s.substr(p.begin, p.end - p.begin);
    p.label = std::string(whole);
    if (whole == "/" || whole == "void" || whole.empty()) continue;
    if (whole == "*") {
      by_name_only = true;
      continue;
    }
    if (out.empty()) {
      std::string_view first = whole.substr(0, std::min(whole.find(':'), whole.size()));
      first = trim(first);
      const auto& implicit = writing.implicit_parameters;
      if (std::find(implicit.begin(), implicit.end(), first) != implicit.end()) continue;
    }
    p.by_name_only = by_name_only;
    p.is_rest = whole.substr(0, 1) == "*" || whole.find("...") != std::string_view::npos ||
                whole.substr(0, 7) == "params " || whole.substr(0, 7) == "vararg ";
    if (whole.substr(0, 1) == "*" && language == "python") by_name_only = true;
    const size_t colon = whole.find(':');
    p.is_optional = whole.find('=') != std::string_view::npos ||
                    (colon != std::string_view::npos && colon > 0 && whole[colon - 1] == '?') ||
                    whole.substr(0, 2) == "**";
    while (!whole.empty() && whole[0] == '@' && language != "ruby") {  // annotations
      const size_t space = whole.find(' ');
      if (space == std::string_view::npos) break;
      whole = trim(whole.substr(space));
    }
    if (writing.parameters == ParameterStyle::type_first) {
      const size_t dollar = whole.find('$');
      p.name = std::string(dollar != std::string_view::npos ? word_at(whole.substr(dollar))
                                                            : last_name(whole));
    } else {
      for (std::string_view front : {"mut ", "ref ", "val ", "var ", "vararg ", "public ",
                                     "private ", "readonly ", "protected ", "final ", "inout "}) {
        while (whole.substr(0, front.size()) == front) whole = trim(whole.substr(front.size()));
      }
      std::string_view front = whole.substr(0, whole.find_first_of(":="));
      // Swift's `label name:` is called by its label.
      p.name = whole.empty() || whole[0] == '{' || whole[0] == '[' || whole[0] == '('
                   ? std::string()
                   : std::string(word_at(front));
    }
    out.push_back(std::move(p));
  }
  // Go's (a, b int) gives both names; (int, string) gives none.
  if (language == "go") {
    const bool any_typed = std::any_of(out.begin(), out.end(), [](const Parameter& p) {
      return p.label.find(' ') != std::string::npos;
    });
    for (Parameter& p : out) {
      if (!any_typed) p.name.clear();
    }
  }
  return out;
}

}  // namespace engramd::repoindex
