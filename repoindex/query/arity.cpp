// How many arguments a call has and how many a function takes, by counting commas, and of which
// types they are where that is written or evident. What cannot be had (text cut short, a macro
// between) decides nothing.
#include <algorithm>

#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxCall = 8000;  // bytes of a call that are looked at

size_t skip_blank(std::string_view s, size_t at) {
  while (at < s.size() && isspace(static_cast<unsigned char>(s[at]))) ++at;
  return at;
}

// Behind a string, a character or a comment that starts here; `at` itself when none does.
size_t skip_text(std::string_view s, size_t at) {
  char c = s[at];
  if (c == '"' || c == '\'' || c == '`') {
    // 1'000 and Rust's 'a are no text.
    if (c == '\'' && at > 0 && isalnum(static_cast<unsigned char>(s[at - 1]))) return at;
    for (size_t i = at + 1; i < s.size(); ++i) {
      if (s[i] == '\\') {
        ++i;
      } else if (s[i] == c) {
        return i + 1;
      } else if (s[i] == '\n' && c == '\'') {
        return at;
      }
    }
    return at;
  }
  if (s.substr(at, 2) == "//") return std::min(s.find('\n', at), s.size());
  if (s.substr(at, 2) == "/*") {
    size_t end = s.find("*/", at + 2);
    return end == std::string_view::npos ? s.size() : end + 2;
  }
  return at;
}

// The parts of a bracketed list that starts at the bracket; nothing when it does not end.
std::optional<std::vector<std::string_view>> list_parts(std::string_view s, size_t open,
                                                        bool angles) {
  std::vector<std::string_view> parts;
  int depth = 0, angle = 0;
  size_t begin = open + 1;
  for (size_t i = open; i < s.size() && i - open < kMaxCall;) {
    size_t after = skip_text(s, i);
    if (after > i) {
      i = after;
      continue;
    }
    char c = s[i];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') {
      if (--depth == 0) {
        std::string_view last = trim(s.substr(begin, i - begin));
        if (!last.empty() || !parts.empty()) parts.push_back(last);
        if (!parts.empty() && parts.back().empty()) parts.pop_back();
        return parts;
      }
    }
    if (angles && c == '<') ++angle;
    if (angles && c == '>' && angle > 0 && i > 0 && s[i - 1] != '-' && s[i - 1] != '=') --angle;
    if (c == ',' && depth == 1 && angle == 0) {
      parts.push_back(trim(s.substr(begin, i - begin)));
      begin = i + 1;
    }
    ++i;
  }
  return std::nullopt;
}

// The parts of the argument list of the call whose name ends at `at`, as views into the text.
std::optional<std::vector<std::string_view>> call_parts(std::string_view text, size_t at) {
  if (at >= text.size()) return std::nullopt;
  text = text.substr(0, std::min(text.size(), at + kMaxCall));
  at = skip_blank(text, at);
  if (text.substr(at, 3) == "::<") at += 2;
  if (at < text.size() && text[at] == '<') {  // type arguments, if they end soon
    int depth = 0;
    size_t i = at;
    for (; i < text.size() && i < at + 300; ++i) {
      char c = text[i];
      if (c == '<') ++depth;
      if (c == '>' && --depth == 0) break;
      if (c == ';' || c == '{' || c == '"' || c == '(' || c == '|') return std::nullopt;
    }
    if (depth != 0 || i >= text.size()) return std::nullopt;
    at = skip_blank(text, i + 1);
  }
  if (at >= text.size() || text[at] != '(') return std::nullopt;
  return list_parts(text, at, false);
}

// The list of parameters in a signature: "(int x, int y = 1)" of "int Foo::bar(int x, int y = 1)".
std::optional<std::vector<std::string_view>> parameter_parts(const Symbol& symbol,
                                                             std::string_view language) {
  std::string_view s = symbol.signature;
  size_t name = std::string_view::npos;
  for (size_t at = s.find(symbol.name); at != std::string_view::npos;
       at = s.find(symbol.name, at + 1)) {
    size_t after = skip_blank(s, at + symbol.name.size());
    if (after < s.size() && (s[after] == '(' || s[after] == '<' || s[after] == '[')) {
      name = after;
      break;
    }
  }
  if (name == std::string_view::npos) return std::nullopt;
  size_t open = s[name] == '(' ? name : s.find('(', name);
  if (open == std::string_view::npos) return std::nullopt;
  return list_parts(s, open, is_c_family(language) || language == "java");
}

