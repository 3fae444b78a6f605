// Signatures: what a parameter is when nothing is given, and parameters that are missing.
#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

void default_value(const Site& site, size_t value) {
  const CodeView& code = site.code;
  const std::string now = code.text_of(value);
  const Spelling& spelling = code.spelling;
  for (const std::string_view other :
       {spelling.null_, spelling.true_, spelling.false_, spelling.empty_list, spelling.empty_map,
        spelling.empty_text, std::string_view("0"), std::string_view("1"), std::string_view("()")})
    if (!other.empty() && other != now && (code.is_python || other != "()"))
      site.out.replace(value, std::string(other), 1.9, "default argument");
  if (const auto number = code.number(value)) {
    site.out.replace(value, std::to_string(*number + 1), 1.9, "default argument");
    if (*number > 0) site.out.replace(value, std::to_string(*number - 1), 1.9, "default argument");
  }
}

// A list of parameters with one more, when the failure says that it was given and not expected.
void parameter_list(const Site& site) {
  const CodeView& code = site.code;
  const std::vector<size_t> parameters = code.named_children(site.node);
  const size_t end =
      parameters.empty() ? code.node(site.node).end - 1 : code.node(parameters.back()).end;
  if (code.is_python) {
    const std::string now = code.text_of(site.node);
    const std::string comma = parameters.empty() ? "" : ", ";
    if (now.find('*') == std::string::npos)
      site.out.replace_range({end, end}, comma + "*args", 2.8, "more parameters");
    if (now.find("**") == std::string::npos)
      site.out.replace_range({end, end}, comma + "**kwargs", 2.6, "more parameters");
  }
  // A parameter that may be left out.
  for (const size_t parameter : parameters) {
    if (!code.is_plain_name(parameter)) continue;
    const std::string name = code.text_of(parameter);
    if (name == "self" || name == "cls") continue;
    if (parameter != parameters.back()) continue;
    for (const std::string_view value :
         {code.spelling.null_, code.spelling.empty_text, code.spelling.false_,
          code.spelling.empty_list, code.spelling.empty_map})
      if (!value.empty() && (code.is_python || code.is_script))
        site.out.replace(parameter, name + (code.is_python ? "=" : " = ") + std::string(value), 2.2,
                         "default argument");
  }
}

}  // namespace

void propose_definitions(const Site& site) {
  const CodeView& code = site.code;
  const std::string_view kind = code.kind_of(site.node);
  if (kind == "default_parameter" || kind == "typed_default_parameter" ||
      (kind == "assignment_pattern" && code.is_script)) {
    const size_t value =
        code.tree.child_by_field(site.node, kind == "assignment_pattern" ? "right" : "value");
    if (value != kNoNode) default_value(site, value);
  }
  if (kind == "parameters" || kind == "formal_parameters") parameter_list(site);
}

}  // namespace engramd::agent
