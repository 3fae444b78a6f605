// Whether there is something to work with: asked in a condition that did not, in place of a
// comparison, or around a value.
#include <algorithm>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

size_t bare(const CodeView& code, size_t i) {
  while (i != kNoNode && code.kind_of(i) == "parenthesized_expression") {
    const std::vector<size_t> parts = code.named_children(i);
    i = parts.size() == 1 ? parts[0] : kNoNode;
  }
  return i;
}

// if (a) { b.use(); } where b may be absent: the condition asks for what its body uses.
void of_the_body(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const size_t body = code.tree.child_by_field(i, "consequence");
  const size_t condition = bare(code, code.tree.child_by_field(i, "condition"));
  if (body == kNoNode || condition == kNoNode) return;
  const std::string now = code.text_of(condition);
  if (now.size() > 200) return;
  const Spelling& spelling = code.spelling;
  const std::string and_ = " " + std::string(spelling.and_) + " ";
  const bool loose = contains_kind(code.kinds.boolean, code.kind_of(condition)) &&
                     code.operator_of(condition) != kNoNode &&
                     code.text_of(code.operator_of(condition)) == spelling.or_;
  const std::string held = loose ? "(" + now + ")" : now;
  double rarer = 0;
  for (const std::string& name : code.reads_of(body, 8, false)) {
    // A whole object is asked for by its own name only where the members of it are used.
    site.out.replace(condition, held + and_ + name + std::string(spelling.not_null), 2.3 + rarer,
                     "ask for presence");
    if (code.is_python || code.is_script)
      site.out.replace(condition, held + and_ + name, 2.4 + rarer, "ask for presence");
    if (code.is_script) {
      site.out.replace(condition, held + and_ + "Array.isArray(" + name + ")", 2.9 + rarer,
                       "type check");
      for (const std::string_view type : {"string", "function", "object", "number"})
        site.out.replace(condition,
                         held + and_ + "typeof " + name + " === '" + std::string(type) + "'",
                         2.9 + rarer, "type check");
    }
    rarer += 0.05;
  }
}

// x == SOME_KIND where any x that is there was meant.
void for_a_comparison(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (!contains_kind(code.kinds.comparison, code.kind_of(i))) return;
  const size_t op = code.operator_of(i);
  const std::vector<size_t> parts = code.named_children(i);
  if (op == kNoNode || parts.size() != 2) return;
  const std::string token = code.text_of(op);
  if (token.rfind("==", 0) != 0 && token.rfind("!=", 0) != 0 && token != "is" && token != "is not")
    return;
  const std::string left = code.text_of(parts[0]);
  if (left.size() > 60 || code.is_literal(parts[0])) return;
  for (const std::string_view end : {code.spelling.not_null, code.spelling.is_null})
    site.out.replace(i, left + std::string(end), 2.2, "presence for a comparison");
}

// A value that cannot be computed of nothing: `log(x) if x != 0 else 0`.
void around_a_value(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (!code.is_python && !code.is_script) return;
  if (!code.is_expression(i) || code.is_target(i) || code.is_literal(i)) return;
  const FlatNode& node = code.node(i);
  const std::string_view above = code.kind_of(node.parent);
  const bool is_value = node.field == "right" || node.field == "value" || node.field == "body" ||
                        contains_kind(code.kinds.return_, above);
  const bool computes = contains_kind(code.kinds.call, node.kind) || code.is_arithmetic(i) ||
                        contains_kind(code.kinds.subscript, node.kind);
  if (!is_value || !computes || node.end - node.begin > 90) return;
  if (code.is_operation(node.parent) || contains_kind(code.kinds.augmented_assignment, above))
    return;
  const std::string now = code.text_of(i);
  if (now.find('\n') != std::string::npos) return;
  size_t offered = 0;
  for (const std::string& name : code.reads_of(i, 6, false)) {
    if (name == now || name.find('.') != std::string::npos || ++offered > 2) continue;
    if (one_of(name, site.offer.callees)) continue;
    const double rarer = 0.1 * static_cast<double>(offered - 1);
    if (code.is_python) {
      for (const std::string& test : {name, name + " is not None", name + " != 0"})
        for (const std::string_view other : {"0", "None", "''"})
          site.out.replace(i, now + " if " + test + " else " + std::string(other), 2.6 + rarer,
                           "only when there is something");
    } else {
      for (const std::string& test : {name, name + " != null", name + " !== undefined"})
        for (const std::string_view other : {"0", "null", "''"})
          site.out.replace(i, "(" + test + " ? " + now + " : " + std::string(other) + ")",
                           2.6 + rarer, "only when there is something");
    }
  }
}

}  // namespace

void propose_presence(const Site& site) {
  const std::string_view kind = site.code.kind_of(site.node);
  if (kind == "if_statement" || kind == "elif_clause") of_the_body(site);
  for_a_comparison(site);
  around_a_value(site);
}

}  // namespace engramd::agent
