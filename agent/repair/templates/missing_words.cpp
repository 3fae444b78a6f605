// A word that was forgotten: return, await, yield, self, super, new, or its opposite.
#include <algorithm>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

// An expression that stands alone where its value was meant to be returned.
void returns(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (code.kind_of(i) != "expression_statement" || code.function_of(i) == kNoNode ||
      code.is_docstring(i) || !code.is_statement(i))
    return;
  const std::vector<size_t> parts = code.named_children(i);
  if (parts.size() != 1) return;
  const size_t value = parts[0];
  const std::string_view kind = code.kind_of(value);
  const std::string return_ = "return ";
  if (contains_kind(code.kinds.assignment, kind)) {
    // The last thing a function does is to compute and to drop.
    if (const size_t right = code.assignment_right(value); right != kNoNode)
      site.out.replace_range({code.node(value).begin, code.node(right).begin}, return_, 2.8,
                             "missing return");
    return;
  }
  if (contains_kind(code.kinds.augmented_assignment, kind)) return;
  site.out.replace_range({code.node(value).begin, code.node(value).begin}, return_, 1.5,
                         "missing return");
  if (code.is_python)
    site.out.replace_range({code.node(value).begin, code.node(value).begin}, "yield ", 2.8,
                           "missing yield");
}

void awaits(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const std::string word(code.spelling.await_);
  if (word.empty()) return;
  const std::string_view parent = code.kind_of(code.parent(i));
  const bool awaited = parent == "await" || parent == "await_expression";
  if (contains_kind(code.kinds.call, code.kind_of(i)) && !awaited && code.in_async_function(i))
    site.out.replace(i,
                     code.is_member(code.parent(i)) ? "(" + word + code.text_of(i) + ")"
                                                    : word + code.text_of(i),
                     1.4, "missing await");
  if (code.kind_of(i) == "await" || code.kind_of(i) == "await_expression") {
    const std::vector<size_t> parts = code.named_children(i);
    if (parts.size() == 1) site.out.replace(i, code.text_of(parts[0]), 2.2, "superfluous await");
  }
}

void generators(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const size_t begin = code.node(i).begin;
  if (code.kind_of(i) == "yield" || code.kind_of(i) == "yield_expression") {
    const std::string now = code.text_of(i);
    if (now.rfind("yield from ", 0) == 0)
      site.out.replace_range({begin, begin + 11}, "yield ", 1.6, "yield from");
    else if (now.rfind("yield ", 0) == 0 && code.is_python)
      site.out.replace_range({begin, begin + 6}, "yield from ", 1.6, "yield from");
    else if (now.rfind("yield* ", 0) == 0)
      site.out.replace_range({begin, begin + 7}, "yield ", 1.6, "yield from");
    else if (now.rfind("yield ", 0) == 0)
      site.out.replace_range({begin, begin + 6}, "yield* ", 1.6, "yield from");
    site.out.replace_range({begin, begin + 5}, "return", 2.6, "return for yield");
  }
  if (contains_kind(code.kinds.return_, code.kind_of(i)) && code.is_python)
    site.out.replace_range({begin, begin + 6}, "yield", 2.9, "yield for return");
}

// value for self.value, where the class has such a member, and the other way round.
void selves(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const std::string self(code.spelling.self);
  if (self.empty()) return;
  if (code.is_plain_name(i) && !code.is_member_name(i) && !code.is_keyword_name(i) &&
      !code.is_definition_name(i) && !code.is_parameter(i) && !code.is_type(i)) {
    const auto members = site.offer.members_of.find(self.substr(0, self.find_first_of(".-")));
    if (members != site.offer.members_of.end() && one_of(code.text_of(i), members->second))
      site.out.replace(i, self + code.text_of(i), 1.6, "member for a name");
    if (members != site.offer.members_of.end() && code.is_expression(i) && !code.is_callee(i))
      for (size_t m = 0; m < std::min<size_t>(members->second.size(), 10); ++m)
        site.out.replace(i, self + members->second[m], 2.3, "member for a name");
  }
  if (code.is_member(i) && code.text_of(i).rfind(self, 0) == 0 && !code.is_target(i)) {
    const std::string name = code.text_of(i).substr(self.size());
    if (one_of(name, site.scope.variables)) site.out.replace(i, name, 1.7, "name for a member");
  }
  if (code.is_python && code.is_member(i)) {
    const size_t receiver = code.receiver_of(i);
    if (receiver == kNoNode) return;
    const std::string now = code.text_of(receiver);
    if (now == "self") {
      site.out.replace(receiver, "self.__class__", 2.9, "class for an object");
      site.out.replace(receiver, "super()", 2.9, "base class");
    }
    if (now == "cls") site.out.replace(receiver, "self", 2.8, "object for a class");
  }
}

}  // namespace

void propose_missing_words(const Site& site) {
  returns(site);
  awaits(site);
  generators(site);
  selves(site);
  const CodeView& code = site.code;
  if (code.is_script && code.kind_of(site.node) == "call_expression" &&
      !code.is_whole_statement(site.node)) {
    const size_t callee = code.callee_of(site.node);
    const std::string name = callee == kNoNode ? "" : code.text_of(callee);
    if (!name.empty() && name[0] >= 'A' && name[0] <= 'Z' && name.find('.') == std::string::npos)
      site.out.replace(site.node, "new " + code.text_of(site.node), 2.2, "missing new");
  }
}

}  // namespace engramd::agent
