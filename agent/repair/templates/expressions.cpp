// Places that take any expression: a donor of the same function, a wrap, a step, a missing term.
#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

constexpr std::string_view kScope = "expression of the same function";

void offer_donors(const Site& site, double cost, bool targets_only) {
  const CodeView& code = site.code;
  const std::string now = code.text_of(site.node);
  size_t offered = 0;
  for (const std::string& donor : site.scope.donors) {
    if (donor == now) continue;
    if (targets_only && donor.back() != ']' && donor.find('.') == std::string::npos) continue;
    if (targets_only && (donor.find('(') != std::string::npos || donor.front() == '[')) continue;
    site.out.replace(site.node, code.fitted(site.node, donor),
                     cost + 0.02 * static_cast<double>(offered), kScope);
    if (++offered >= site.max_donors) break;
  }
}

// A variable that is used as a value.
void variable(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const std::string now = code.text_of(i);
  const auto put = [&](const std::string& text, double cost, std::string_view kind) {
    site.out.replace(i, code.fitted(i, text), cost, kind);
  };
  put(now + " + 1", 1.6, "off by one");
  put(now + " - 1", 1.6, "off by one");
  site.out.replace(i, "0", 2.6, "name to constant");
  site.out.replace(i, "1", 2.6, "name to constant");
  for (const std::string& other : site.scope.variables) {
    if (other == now) continue;
    put(now + " - " + other, 2.5, "missing term");
    put(now + " + " + other, 2.5, "missing term");
  }
  put(now + " * " + now, 2.7, "missing term");
  put(now + " * 2", 2.9, "missing term");
  if (code.is_python) {
    put(now + " ** 2", 2.8, "missing term");
    put(now + " // 2", 2.9, "missing term");
  }
  site.out.replace(i, "-" + now, 2.7, "negate a number");
}

void slices(const Site& site, const std::string& now) {
  if (!site.code.is_python) return;
  const size_t i = site.node;
  site.out.replace(i, now + "[1:]", 2.3, "slice");
  site.out.replace(i, now + "[:-1]", 2.4, "slice");
  site.out.replace(i, now + "[0]", 2.5, "index");
  site.out.replace(i, now + "[-1]", 2.6, "index");
  for (const std::string& name : site.scope.variables) {
    if (name == now) continue;
    site.out.replace(i, now + "[" + name + ":]", 2.6, "slice");
    site.out.replace(i, now + "[:" + name + "]", 2.7, "slice");
    site.out.replace(i, now + "[" + name + "]", 2.7, "index");
  }
}

void wraps(const Site& site, const std::string& now) {
  const CodeView& code = site.code;
  const Spelling& spelling = code.spelling;
  const size_t i = site.node;
  if (now.size() > 100) return;
  // The brackets of a call do for those that are there.
  std::string inner = now;
  if (code.kind_of(i) == "parenthesized_expression")
    if (const std::vector<size_t> parts = code.named_children(i);
        parts.size() == 1 && contains_kind(code.kinds.binary, code.kind_of(parts[0])))
      inner = code.text_of(parts[0]);
  if (!spelling.maximum.empty()) {
    site.out.replace(i, std::string(spelling.maximum) + "(0, " + inner + ")", 2.4, "clamp");
    site.out.replace(i, std::string(spelling.minimum) + "(0, " + inner + ")", 2.9, "clamp");
  }
  for (const std::string_view function : spelling.wrappers)
    if (now.rfind(std::string(function) + "(", 0) != 0)
      site.out.replace(i, std::string(function) + "(" + inner + ")", 2.6, "wrap in a call");
  for (const std::string& function : site.scope.callees)
    site.out.replace(i, function + "(" + inner + ")", 2.7, "wrap in a call");
  for (const auto* methods : {&site.scope.methods, &site.offer.methods_of_one})
    for (const std::string& method : *methods)
      site.out.replace(i, method + "(" + inner + ")", 2.7, "wrap in a call");
  if (code.is_literal(i)) return;
  const std::string held = code.is_operation(i) ? "(" + now + ")" : now;
  for (const std::string_view suffix : spelling.suffixes)
    if (!now.ends_with(suffix))
      site.out.replace(i, held + std::string(suffix), 2.5, "call on a value");
  for (const std::string& method : site.offer.methods_without_arguments)
    site.out.replace(i, held + "." + method + "()", 2.7, "call on a value");
}

// An operand, what stands in brackets, or what is put into a text: what may be done to it, but
// rarer.
void operand(const Site& site, const std::string& now) {
  const CodeView& code = site.code;
  const size_t i = site.node, above = code.node(i).parent;
  const std::string_view kind = code.kind_of(i);
  if (kind == "parenthesized_expression" && code.is_operation(above)) {
    const std::vector<size_t> parts = code.named_children(i);
    if (parts.size() != 1 || !code.is_arithmetic(parts[0]) || now.size() > 100) return;
    if (!code.spelling.maximum.empty())
      site.out.replace(i,
                       std::string(code.spelling.maximum) + "(0, " + code.text_of(parts[0]) + ")",
                       2.4, "clamp");
    for (const std::string_view function : code.spelling.wrappers)
      site.out.replace(i, std::string(function) + now, 2.7, "wrap in a call");
    return;
  }
  if (!code.is_operation(above) ||
      (kind != "identifier" && !code.is_member(i) && !contains_kind(code.kinds.subscript, kind)))
    return;
  for (const std::string_view suffix : code.spelling.suffixes)
    site.out.replace(i, now + std::string(suffix), 2.8, "call on a value");
  for (const std::string_view function : code.spelling.wrappers)
    site.out.replace(i, std::string(function) + "(" + now + ")", 2.8, "wrap in a call");
}

