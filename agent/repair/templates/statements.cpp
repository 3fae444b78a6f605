// Whole statements: deleted, swapped with the next, moved a block in or out, inserted.
#include <algorithm>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

std::string indented(const std::string& text, const std::string& from, const std::string& to) {
  std::string out = text;
  const std::string line = "\n" + from;
  for (size_t at = out.find(line); at != std::string::npos; at = out.find(line, at + 1))
    out.replace(at, line.size(), "\n" + to);
  return out;
}

// Into the block that the next statement opens: a check that belongs into the try below it.
void move_down(const Site& site, size_t next) {
  const CodeView& code = site.code;
  const FlatNode& node = code.node(site.node);
  size_t body = kNoNode;
  for (const char* field : {"body", "consequence"})
    if (body == kNoNode) body = code.tree.child_by_field(next, field);
  if (body == kNoNode || !code.starts_its_line(next)) return;
  const std::vector<size_t> inner = code.named_children(body);
  if (inner.empty() || !code.starts_its_line(inner[0]) || !code.is_statement(inner[0])) return;
  const std::string now = code.text_of(site.node);
  const size_t begin = code.node(next).begin, first = code.node(inner[0]).begin;
  if (now.size() > 600 || first - begin > 600) return;
  const std::string deeper = code.indentation_at(inner[0]);
  site.out.replace_range({node.begin, first},
                         code.text.substr(begin, first - begin) +
                             indented(now, code.indentation_at(site.node), deeper) + "\n" + deeper,
                         2.4, "move a statement in");
}

// By indentation only: a line one block too deep, or one block too far out.
void move_in_or_out(const Site& site, const std::string& indent, bool is_last) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const size_t line_start = code.node(i).begin - indent.size();
  const std::string now = code.text_of(i);
  const size_t block = code.parent(i);
  if (is_last && code.kind_of(block) == "block") {
    const size_t owner = code.parent(block);
    if (owner != kNoNode && !contains_kind(code.kinds.function, code.kind_of(owner)) &&
        code.starts_its_line(owner))
      site.out.replace_range({line_start, code.node(i).end}, code.indentation_at(owner) + now, 2.1,
                             "move a statement out");
  }
  const std::vector<size_t> siblings = code.named_children(block);
  const auto here = std::find(siblings.begin(), siblings.end(), i);
  if (here == siblings.begin() || here == siblings.end()) return;
  const size_t before = *(here - 1);
  size_t body = code.tree.child_by_field(before, "alternative");
  for (const char* field : {"body", "consequence"})
    if (body == kNoNode) body = code.tree.child_by_field(before, field);
  if (body == kNoNode || contains_kind(code.kinds.function, code.kind_of(before))) return;
  const std::vector<size_t> inner = code.named_children(body);
  if (inner.empty() || !code.starts_its_line(inner.back())) return;
  site.out.replace_range({line_start, code.node(i).end}, code.indentation_at(inner.back()) + now,
                         2.3, "move a statement in");
}

