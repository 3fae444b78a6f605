// Leave early, or leave out, when something is null or empty.
#include <algorithm>
#include <set>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

// The names and members a statement touches: what may be absent there.
std::vector<std::string> touched(const CodeView& code, size_t i) {
  std::vector<std::string> found;
  const size_t end = code.tree.subtree_end(i);
  for (size_t k = i; k < end && found.size() < 6; ++k) {
    if (!code.node(k).named) continue;
    // Only the head of a compound statement.
    if (k != i && contains_kind(code.kinds.block, code.kind_of(k))) break;
    const bool member = code.is_member(k) && code.node(k).end - code.node(k).begin <= 30;
    const bool name = code.is_plain_name(k) && !code.is_member_name(k) && !code.is_callee(k) &&
                      !code.is_keyword_name(k) && !code.is_definition_name(k) && !code.is_type(k);
    if ((!member && !name) || code.is_target(k)) continue;
    if (member && code.node(k).field == "function") continue;
    const std::string text = code.text_of(k);
    if (text == "self" || text == "this" || text.find('\n') != std::string::npos) continue;
    if (std::find(found.begin(), found.end(), text) == found.end()) found.push_back(text);
  }
  return found;
}

std::vector<std::string> exits(const Site& site) {
  const CodeView& code = site.code;
  std::vector<std::string> ways;
  const std::string end(code.spelling.statement_end);
  if (code.in_loop(site.node)) {
    ways.push_back("continue" + end);
    ways.push_back("break" + end);
  }
  const size_t function = code.function_of(site.node);
  if (function == kNoNode) return ways;
  for (const std::string& result : site.scope.returned) ways.push_back("return " + result + end);
  ways.push_back("return" + end);
  if (code.is_python || code.is_script) {
    for (const std::string_view result :
         {code.spelling.null_, code.spelling.false_, code.spelling.true_, code.spelling.empty_list,
          code.spelling.empty_text, code.spelling.empty_map})
      ways.push_back("return " + std::string(result) + end);
    for (size_t k = 0; k < std::min<size_t>(3, site.scope.parameters.size()); ++k)
      ways.push_back("return " + site.scope.parameters[k] + end);
  } else if (code.spelling.language == "c" || code.spelling.language == "cpp") {
    for (const std::string_view result : {"0", "-1", "1", "false", "true", "{}"})
      ways.push_back("return " + std::string(result) + end);
  } else if (code.spelling.language == "go") {
    for (const std::string_view result : {"nil", "err", "nil, err", "false", "0", "\"\""})
      ways.push_back("return " + std::string(result));
  }
  std::vector<std::string> unique;
  for (std::string& way : ways)
    if (std::find(unique.begin(), unique.end(), way) == unique.end() && unique.size() < 12)
      unique.push_back(std::move(way));
  return unique;
}

}  // namespace

void propose_guards(const Site& site) {
  const CodeView& code = site.code;
  const Spelling& spelling = code.spelling;
  const size_t i = site.node;
  if (!code.is_statement(i) || !code.starts_its_line(i) || code.is_docstring(i)) return;
  if (code.function_of(i) == kNoNode) return;
  const std::string indent = code.indentation_at(i);
  const std::string deeper = indent + code.indent_unit();
  const FlatNode& node = code.node(i);
  const std::vector<std::string> names = touched(code, i);
  const auto guard = [&](const std::string& condition, const std::string& body, double cost) {
    std::string text = std::string(spelling.if_head) + condition + std::string(spelling.then) +
                       "\n" + deeper + body + "\n" + indent;
    if (!spelling.block_end.empty()) text += std::string(spelling.block_end) + "\n" + indent;
    site.out.replace_range({node.begin, node.begin}, text, cost, "leave early");
  };
  double place = 0;
  const std::vector<std::string> ways = exits(site);
  for (const std::string& name : names) {
    std::vector<std::string> conditions = {name + std::string(spelling.is_null)};
    if (code.is_python || code.is_script)
      conditions.insert(conditions.begin(), std::string(spelling.not_) + name);
    if (code.is_python) conditions.push_back(name);
    if (code.is_c_like && !code.is_script) {
      if (code.spelling.language != "go" && code.spelling.language != "java")
        conditions.insert(conditions.begin(), std::string(spelling.not_) + name);
      conditions.push_back(name + " == 0");
      conditions.push_back(name + " < 0");
    }
    double way_cost = 0;
    for (const std::string& way : ways) {
      for (size_t c = 0; c < conditions.size(); ++c)
        guard(conditions[c], way, 2.7 + place + way_cost + 0.1 * static_cast<double>(c));
      way_cost += 0.05;
    }
    // The statement only when there is something: `if x is not None: statement`.
    const std::string now = code.text_of(i);
    if (now.size() < 300 && node.kind != "return_statement" &&
        now.find('\n') == std::string::npos) {
      for (const std::string& condition :
           {name + std::string(spelling.not_null), std::string(code.is_c_like ? "" : name)}) {
        if (condition.empty()) continue;
        std::string text = std::string(spelling.if_head) + condition + std::string(spelling.then) +
                           "\n" + deeper + now;
        if (!spelling.block_end.empty()) text += "\n" + indent + std::string(spelling.block_end);
        site.out.replace(i, text, 2.5 + place, "only when there is something");
      }
    }
    place += 0.08;
  }
  for (const std::string& condition : site.scope.conditions)
    for (size_t w = 0; w < std::min<size_t>(4, ways.size()); ++w) guard(condition, ways[w], 3.2);
  // Go: an error that nobody looks at.
  if (spelling.language == "go") guard("err != nil", "return err", 2.3);
}

}  // namespace engramd::agent
