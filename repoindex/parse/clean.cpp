#include <algorithm>
#include <array>

#include "repoindex/parse/walk.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxDoc = 1600, kMaxSignature = 400;

std::string capped(std::string text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t cut = limit;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  text.resize(cut);
  text += "…";
  return text;
}

bool starts_with(std::string_view text, std::string_view what) {
  return text.substr(0, what.size()) == what;
}
bool ends_with(std::string_view text, std::string_view what) {
  return text.size() >= what.size() && text.substr(text.size() - what.size()) == what;
}

std::string_view without_string_quotes(std::string_view raw) {
  while (!raw.empty() && raw[0] != '"' && raw[0] != '\'') raw.remove_prefix(1);  // r, u, b
  for (std::string_view quote : {"\"\"\"", "'''", "\"", "'"}) {
    if (starts_with(raw, quote) && ends_with(raw, quote) && raw.size() >= 2 * quote.size()) {
      return raw.substr(quote.size(), raw.size() - 2 * quote.size());
    }
  }
  return raw;
}

std::string_view without_comment_marks(std::string_view line) {
  line = trim(line);
  for (std::string_view mark : {"/**", "/*!", "/*", "///<", "///", "//!", "//", "*/", "*", "#!",
                                "##", "#", "--[[", "---", "--", "<!--"}) {
    if (starts_with(line, mark)) {
      line.remove_prefix(mark.size());
      break;
    }
  }
  for (std::string_view mark : {"*/", "-->", "]]"}) {
    if (ends_with(line, mark)) line.remove_suffix(mark.size());
  }
  if (starts_with(line, " ")) line.remove_prefix(1);  // keep further indentation: code samples
  while (!line.empty() && isspace(static_cast<unsigned char>(line.back()))) line.remove_suffix(1);
  return line;
}

bool is_name_byte(char c) {
  auto u = static_cast<unsigned char>(c);
  return isalnum(u) || c == '_' || c == '$' || u >= 0x80;
}

}  // namespace

std::string without_tags(std::string_view raw) {
  std::string out;
  for (size_t i = 0; i < std::min(raw.size(), kMaxDoc * 2); ++i) {
    bool opens = raw[i] == '<' && i + 1 < raw.size() &&
                 (isalpha(static_cast<unsigned char>(raw[i + 1])) || raw[i + 1] == '/');
    size_t close = opens ? raw.find('>', i) : std::string_view::npos;
    if (close == std::string_view::npos) {
      out += raw[i];
    } else {
      i = close;
    }
  }
  return out;
}

std::string clean_doc(std::string_view raw, bool docstring) {
  raw = raw.substr(0, kMaxDoc * 2);
  std::vector<std::string> lines;
  if (docstring) {
    std::string_view inner = without_string_quotes(raw);
    size_t indent = std::string_view::npos;
    std::vector<std::string_view> parts = split_lines(inner);
    for (size_t i = 1; i < parts.size(); ++i) {
      size_t first = parts[i].find_first_not_of(" \t");
      if (first != std::string_view::npos) indent = std::min(indent, first);
    }
    for (size_t i = 0; i < parts.size(); ++i) {
      std::string_view line = parts[i];
      if (i > 0 && indent != std::string_view::npos) {
        line = line.substr(std::min(indent, line.size()));
      }
      lines.emplace_back(i == 0 ? trim(line) : line);
    }
  } else {
    for (std::string_view line : split_lines(raw)) lines.emplace_back(without_comment_marks(line));
  }
  while (!lines.empty() && trim(lines.front()).empty()) lines.erase(lines.begin());
  while (!lines.empty() && trim(lines.back()).empty()) lines.pop_back();
  std::string out;
  for (const std::string& line : lines) {
    if (!out.empty()) out += '\n';
    out += line;
  }
  return capped(utf8_sanitized(out), kMaxDoc);
}

std::string clean_signature(std::string_view raw) {
  std::string out;
  bool blank = false;
  for (char c : raw.substr(0, kMaxSignature * 4)) {
    if (isspace(static_cast<unsigned char>(c))) {
      blank = !out.empty();
      continue;
    }
    if (blank) out += ' ';
    blank = false;
    out += c;
  }
  for (bool again = true; again;) {
    again = false;
    for (std::string_view tail : {"=>", "{", "=", " ", ";"}) {
      if (!ends_with(out, tail)) continue;
      // `operator=` keeps its sign, and so does `==`.
      if (tail == "=" && (ends_with(out, "==") || ends_with(out, "operator="))) continue;
      out.resize(out.size() - tail.size());
      again = true;
    }
  }
  if (ends_with(out, ":") && !ends_with(out, "::")) out.pop_back();
  return capped(utf8_sanitized(out), kMaxSignature);
}

std::string main_type_name(std::string_view type) {
  // Words that are not the type itself: qualifiers, and wrappers whose members are those of what
  // they wrap (or that one mostly looks through).
  static constexpr std::array<std::string_view, 44> kSkip = {
      "const",    "volatile",   "struct",     "class",     "enum",     "union",       "typename",
      "mut",      "dyn",        "impl",       "ref",       "static",   "inline",      "constexpr",
      "extern",   "virtual",    "friend",     "final",     "readonly", "unsigned",    "signed",
      "Optional", "Final",      "ClassVar",   "Annotated", "Required", "NotRequired", "Type",
      "type",     "unique_ptr", "shared_ptr", "weak_ptr",  "optional", "Option",      "Box",
      "Rc",       "Arc",        "RefCell",    "Promise",   "Readonly", "Partial",     "Awaitable",
      "func",     "async"};
  type = type.substr(0, 400);
  size_t i = 0;
  while (i < type.size()) {
    if (type[i] == '\'' && i + 1 < type.size() && is_name_byte(type[i + 1]) &&
        type.find('\'', i + 1) == std::string_view::npos) {  // a Rust lifetime
      ++i;
      while (i < type.size() && is_name_byte(type[i])) ++i;
      continue;
    }
    if (!is_name_byte(type[i])) {
      ++i;
      continue;
    }
    size_t begin = i;
    while (i < type.size() && is_name_byte(type[i])) ++i;
    std::string_view name = type.substr(begin, i - begin);
    if (isdigit(static_cast<unsigned char>(name[0]))) continue;
    std::string_view rest = type.substr(i);
    if (starts_with(rest, "::") || starts_with(rest, ".")) continue;
    if (std::find(kSkip.begin(), kSkip.end(), name) != kSkip.end()) continue;
    return std::string(name.substr(0, 120));
  }
  return {};
}

}  // namespace engramd::repoindex
