// What a designated initializer of C and C++ initializes: `{.name = ...}` names a member of the
// declared variable's struct, of the written type of a compound literal, or of the member that the
// braces are for. By a bounded look back through the text.
#include <algorithm>

#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxBack = 4000;  // bytes; tables of structs are longer, their rows are not
constexpr size_t kMaxNested = 8;

bool is_name_byte(char c) {
  return isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}
size_t blank_before(std::string_view s, size_t at) {
  while (at > 0 && (isspace(static_cast<unsigned char>(s[at - 1])) || s[at - 1] == '\\')) --at;
  return at;
}
size_t name_before(std::string_view s, size_t at) {
  while (at > 0 && is_name_byte(s[at - 1])) --at;
  return at;
}

// The bracket that is open at `at`, looking back; npos when none is near.
size_t open_brace(std::string_view s, size_t at) {
  int depth = 0;
  for (size_t n = 0; at > 0 && n < kMaxBack; ++n) {
    char c = s[--at];
    if (c == '}' || c == ')' || c == ']') ++depth;
    if (c == '{' || c == '(' || c == '[') {
      if (depth-- == 0) return c == '{' ? at : std::string_view::npos;
    }
    if (c == ';' && depth == 0) return std::string_view::npos;
  }
  return std::string_view::npos;
}

}  // namespace

std::vector<Found> Resolver::initialized(const std::string& path, const FileFactsPtr& facts,
                                         const Occurrence& occurrence, int depth) {
  const std::string& source = text(path);
  std::string_view s = source;
  if (occurrence.begin == 0 || occurrence.begin > s.size() || s[occurrence.begin - 1] != '.') {
    return {};
  }
  std::vector<std::string_view> members;  // the innermost first
  std::vector<Found> classes;
  size_t at = occurrence.begin - 1;
  while (members.size() < kMaxNested) {
    size_t brace = open_brace(s, at);
    if (brace == std::string_view::npos) return {};
    at = blank_before(s, brace);
    if (at > 0 && (s[at - 1] == '{' || s[at - 1] == ',')) {  // a row of a table
      at = brace;
      continue;
    }
    std::string_view name;
    size_t begin = at;
    if (at > 0 && s[at - 1] == ')') {  // (type){
      size_t end = blank_before(s, at - 1);
      while (end > 0 && s[end - 1] == '*') end = blank_before(s, end - 1);
      begin = name_before(s, end);
      name = s.substr(begin, end - begin);
    } else if (at > 0 && s[at - 1] == '=') {  // x = {, x[] = {, .x = {, [3] = {
      size_t end = blank_before(s, at - 1);
      while (end > 0 && s[end - 1] == ']') {
        size_t open = s.rfind('[', end);
        if (open == std::string_view::npos) return {};
        end = blank_before(s, open);
      }
      begin = name_before(s, end);
      name = s.substr(begin, end - begin);
      if (name.empty()) {  // [3] = {
        at = end;
        continue;
      }
      if (begin > 0 && s[begin - 1] == '.') {
        members.push_back(name);
        at = begin - 1;
        continue;
      }
    } else {  // Type{, Type x{
      begin = name_before(s, at);
      name = s.substr(begin, at - begin);
    }
    if (name.empty()) return {};
    for (const Found& f : plain_name(path, facts, name, occurrence.scope,
                                     static_cast<uint32_t>(begin + name.size()), depth + 1)) {
      append_new(classes, classes_of(f, depth + 1));
    }
    break;
  }
  for (size_t i = members.size(); i-- > 0;) {
    std::vector<Found> inner;
    for (const Found& class_ : classes) {
      for (const Found& member : members_of(class_, members[i], depth + 1)) {
        append_new(inner, classes_of(member, depth + 1));
      }
    }
    classes = std::move(inner);
  }
  return classes;
}

}  // namespace engramd::repoindex
