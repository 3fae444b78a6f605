// What an assignment keeps: the extreme, the sum, or the value only when there is none yet.
#include "agent/repair/templates/template.h"

namespace engramd::agent {

using repoindex::contains_kind;

void propose_assignments(const Site& site) {
  const CodeView& code = site.code;
  if (!contains_kind(code.kinds.assignment, code.kind_of(site.node))) return;
  const size_t left = code.assignment_left(site.node), right = code.assignment_right(site.node);
  if (left == kNoNode || right == kNoNode) return;
  const std::string target = code.text_of(left), value = code.text_of(right);
  if (value.size() > 120 || target.size() > 60 || target.find(',') != std::string::npos) return;
  const Spelling& spelling = code.spelling;
  // As the same thing is assigned elsewhere in the file.
  if (const auto values = site.offer.values_of.find(target); values != site.offer.values_of.end())
    for (const std::string& other : values->second)
      if (other != value) site.out.replace(right, other, 2.0, "as it is assigned elsewhere");
  if (!spelling.maximum.empty())
    for (const std::string_view extreme : {spelling.maximum, spelling.minimum})
      site.out.replace(right, std::string(extreme) + "(" + target + ", " + value + ")", 2.2,
                       "keep the extreme");
  const bool loose = code.is_operation(right) && !code.is_arithmetic(right);
  site.out.replace(right, target + " + " + (loose ? "(" + value + ")" : value), 2.3, "accumulate");
  if (!spelling.or_else.empty()) {
    const std::string or_else(spelling.or_else);
    for (const std::string_view empty :
         {spelling.empty_list, spelling.empty_map, spelling.empty_text, std::string_view("0")})
      site.out.replace(right, value + or_else + std::string(empty), 2.4, "default for nothing");
    site.out.replace(right, target + or_else + value, 2.6, "default for nothing");
    for (const std::string& name : site.scope.parameters)
      if (name != target)
        site.out.replace(right, value + or_else + name, 2.9, "default for nothing");
  }
}

}  // namespace engramd::agent
