// Conditions: negated, strengthened, weakened, dropped, and what "empty" and "null" mean.
#include <algorithm>
#include <set>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

// `if (x)`: the parentheses belong to the statement's syntax. kNoNode: nothing to work on.
size_t inner_of(const CodeView& code, size_t i) {
  if (code.is_python ||
      (code.kind_of(i) != "parenthesized_expression" && code.kind_of(i) != "condition_clause"))
    return i;
  const std::vector<size_t> parts = code.named_children(i);
  return parts.size() == 1 ? parts[0] : kNoNode;
}

// What the condition may need to be protected against: a member of something absent.
std::set<std::string> receivers_in(const CodeView& code, size_t i) {
  std::set<std::string> receivers;
  const size_t end = code.tree.subtree_end(i);
  for (size_t k = i; k < end && receivers.size() < 4; ++k) {
    size_t receiver = kNoNode;
    if (code.is_member(k)) receiver = code.receiver_of(k);
    if (contains_kind(code.kinds.subscript, code.kind_of(k))) {
      const std::vector<size_t> parts = code.named_children(k);
      if (!parts.empty()) receiver = parts[0];
    }
    if (receiver != kNoNode && (code.is_plain_name(receiver) || code.is_member(receiver)) &&
        code.node(receiver).end - code.node(receiver).begin <= 40)
      receivers.insert(code.text_of(receiver));
  }
  return receivers;
}

// x for x is None and the like: truth and presence are easily confused.
void presence(const Site& site, size_t inner) {
  const CodeView& code = site.code;
  const Spelling& spelling = code.spelling;
  const std::string now = code.text_of(inner);
  std::string bare = now;
  bool negative = false;
  if (bare.rfind(spelling.not_, 0) == 0 && !spelling.not_.empty() &&
      contains_kind(code.kinds.unary, code.kind_of(inner))) {
    bare = bare.substr(spelling.not_.size());
    negative = true;
  }
  const bool is_simple = bare.find_first_of(" ()<>=&|") == std::string::npos;
  if (is_simple) {
    site.out.replace(inner, bare + std::string(negative ? spelling.is_null : spelling.not_null),
                     1.4, "truth to presence");
    const std::string length =
        std::string(spelling.length_before) + bare + std::string(spelling.length_after);
    if (!spelling.length_after.empty() && !code.is_python)
      site.out.replace(inner, length + (negative ? " == 0" : " > 0"), 2.3, "truth to length");
    if (code.is_python && !negative) {
      site.out.replace(inner, length + " > 1", 2.7, "truth to length");
      for (const std::string& type : site.offer.types)
        site.out.replace(inner, "isinstance(" + bare + ", " + type + ")", 2.6, "type check");
    }
  }
  for (const bool null : {true, false}) {
    const std::string_view end = null ? spelling.is_null : spelling.not_null;
    if (now.size() <= end.size() || !now.ends_with(end)) continue;
    const std::string name = now.substr(0, now.size() - end.size());
    if (name.find(' ') != std::string::npos) continue;
    site.out.replace(inner, null ? code.negated(name) : name, 1.5, "presence to truth");
    site.out.replace(inner, name + std::string(null ? spelling.not_null : spelling.is_null), 1.2,
                     "negate a condition");
  }
}

void condition(const Site& site, size_t inner) {
  const CodeView& code = site.code;
  const Spelling& spelling = code.spelling;
  const std::string now = code.text_of(inner);
  if (now.size() > 400) return;
  const std::string and_ = " " + std::string(spelling.and_) + " ",
                    or_ = " " + std::string(spelling.or_) + " ", not_ = std::string(spelling.not_);
  const bool simple =
      !contains_kind(code.kinds.boolean, code.kind_of(inner)) ||
      !one_of(code.operator_of(inner) == kNoNode ? std::string()
                                                 : code.text_of(code.operator_of(inner)),
              code.kinds.boolean_tokens);
  const std::string held = simple ? now : "(" + now + ")";
  site.out.replace(inner, not_ + "(" + now + ")", 1.2, "negate a condition");
  site.out.replace(inner, std::string(spelling.true_), 2.6, "condition to constant");
  site.out.replace(inner, std::string(spelling.false_), 2.6, "condition to constant");
  for (const std::string& receiver : receivers_in(code, inner)) {
    site.out.replace(inner, receiver + std::string(spelling.is_null) + or_ + held, 1.7, "guard");
    site.out.replace(inner, receiver + std::string(spelling.not_null) + and_ + held, 1.7, "guard");
    if (code.is_python || code.is_script)
      site.out.replace(inner, receiver + and_ + held, 1.8, "guard");
  }
  for (const std::string& name : site.scope.variables) {
    site.out.replace(inner, name, 2.2, "condition to name");
    site.out.replace(inner, not_ + name, 2.4, "condition to name");
    site.out.replace(inner, held + or_ + not_ + name, 2.5, "add a condition");
    site.out.replace(inner, held + and_ + name, 2.4, "add a condition");
    site.out.replace(inner, held + or_ + name, 2.6, "add a condition");
    site.out.replace(inner, held + and_ + not_ + name, 2.5, "add a condition");
    site.out.replace(inner, held + and_ + name + std::string(spelling.not_null), 2.6,
                     "add a condition");
    if (code.is_python)
      for (const std::string& type : site.offer.types) {
        site.out.replace(inner, held + and_ + "isinstance(" + name + ", " + type + ")", 3.0,
                         "type check");
        site.out.replace(inner, held + and_ + "not isinstance(" + name + ", " + type + ")", 3.0,
                         "type check");
      }
  }
  // Members that the same object has elsewhere in the file: self.closed, options.strict.
  const std::string self = code.is_python ? "self" : "this";
  const auto members = site.offer.members_of.find(self);
  if (members != site.offer.members_of.end()) {
    size_t offered = 0;
    for (const std::string& member : members->second) {
      if (++offered > 8) break;
      const std::string whole = self + "." + member;
      site.out.replace(inner, held + and_ + whole, 2.9, "add a condition");
      site.out.replace(inner, held + and_ + not_ + whole, 2.9, "add a condition");
      site.out.replace(inner, held + or_ + whole, 3.0, "add a condition");
    }
  }
  for (const std::string& donor : site.scope.conditions) {
    if (donor == now) continue;
    site.out.replace(inner, donor, 2.4, "condition of the same function");
    site.out.replace(inner, held + or_ + donor, 2.8, "add a condition");
    site.out.replace(inner, held + and_ + donor, 2.8, "add a condition");
  }
}

