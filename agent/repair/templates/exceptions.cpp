// Exceptions: another type, one more type, a try around what the failure says raises.
#include <algorithm>
#include <map>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

// Exceptions that stand in for each other.
constexpr std::string_view kKnown[] = {
    "ValueError",         "TypeError",         "KeyError",          "AttributeError",
    "IndexError",         "OSError",           "RuntimeError",      "ImportError",
    "UnicodeDecodeError", "StopIteration",     "LookupError",       "NotImplementedError",
    "Exception",          "FileNotFoundError", "ZeroDivisionError", "OverflowError"};

std::vector<std::string> likely(const Site& site) {
  std::vector<std::string> names = site.hints.exceptions;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const std::string& name : site.offer.exceptions) add(name);
  for (const std::string_view name : kKnown) add(std::string(name));
  return names;
}

// The type in `except T:` or `except T as e:`.
size_t caught_type(const CodeView& code, size_t clause) {
  for (size_t child : code.named_children(clause)) {
    if (code.kind_of(child) == "block") return kNoNode;
    if (code.kind_of(child) == "as_pattern") {
      const std::vector<size_t> parts = code.named_children(child);
      return parts.empty() ? kNoNode : parts[0];
    }
    return child;
  }
  return kNoNode;
}

void except_clause(const Site& site) {
  const CodeView& code = site.code;
  const size_t type = caught_type(code, site.node);
  if (type == kNoNode) return;
  const std::string now = code.text_of(type);
  double place = 0;
  for (const std::string& other : likely(site)) {
    if (now.find(other) != std::string::npos) continue;
    const double hinted = one_of(other, site.hints.exceptions) ? -0.6 : 0;
    if (code.kind_of(type) == "tuple" && now.size() > 2)
      site.out.replace(type, now.substr(0, now.size() - 1) + ", " + other + ")",
                       2.0 + place + hinted, "one more exception");
    else
      site.out.replace(type, "(" + now + ", " + other + ")", 2.0 + place + hinted,
                       "one more exception");
    site.out.replace(type, other, 2.1 + place + hinted, "another exception");
    place += 0.04;
  }
}

void raised(const Site& site) {
  const CodeView& code = site.code;
  const std::vector<size_t> parts = code.named_children(site.node);
  if (parts.empty()) return;
  const size_t type =
      contains_kind(code.kinds.call, code.kind_of(parts[0])) ? code.callee_of(parts[0]) : parts[0];
  if (type == kNoNode || !(code.is_plain_name(type) || code.is_member(type))) return;
  double place = 0;
  for (const std::string& other : likely(site)) {
    site.out.replace(type, other, 1.9 + place - (one_of(other, site.hints.exceptions) ? 0.4 : 0),
                     "another exception");
    place += 0.05;
  }
}

// The statement raises what the failure says: catch it there.
void surround(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (!code.is_statement(i) || !code.starts_its_line(i) || code.function_of(i) == kNoNode) return;
  const std::string now = code.text_of(i);
  if (now.find('\n') != std::string::npos || now.size() > 200) return;
  const std::string indent = code.indentation_at(i);
  std::vector<std::string> types = site.hints.exceptions;
  if (types.size() > 3) types.resize(3);
  std::vector<std::string> bodies = {"pass", "return None", "return False"};
  if (code.in_loop(i)) bodies.insert(bodies.begin(), "continue");
  for (const std::string& result : site.scope.returned) bodies.push_back("return " + result);
  // An assignment falls back to an empty value.
  for (const size_t child : code.named_children(i))
    if (contains_kind(code.kinds.assignment, code.kind_of(child)))
      if (const size_t left = code.assignment_left(child); left != kNoNode)
        for (const std::string_view value : {"None", "''", "[]", "{}", "0", "False"})
          bodies.push_back(code.text_of(left) + " = " + std::string(value));
  if (bodies.size() > 12) bodies.resize(12);
  double place = 0;
  for (const std::string& type : types)
    for (const std::string& body : bodies) {
      site.out.replace(i,
                       "try:\n" + indent + "    " + now + "\n" + indent + "except " + type + ":\n" +
                           indent + "    " + body,
                       2.8 + place, "catch an exception");
      place += 0.02;
    }
}

}  // namespace

void propose_exceptions(const Site& site) {
  const std::string_view kind = site.code.kind_of(site.node);
  if (!site.code.is_python) return;
  if (kind == "except_clause") except_clause(site);
  if (kind == "raise_statement") raised(site);
  surround(site);
}

}  // namespace engramd::agent
