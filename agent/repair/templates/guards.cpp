// Leave early, or leave out, when something is null or empty.
#include <algorithm>
#include <set>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

std::vector<std::string> exits(const Site& site) {
  const CodeView& code = site.code;
  std::vector<std::string> ways;
  const std::string end(code.statement_end());
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

// Before the result is given: `if (left != right) return false`, with two variables that look like
// a pair, and what only the rest of the function has looked at.
template <class Guard>
void last_looks(const Site& site, const std::vector<std::string>& ways, const Guard& guard) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const bool is_return = contains_kind(code.kinds.return_, code.kind_of(i));
  const std::string now = code.text_of(i);
  const std::string unequal = code.is_script ? " !== " : " != ";
  if (is_return) {
    size_t offered = 0;
    const std::vector<std::string>& names = site.scope.variables;
    for (size_t a = 0; a < names.size(); ++a)
      for (size_t b = a + 1; b < names.size() && offered < 8; ++b) {
        const size_t longest = std::max(names[a].size(), names[b].size());
        const size_t distance = edit_distance(names[a], names[b], longest);
        if (distance * 3 > longest && !(names[a].size() == 1 && names[b].size() == 1)) continue;
        ++offered;
        const auto [first, second] = std::minmax(names[a], names[b]);
        for (size_t w = 0; w < std::min<size_t>(3, ways.size()); ++w)
          if (ways[w] != now)
            guard(first + unequal + second, ways[w], 2.8 + 0.05 * static_cast<double>(offered),
                  "last look");
      }
  }
  // A member that the function looks at elsewhere, and a short result that it computes elsewhere.
  if (!is_return && !contains_kind(code.kinds.conditional, code.kind_of(i))) return;
  const size_t function = code.function_of(i);
  if (function == kNoNode || code.spelling.self.empty()) return;
  std::vector<std::string> results;
  for (const std::string& donor : site.scope.donors)
    if (donor.ends_with("()") && results.size() < 4) results.push_back(donor);
  for (const std::string& member : code.reads_of(function, 24, false)) {
    if (member.rfind(code.spelling.self, 0) != 0) continue;
    for (const std::string& result : results)
      guard(code.negated(member), "return " + result + std::string(code.statement_end()), 3.0,
            "last look");
  }
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
  const std::vector<std::string> names = code.reads_of(i, 6, true);
  const auto guard = [&](const std::string& condition, const std::string& body, double cost,
                         std::string_view kind) {
    std::string text = std::string(spelling.if_head) + condition + std::string(spelling.then) +
                       "\n" + deeper + body + "\n" + indent;
    if (!spelling.block_end.empty()) text += std::string(spelling.block_end) + "\n" + indent;
    site.out.replace_range({node.begin, node.begin}, text, cost, kind);
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
        guard(conditions[c], way, 2.0 + place + way_cost + 0.1 * static_cast<double>(c),
              "leave early");
      way_cost += 0.1;
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
    place += 0.15;
  }
  for (const std::string& condition : site.scope.conditions)
    for (size_t w = 0; w < std::min<size_t>(4, ways.size()); ++w)
      guard(condition, ways[w], 3.2, "leave on a condition");
  last_looks(site, ways, guard);
  // Go: an error that nobody looks at.
  if (spelling.language == "go") guard("err != nil", "return err", 2.3, "look at an error");
}

}  // namespace engramd::agent
