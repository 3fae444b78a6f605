// Arguments: swapped, dropped, added.
#include <algorithm>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

void swap(const Site& site, const std::vector<size_t>& arguments) {
  const CodeView& code = site.code;
  if (arguments.size() < 2 || arguments.size() > 8) return;
  for (size_t a = 0; a < arguments.size(); ++a)
    for (size_t b = a + 1; b < arguments.size(); ++b) {
      const FlatNode &first = code.node(arguments[a]), &second = code.node(arguments[b]);
      if (first.kind == "keyword_argument" || second.kind == "keyword_argument") continue;
      site.out.replace_range({first.begin, second.end},
                             code.text_of(arguments[b]) +
                                 code.text.substr(first.end, second.begin - first.end) +
                                 code.text_of(arguments[a]),
                             1.4 + 0.1 * static_cast<double>(b - a - 1), "swap arguments");
    }
}

void drop(const Site& site, const std::vector<size_t>& arguments) {
  const CodeView& code = site.code;
  for (size_t a = 0; a < arguments.size(); ++a) {
    if (arguments.size() == 1) {
      site.out.replace(arguments[0], "", 2.6, "drop an argument");
      break;
    }
    const size_t begin = a == 0 ? code.node(arguments[a]).begin : code.node(arguments[a - 1]).end;
    const size_t end = a == 0 ? code.node(arguments[1]).begin : code.node(arguments[a]).end;
    site.out.replace_range({begin, end}, "", 2.4, "drop an argument");
  }
}

void add(const Site& site, const std::vector<size_t>& arguments) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const size_t place = arguments.empty() ? code.node(i).end - 1 : code.node(arguments.back()).end;
  const std::string comma = arguments.empty() ? "" : ", ";
  const std::string now = code.text_of(i);
  const auto append = [&](const std::string& argument, double cost) {
    site.out.replace_range({place, place}, comma + argument, cost, "add an argument");
  };
  for (const std::string& name : site.scope.variables)
    append(name, one_of(name, site.scope.unused) ? 2.1 : 2.9);
  // What the function was given and does not hand on.
  for (const std::string& name : site.scope.parameters) {
    append(name, 2.4);
    if (code.is_python && now.find(name + "=") == std::string::npos) append(name + "=" + name, 2.4);
  }
  const size_t callee = code.callee_of(code.parent(i));
  if (callee == kNoNode) return;
  const auto keywords = site.offer.keywords_of.find(code.text_of(callee));
  if (keywords != site.offer.keywords_of.end())
    for (const std::string& keyword : keywords->second)
      if (now.find(keyword.substr(0, keyword.find('=') + 1)) == std::string::npos)
        append(keyword, 2.1);
  for (const std::string& keyword : site.offer.keywords)
    if (now.find(keyword.substr(0, keyword.find('=') + 1)) == std::string::npos)
      append(keyword, 2.6);
  // As the same function is called elsewhere in the repository.
  const auto lists = site.donors.arguments_of.find(code.text_of(callee));
  if (lists != site.donors.arguments_of.end())
    for (const std::string& list : lists->second)
      if (list != now) site.out.replace(i, list, 2.4, "arguments of another call");
}

}  // namespace

void propose_arguments(const Site& site) {
  const CodeView& code = site.code;
  if (!contains_kind(code.kinds.arguments, code.kind_of(site.node))) return;
  const std::vector<size_t> arguments = code.named_children(site.node);
  if (arguments.size() == 1 && code.kind_of(arguments[0]) == "generator_expression") return;
  if (code.node(site.node).end - code.node(site.node).begin > 600) return;
  swap(site, arguments);
  drop(site, arguments);
  add(site, arguments);
}

}  // namespace engramd::agent
