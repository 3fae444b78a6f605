// A call that should not be there, or whose result should be something else.
#include "agent/repair/templates/template.h"

namespace engramd::agent {

using repoindex::contains_kind;

void propose_calls(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (!contains_kind(code.kinds.call, code.kind_of(i))) return;
  const std::vector<size_t> arguments = code.arguments_of(i);
  const size_t callee = code.callee_of(i);
  const size_t receiver =
      callee != kNoNode && code.is_member(callee) ? code.receiver_of(callee) : kNoNode;
  if (code.is_whole_statement(i)) {
    // x.update(y) where x = y was meant.
    if (arguments.size() == 1 && receiver != kNoNode)
      site.out.replace(i, code.text_of(receiver) + " = " + code.text_of(arguments[0]), 2.6,
                       "assign in place of a call");
    // A result that was thrown away: text.strip() where text = text.strip() was meant.
    if (receiver != kNoNode && code.is_plain_name(receiver))
      site.out.replace(i, code.text_of(receiver) + " = " + code.text_of(i), 2.2, "keep a result");
    return;
  }
  for (const size_t argument : arguments)
    if (code.kind_of(argument) != "keyword_argument")
      site.out.replace(i, code.text_of(argument), arguments.size() == 1 ? 1.6 : 2.0,
                       "unwrap a call");
  if (receiver != kNoNode) site.out.replace(i, code.text_of(receiver), 2.1, "unwrap a call");
  if (callee != kNoNode && arguments.empty())
    site.out.replace(i, code.text_of(callee), 2.2, "a function for its result");
  const std::string now = code.text_of(i);
  if (now.size() > 80) return;
  // f(x) only when there is an x.
  for (const size_t argument : arguments) {
    if (!code.is_plain_name(argument) && !code.is_member(argument)) continue;
    const std::string given = code.text_of(argument);
    if (code.is_python) {
      for (const std::string& test : {given, given + " is not None"})
        for (const std::string& other : {given, std::string("None"), std::string("''")})
          site.out.replace(i, "(" + now + " if " + test + " else " + other + ")", 2.7,
                           "only when there is something");
    } else if (code.is_script) {
      for (const std::string& other : {given, std::string("null"), std::string("''")})
        site.out.replace(i, "(" + given + " ? " + now + " : " + other + ")", 2.7,
                         "only when there is something");
    }
    break;
  }
  site.out.replace(i, code.fitted(i, now + " + 1"), 2.0, "off by one");
  site.out.replace(i, code.fitted(i, now + " - 1"), 2.0, "off by one");
}

}  // namespace engramd::agent
