// The other branch of a condition: one that is missing, one that should always run, and a
// statement that should run only sometimes.
#include <algorithm>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

constexpr std::string_view kIfs[] = {"if_statement", "if_expression", "elif_clause"};

// What stands in a block, one level out: its lines keep their places to each other.
std::string content_of(const CodeView& code, size_t block, const std::string& indent) {
  const std::vector<size_t> inner = code.named_children(block);
  if (inner.empty() || !code.starts_its_line(inner[0])) return "";
  const std::string from = "\n" + code.indentation_at(inner[0]), to = "\n" + indent;
  std::string text = code.text.substr(code.node(inner[0]).begin,
                                      code.node(inner.back()).end - code.node(inner[0]).begin);
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  text.erase(text.find_last_not_of(" \t\n") + 1);
  return text;
}

// The statement whose branches these are, which starts the line.
size_t chain_of(const CodeView& code, size_t branch) {
  size_t at = branch;
  while (at != kNoNode && !(code.is_statement(at) && code.starts_its_line(at)) &&
         !contains_kind(code.kinds.function, code.kind_of(at)))
    at = code.parent(at);
  return at != kNoNode && one_of(code.kind_of(at), kIfs) ? at : kNoNode;
}

bool has_alternative(const CodeView& code, size_t branch) {
  if (code.tree.child_by_field(branch, "alternative") != kNoNode) return true;
  // Python lists all branches in the first; only behind the last one there may be an else.
  const size_t above = code.parent(branch);
  if (code.kind_of(branch) != "elif_clause" || above == kNoNode) return false;
  return code.named_children(above).back() != branch;
}

// When none of the conditions holds, something has to be done, too.
void missing_else(const Site& site, size_t branch) {
  const CodeView& code = site.code;
  if (has_alternative(code, branch)) return;
  const size_t consequence = code.tree.child_by_field(branch, "consequence");
  const size_t chain = chain_of(code, branch);
  if (consequence == kNoNode || chain == kNoNode) return;
  const std::string indent = code.indentation_at(chain), deeper = indent + code.indent_unit();
  const size_t place = code.node(consequence).end;
  const bool braces = !code.is_python;
  if (braces && code.text[place - 1] != '}') return;
  const std::string end(code.statement_end());
  const auto put = [&](const std::string& body, double cost) {
    site.out.replace_range({place, place},
                           braces ? " else {\n" + deeper + body + end + "\n" + indent + "}"
                                  : "\n" + indent + "else:\n" + deeper + body,
                           cost, "missing else");
  };
  double rarer = 0;
  for (const std::string& statement : site.scope.statements) {
    put(statement, 2.6 + rarer);
    rarer += 0.03;
  }
  if (code.is_python)
    for (const std::string& type : site.hints.exceptions) put("raise " + type + "()", 2.9);
  for (const std::string& result : site.scope.returned) put("return " + result, 3.0);
}

// The else is no alternative: what is in it is to be done in both cases.
void always(const Site& site, size_t branch) {
  const CodeView& code = site.code;
  size_t other = code.tree.child_by_field(branch, "alternative");
  // The last of Python's branches.
  if (code.is_python && other != kNoNode) other = code.named_children(branch).back();
  const size_t consequence = code.tree.child_by_field(branch, "consequence");
  const size_t chain = chain_of(code, branch);
  if (other == kNoNode || consequence == kNoNode || chain == kNoNode) return;
  size_t block = other;
  if (code.kind_of(other) == "else_clause") {
    const std::vector<size_t> parts = code.named_children(other);
    if (parts.size() != 1) return;
    block = parts[0];
  }
  if (!contains_kind(code.kinds.block, code.kind_of(block))) return;
  if (code.node(block).end - code.node(block).begin > 400) return;
  const std::string indent = code.indentation_at(chain);
  const std::string content = content_of(code, block, indent);
  if (content.empty()) return;
  // Behind what stands in front of the else.
  size_t begin = code.node(consequence).end;
  for (const size_t part : code.named_children(branch))
    if (code.node(part).end <= code.node(other).begin) begin = code.node(part).end;
  site.out.replace_range({begin, code.node(other).end}, "\n" + indent + content, 2.4, "no else");
}

// A single statement under a condition that the function knows.
void sometimes(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const std::string now = code.text_of(i);
  if (now.size() > 200 || now.find('\n') != std::string::npos) return;
  const std::string_view kind = code.kind_of(i);
  if (kind != "expression_statement" && kind != "assignment_statement") return;
  const std::string indent = code.indentation_at(i), deeper = indent + code.indent_unit();
  const Spelling& spelling = code.spelling;
  size_t offered = 0;
  const auto put = [&](const std::string& condition, double cost) {
    std::string text = std::string(spelling.if_head) + condition + std::string(spelling.then) +
                       "\n" + deeper + now;
    if (!spelling.block_end.empty()) text += "\n" + indent + std::string(spelling.block_end);
    site.out.replace(i, text, cost, "only on a condition");
  };
  for (const std::string& condition : site.scope.conditions) {
    if (++offered > 10) break;
    put(condition, 2.9);
    put(code.negated(condition), 3.1);
  }
}

}  // namespace

void propose_branches(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (code.function_of(i) == kNoNode) return;
  if (one_of(code.kind_of(i), kIfs)) {
    missing_else(site, i);
    always(site, i);
    return;
  }
  if (!code.is_statement(i) || !code.starts_its_line(i) || code.is_docstring(i)) return;
  sometimes(site);
  // A branch is suspect where its condition is, and where its last statement is.
  size_t block = code.parent(i);
  if (block == kNoNode || code.named_children(block).back() != i) return;
  size_t owner = code.parent(block);
  // Go has a list of statements inside the block.
  if (contains_kind(code.kinds.block, code.kind_of(owner))) {
    block = owner;
    owner = code.parent(block);
  }
  if (owner == kNoNode) return;
  if (one_of(code.kind_of(owner), kIfs)) {
    if (code.tree.child_by_field(owner, "consequence") == block) missing_else(site, owner);
    if (code.tree.child_by_field(owner, "alternative") == block) always(site, owner);
  } else if (code.kind_of(owner) == "else_clause" && code.parent(owner) != kNoNode) {
    always(site, code.parent(owner));
  }
}

}  // namespace engramd::agent