// "Slice" of "const ns::Slice& a": the word that tells types apart.
std::string_view type_word(std::string_view part) {
  static constexpr std::string_view kSkip[] = {"const",  "volatile", "struct",  "class",
                                               "enum",   "union",    "final",   "typename",
                                               "signed", "unsigned", "register"};
  for (size_t i = 0; i < part.size();) {
    auto letter = [&](size_t k) {
      return k < part.size() && (isalnum(static_cast<unsigned char>(part[k])) || part[k] == '_');
    };
    if (!letter(i)) {
      ++i;
      continue;
    }
    size_t begin = i;
    while (letter(i)) ++i;
    std::string_view word = part.substr(begin, i - begin);
    if (part.substr(i, 2) == "::") continue;
    if (std::find(std::begin(kSkip), std::end(kSkip), word) == std::end(kSkip)) return word;
  }
  return {};
}

}  // namespace

std::optional<uint32_t> count_arguments(std::string_view text, size_t at) {
  auto parts = call_parts(text, at);
  if (!parts) return std::nullopt;
  for (std::string_view part : *parts) {  // f(*list), f(...list), f(pack...)
    if (part.substr(0, 3) == "..." || (part.size() > 3 && part.substr(part.size() - 3) == "...")) {
      return std::nullopt;
    }
  }
  return static_cast<uint32_t>(parts->size());
}

std::optional<ParameterCount> count_parameters(const Symbol& symbol, std::string_view language) {
  auto parts = parameter_parts(symbol, language);
  if (!parts) return std::nullopt;
  ParameterCount out;
  for (std::string_view part : *parts) {
    if (is_c_family(language) && part == "void") continue;
    if (language == "rust" && (part == "self" || part == "&self" || part == "&mut self" ||
                               part == "mut self" || part.substr(0, 5) == "self:")) {
      continue;
    }
    if (part == "/" || part == "*") continue;  // Python's marks
    bool rest = part.find("...") != std::string_view::npos || part.substr(0, 1) == "*";
    if (language == "python" && (part == "self" || part == "cls")) continue;
    if (rest) {
      out.most = kNone;
      continue;
    }
    bool optional = part.find('=') != std::string_view::npos ||
                    (is_script_family(language) && part.find('?') != std::string_view::npos);
    if (!optional) ++out.least;
    if (out.most != kNone) ++out.most;
  }
  return out;
}

std::vector<std::string_view> parameter_types(const Symbol& symbol, std::string_view language) {
  std::vector<std::string_view> out;
  auto parts = parameter_parts(symbol, language);
  if (!parts) return out;
  for (std::string_view part : *parts) {
    if (part != "void") out.push_back(type_word(part));
  }
  return out;
}

// x, *x, a.b, a->b, f(...), a.f(...): what the last name says it is. Literals decide too little.
std::vector<std::string> Resolver::argument_types(const std::string& path,
                                                  const FileFactsPtr& facts, size_t at) {
  constexpr size_t kMaxTyped = 8;  // arguments
  std::vector<std::string> out;
  const std::string& source = text(path);
  auto parts = call_parts(source, at);
  if (!parts || parts->size() > kMaxTyped) return out;
  const bool was_foreign = is_foreign_;
  for (std::string_view part : *parts) {
    out.emplace_back();
    while (!part.empty() && (part[0] == '*' || part[0] == '&')) part = trim(part.substr(1));
    size_t end = 0;
    for (size_t i = 0; i < part.size(); i = end) {  // a.b->c::d
      end = i;
      while (end < part.size() &&
             (isalnum(static_cast<unsigned char>(part[end])) || part[end] == '_')) {
        ++end;
      }
      if (end == i) break;
      bool more =
          part.substr(end, 1) == "." || part.substr(end, 2) == "->" || part.substr(end, 2) == "::";
      if (!more) break;
      end += part[end] == '.' ? 1 : 2;
    }
    bool is_call = end > 0 && part.substr(end, 1) == "(" && part.back() == ')';
    if (is_call) {
      auto inner = list_parts(part, end, false);
      // One call and nothing behind it: f(a), not f(a) + g(b).
      int depth = 0;
      for (size_t i = end; i < part.size(); ++i) {
        if (part[i] == '(') ++depth;
        if (part[i] == ')' && --depth == 0) is_call = i + 1 == part.size();
        if (depth == 0) break;
      }
      if (!inner) is_call = false;
    }
    if (end == 0 || (end < part.size() && !is_call)) continue;
    auto offset = static_cast<uint32_t>(part.data() - source.data() + end);
    auto it = std::lower_bound(facts->occurrences.begin(), facts->occurrences.end(), offset,
                               [](const Occurrence& o, uint32_t to) { return o.end < to; });
    if (it == facts->occurrences.end() || it->end != offset) continue;
    std::vector<Found> found = meaning(path, facts, *it, 1);
    if (found.empty() || found[0].symbol == kNone) continue;
    const Symbol& symbol = found[0].get();
    out.back() = is_class_like(symbol.kind) ? symbol.name : symbol.type_name;
    if (out.back().size() > 2 && out.back().back() == ')') out.back().clear();  // "make()"
  }
  is_foreign_ = was_foreign;
  return out;
}

}  // namespace engramd::repoindex