// str(e) for e.args[0]: the whole thing for a part of it, in a call.
void of_its_root(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (!code.is_python || !contains_kind(code.kinds.subscript, code.kind_of(i))) return;
  size_t root = i;
  for (size_t steps = 0; steps < 3 && !code.is_plain_name(root); ++steps) {
    const size_t of =
        code.is_member(root) ? code.receiver_of(root) : code.tree.child_by_field(root, "value");
    if (of == kNoNode) return;
    root = of;
  }
  if (!code.is_plain_name(root)) return;
  for (const std::string_view function : {"str", "repr", "len", "list"})
    site.out.replace(i, std::string(function) + "(" + code.text_of(root) + ")", 2.7,
                     "the whole for a part");
}

// What is put into a text, made fit for it: {int(n)} for {n}.
void interpolated(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const std::string_view above = code.kind_of(code.parent(i));
  if (above != "interpolation" && above != "template_substitution") return;
  if (!code.is_plain_name(i) && !code.is_member(i) &&
      !contains_kind(code.kinds.call, code.kind_of(i)) &&
      !contains_kind(code.kinds.subscript, code.kind_of(i)))
    return;
  const std::string now = code.text_of(i);
  if (now.size() > 60) return;
  for (const std::string& function : site.scope.callees)
    site.out.replace(i, function + "(" + now + ")", 2.4, "wrap in a call");
  for (const std::string_view function : code.spelling.wrappers)
    site.out.replace(i, std::string(function) + "(" + now + ")", 2.6, "wrap in a call");
  for (const std::string_view suffix : code.spelling.suffixes)
    site.out.replace(i, now + std::string(suffix), 2.7, "call on a value");
  for (const std::string& name : site.scope.variables) site.out.replace(i, name, 2.2, "name");
}

void returned(const Site& site, const std::string& now) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  for (const std::string& name : site.scope.variables)
    if (name != now) {
      site.out.replace(i, name + " + " + now, 2.6, "missing term");
      site.out.replace(i, now + " + " + name, 2.6, "missing term");
    }
  site.out.replace(i, code.negated(now), 2.2, "negate a result");
  const std::string join_and = " " + std::string(code.spelling.and_) + " ",
                    join_or = " " + std::string(code.spelling.or_) + " ";
  for (const std::string& condition : site.scope.conditions) {
    if (condition == now) continue;
    site.out.replace(i, now + join_and + condition, 2.9, "add a condition");
    site.out.replace(i, now + join_or + condition, 2.9, "add a condition");
  }
  if (code.is_operation(i)) {
    site.out.replace(i, now + " + 1", 2.0, "off by one");
    site.out.replace(i, now + " - 1", 2.0, "off by one");
  }
}

}  // namespace

void propose_expressions(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  interpolated(site);
  if (!code.is_expression(i) || code.is_parameter(i)) return;
  const FlatNode& node = code.node(i);
  if (node.end - node.begin > 200) return;
  const std::string now = code.text_of(i);
  const std::string_view parent = code.kind_of(node.parent);
  const bool in_return = contains_kind(code.kinds.return_, parent);
  const bool is_argument = contains_kind(code.kinds.arguments, parent);
  const bool is_value = in_return || node.field == "right" || node.field == "value" ||
                        is_argument || node.field == "body" ||
                        (code.kind_of(node.parent) == "expression_list" &&
                         contains_kind(code.kinds.return_, code.kind_of(code.parent(node.parent))));
  if (code.is_target(i)) {
    if (contains_kind(code.kinds.subscript, node.kind) || code.is_member(i))
      offer_donors(site, 2.8, true);
    return;
  }
  if (node.kind == "identifier" && !is_argument) variable(site);
  if (node.kind == "identifier" && is_argument) variable(site);
  if (is_value || contains_kind(code.kinds.call, node.kind) ||
      contains_kind(code.kinds.subscript, node.kind))
    offer_donors(site, in_return ? 2.5 : 2.7, false);
  if (in_return)
    for (const std::string& name : site.scope.variables)
      site.out.replace(i, name, 2.2, "return a name");
  if (code.is_literal(i)) {
    if (in_return)
      for (const std::string& other : site.scope.returned)
        site.out.replace(i, other, 2.3, "another result");
    return;
  }
  const bool is_receiver = code.is_member(node.parent) && code.receiver_of(node.parent) == i &&
                           contains_kind(code.kinds.call, node.kind);
  if (is_argument || is_value || is_receiver)
    for (const std::string& name : site.scope.variables)
      if (node.kind != "identifier")
        one_of(name, site.scope.unused) ? site.out.replace(i, name, 1.6, "unused name")
                                        : site.out.replace(i, name, 2.3, "expression to name");
  const bool is_iterated = node.field == "right" &&
                           (contains_kind(code.kinds.loop, parent) || parent == "for_in_clause");
  if ((is_argument || is_iterated || in_return || node.field == "right") &&
      (node.kind == "identifier" || code.is_member(i) || contains_kind(code.kinds.call, node.kind)))
    slices(site, now);
  if (is_value || is_iterated) wraps(site, now);
  if (is_argument && node.kind != "identifier")
    for (const std::string_view constant : {std::string_view("0"), std::string_view("1"),
                                            code.spelling.null_, code.spelling.empty_text})
      if (!constant.empty())
        site.out.replace(i, std::string(constant), 2.6, "expression to constant");
  if (!is_value && !is_iterated) operand(site, now);
  of_its_root(site);
  if (in_return) returned(site, now);
  if (is_argument && code.is_operation(i)) {
    site.out.replace(i, now + " + 1", 1.9, "off by one");
    site.out.replace(i, now + " - 1", 1.9, "off by one");
  }
}

}  // namespace engramd::agent
