// Numbers and truth values.
#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

void integer(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const auto value = code.number(i);
  if (!value || code.is_type(i)) return;
  for (const long long step : {1LL, -1LL}) {
    const std::string text = std::to_string(*value + step);
    if (*value + step >= 0)
      site.out.replace(i, text, 1.1, "constant by one");
    else
      site.out.replace(i, code.fitted(i, text), 1.3, "constant by one");
  }
  for (const long long other : {0LL, 1LL, 2LL, 10LL})
    if (other != *value)
      site.out.replace(i, std::to_string(other), other < 2 ? 1.4 : 2.4, "constant");
  if (*value > 0)
    site.out.replace(i, code.fitted(i, "-" + std::to_string(*value)), 2.2, "constant");
  if (*value > 1) {
    site.out.replace(i, std::to_string(*value * 2), 2.8, "constant");
    site.out.replace(i, std::to_string(*value / 2), 2.9, "constant");
    site.out.replace(i, std::to_string(*value * 10), 2.8, "constant");
  }
  for (const long long other : site.hints.numbers)
    if (other != *value) site.out.replace(i, std::to_string(other), 2.6, "constant of the failure");
  if (!code.is_target(i))
    for (const std::string& name : site.scope.variables)
      site.out.replace(i, name, 2.3, "constant to name");
  site.out.replace(i, code.text_of(i) + ".0", 3.2, "constant");
}

void truth(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const std::string now = code.text_of(i);
  const Spelling& spelling = code.spelling;
  site.out.replace(i, std::string(now == spelling.true_ ? spelling.false_ : spelling.true_), 1.0,
                   "boolean constant");
  if (code.is_python && !code.is_target(i)) site.out.replace(i, "None", 2.2, "boolean constant");
  if (code.node(i).field == "condition") return;  // conditions have donors of their own
  for (const std::string& name : site.scope.variables) {
    site.out.replace(i, code.fitted(i, name + " == 0"), 2.4, "boolean constant to condition");
    site.out.replace(i, code.fitted(i, name), 2.5, "boolean constant to condition");
    site.out.replace(i, code.fitted(i, std::string(spelling.not_) + name), 2.5,
                     "boolean constant to condition");
  }
  for (const std::string& donor : site.scope.conditions)
    site.out.replace(i, code.fitted(i, donor), 2.6, "boolean constant to condition");
}

// None, null, nil: what else nothing can be.
void nothing(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const Spelling& spelling = code.spelling;
  if (code.is_operation(code.parent(i))) return;  // a comparison with null
  for (const std::string_view other : {spelling.empty_list, spelling.empty_map, spelling.empty_text,
                                       spelling.false_, spelling.true_, std::string_view("0")})
    if (!other.empty())
      site.out.replace(i, std::string(other), other == spelling.true_ ? 2.4 : 2.0,
                       "null to an empty value");
  if (code.is_script) site.out.replace(i, "undefined", 2.1, "null to an empty value");
}

}  // namespace

void propose_constants(const Site& site) {
  const std::string_view kind = site.code.kind_of(site.node);
  if (contains_kind(site.code.kinds.integer, kind)) integer(site);
  if (contains_kind(site.code.kinds.boolean_literal, kind)) truth(site);
  if (kind == "none" || kind == "null" || kind == "null_literal" || kind == "nil" ||
      kind == "undefined")
    nothing(site);
}

}  // namespace engramd::agent