// x == 'a' -> (x == 'a' || x == 'b'): one more case.
void or_another(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (!contains_kind(code.kinds.comparison, code.kind_of(i))) return;
  const std::vector<size_t> parts = code.named_children(i);
  const size_t op = code.operator_of(i);
  if (parts.size() != 2 || op == kNoNode) return;
  if (!contains_kind(code.kinds.string, code.kind_of(parts[1]))) return;
  const std::string token = code.text_of(op), literal = code.text_of(parts[1]);
  const bool same = token == "==" || token == "===";
  if (!same && token != "!=" && token != "!==") return;
  const std::string join = same ? " || " : " && ",
                    head = code.text_of(parts[0]) + " " + token + " ";
  const auto put = [&](const std::string& other, double cost) {
    if (other != literal)
      site.out.replace(i, "(" + code.text_of(i) + join + head + other + ")", cost, "one more case");
  };
  size_t offered = 0;
  for (const std::string& text : site.hints.strings)
    if (text.find_first_of("'\"\\` ") == std::string::npos && text.size() <= 20 && ++offered <= 8)
      put(literal[0] + text + literal[0], 2.6);
  for (size_t k = 0; k < std::min<size_t>(8, site.offer.strings.size()); ++k)
    put(site.offer.strings[k], 2.8);
}

// x == 'a' -> x in ('a', 'b'); isinstance(x, A) -> isinstance(x, (A, B)): one more case.
void widen(const Site& site) {
  const CodeView& code = site.code;
  if (!code.is_python) return or_another(site);
  const size_t i = site.node;
  if (contains_kind(code.kinds.comparison, code.kind_of(i))) {
    const std::vector<size_t> parts = code.named_children(i);
    const size_t op = code.operator_of(i);
    if (parts.size() != 2 || op == kNoNode) return;
    const std::string token = code.text_of(op);
    if ((token != "==" && token != "!=") || !code.is_literal(parts[1])) return;
    if (!contains_kind(code.kinds.string, code.kind_of(parts[1]))) return;
    size_t offered = 0;
    for (const std::string& text : site.hints.strings) {
      if (text.find_first_of("'\"\\ ") != std::string::npos || ++offered > 8) continue;
      site.out.replace(i,
                       code.text_of(parts[0]) + (token == "==" ? " in (" : " not in (") +
                           code.text_of(parts[1]) + ", '" + text + "')",
                       2.8, "one more case");
    }
  } else if (contains_kind(code.kinds.call, code.kind_of(i)) &&
             code.text_of(i).rfind("isinstance(", 0) == 0) {
    const std::vector<size_t> args = code.arguments_of(i);
    if (args.size() != 2) return;
    const std::string type = code.text_of(args[1]);
    std::vector<std::string> others = site.offer.types;
    for (const std::string_view known :
         {"str", "bytes", "int", "float", "list", "tuple", "dict", "set", "slice", "bool", "type"})
      others.emplace_back(known);
    for (const std::string& other : others) {
      if (type == other) continue;
      site.out.replace(args[1], other, 2.2, "another type");
      if (code.is_plain_name(args[1]) || code.is_member(args[1]))
        site.out.replace(args[1], "(" + type + ", " + other + ")", 1.9, "one more type");
      else if (code.kind_of(args[1]) == "tuple" && type.size() > 2)
        site.out.replace(args[1], type.substr(0, type.size() - 1) + ", " + other + ")", 1.9,
                         "one more type");
    }
  }
}

}  // namespace

void propose_conditions(const Site& site) {
  const CodeView& code = site.code;
  widen(site);
  if (code.node(site.node).field != "condition" && !code.is_condition(site.node)) return;
  const size_t inner = inner_of(code, site.node);
  if (inner == kNoNode) return;
  condition(site, inner);
  presence(site, inner);
}

}  // namespace engramd::agent