// Something is missing before this statement, or after the last one of its block.
void insert(const Site& site, const std::string& indent, bool is_last) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const FlatNode& node = code.node(i);
  const bool is_return = contains_kind(code.kinds.return_, node.kind);
  const Scope& scope = site.scope;
  const auto put = [&](const std::string& line, double cost, std::string_view kind) {
    const std::string whole = line + std::string(code.statement_end());
    site.out.replace_range({node.begin, node.begin}, whole + "\n" + indent, cost, kind);
    if (is_last && !is_return)
      site.out.replace_range({node.end, node.end}, "\n" + indent + whole, cost + 0.05, kind);
  };
  for (const auto& [receiver, method] : scope.inserts)
    for (const std::string& name : scope.variables)
      if (name != receiver) put(receiver + "." + method + "(" + name + ")", 2.6, "insert a call");
  double rarer = 0;
  for (const std::string& text : scope.statements) {
    put(text, 2.6 + rarer, "repeat a statement");
    rarer += 0.02;
  }
  const size_t n_names = std::min<size_t>(scope.variables.size(), 10);
  for (size_t a = 0; a < n_names; ++a)
    for (size_t b = 0; b < n_names; ++b)
      if (a != b) put(scope.variables[a] + " = " + scope.variables[b], 2.9, "insert an assignment");
  const auto members = site.offer.members_of.find(code.is_python ? "self" : "this");
  if (members != site.offer.members_of.end())
    for (size_t a = 0; a < std::min<size_t>(n_names, 6); ++a)
      for (size_t m = 0; m < std::min<size_t>(members->second.size(), 6); ++m)
        put(members->first + "." + members->second[m] + " = " + scope.variables[a], 3.2,
            "insert an assignment");
  for (size_t a = 0; a < n_names; ++a) {
    put(scope.variables[a] + " += 1", 2.9, "insert an assignment");
    put(scope.variables[a] + " -= 1", 3.0, "insert an assignment");
  }
  if (!is_return) {
    put("return", 3.2, "insert a return");
    for (size_t a = 0; a < n_names; ++a)
      put("return " + scope.variables[a], 3.2, "insert a return");
  }
  if (code.in_loop(i)) {
    put("continue", 3.1, "insert a jump");
    put("break", 3.0, "insert a jump");
  }
}

void jump(const Site& site) {
  const std::string now = site.code.text_of(site.node);
  const std::string end(site.code.statement_end());
  for (const std::string_view word : {"break", "continue", "return"})
    if (now == std::string(word) + end || now == word)
      for (const std::string_view other : {"break", "continue", "return"})
        if (other != word)
          site.out.replace(site.node, std::string(other) + end, 1.5, "another jump");
}

// elif where if was meant, and the other way round; an else that belongs to no condition.
void branches(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (!code.is_python) return;
  if (code.kind_of(i) == "elif_clause" && code.text.compare(code.node(i).begin, 4, "elif") == 0)
    site.out.replace_range({code.node(i).begin, code.node(i).begin + 4}, "if", 2.2, "elif to if");
  if (code.kind_of(i) != "if_statement" || code.parent(i) == kNoNode) return;
  const std::vector<size_t> siblings = code.named_children(code.parent(i));
  const auto here = std::find(siblings.begin(), siblings.end(), i);
  if (here != siblings.begin() && here != siblings.end() &&
      code.kind_of(*(here - 1)) == "if_statement" && code.starts_its_line(i))
    site.out.replace_range({code.node(i).begin, code.node(i).begin + 2}, "elif", 2.2, "if to elif");
}

}  // namespace

void propose_statements(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  branches(site);
  if (!code.is_statement(i) || !code.starts_its_line(i) || code.is_docstring(i)) return;
  const FlatNode& node = code.node(i);
  const std::string now = code.text_of(i);
  const std::string indent = code.indentation_at(i);
  const std::vector<size_t> siblings = code.named_children(node.parent);
  const auto here = std::find(siblings.begin(), siblings.end(), i);
  if (here == siblings.end()) return;
  const bool is_last = here + 1 == siblings.end();
  jump(site);
  site.out.replace(i, std::string(code.spelling.delete_), siblings.size() > 1 ? 2.0 : 2.6,
                   "delete a statement");
  if (!is_last && now.size() < 2000) {
    const size_t next = *(here + 1);
    if (code.is_statement(next) && code.starts_its_line(next) &&
        code.node(next).end - code.node(next).begin < 2000) {
      const std::string between = code.text.substr(node.end, code.node(next).begin - node.end);
      site.out.replace_range({node.begin, code.node(next).end}, code.text_of(next) + between + now,
                             2.2, "swap statements");
    }
    if (code.is_statement(next)) move_down(site, next);
  }
  if (code.is_python && now.find('\n') == std::string::npos) move_in_or_out(site, indent, is_last);
  insert(site, indent, is_last);
}

}  // namespace engramd::agent
