#include "agent/repair/code_view.h"

#include <algorithm>
#include <charconv>

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

// Expressions that the language table has no list for.
constexpr std::string_view kMoreExpressions[] = {"attribute",
                                                 "member_expression",
                                                 "field_expression",
                                                 "list",
                                                 "tuple",
                                                 "dictionary",
                                                 "set",
                                                 "list_comprehension",
                                                 "generator_expression",
                                                 "set_comprehension",
                                                 "dictionary_comprehension",
                                                 "parenthesized_expression",
                                                 "none",
                                                 "null",
                                                 "undefined",
                                                 "array",
                                                 "this",
                                                 "qualified_identifier",
                                                 "new_expression",
                                                 "ternary_expression",
                                                 "selector_expression",
                                                 "field_access",
                                                 "object",
                                                 "array_expression",
                                                 "await_expression",
                                                 "await",
                                                 "conditional_expression",
                                                 "self",
                                                 "regex",
                                                 "nil",
                                                 "composite_literal"};
constexpr std::string_view kMembers[] = {"attribute", "member_expression", "field_expression",
                                         "selector_expression", "field_access"};
constexpr std::string_view kParameterLists[] = {"parameters", "formal_parameters", "parameter_list",
                                                "lambda_parameters", "closure_parameters"};

}  // namespace

CodeView::CodeView(const std::string& text_in, FlatTree tree_in,
                   const repoindex::Language& language, const Spelling& spelling_in)
    : text(text_in),
      tree(std::move(tree_in)),
      kinds(language.edit),
      spelling(spelling_in),
      lines(text_in),
      is_python(language.name == "python"),
      is_script(language.name == "javascript" || language.name == "typescript" ||
                language.name == "tsx"),
      is_c_like(!spelling_in.indented_blocks),
      statement_end_(spelling_in.statement_end) {
  if (!is_script) return;
  size_t with = 0, without = 0;
  for (size_t i = 0; i < tree.size(); ++i) {
    if (tree[i].kind != "expression_statement" && tree[i].kind != "return_statement") continue;
    ++(text[tree[i].end - 1] == ';' ? with : without);
  }
  if (without > with) statement_end_ = "";
}

std::string CodeView::text_of(size_t i) const {
  return text.substr(tree[i].begin, tree[i].end - tree[i].begin);
}
std::string_view CodeView::kind_of(size_t i) const {
  return i == kNoNode ? std::string_view() : tree[i].kind;
}
bool CodeView::is_operation(size_t i) const {
  const FlatNode& node = tree[i];
  return contains_kind(kinds.binary, node.kind) || contains_kind(kinds.comparison, node.kind) ||
         contains_kind(kinds.boolean, node.kind);
}
bool CodeView::is_literal(size_t i) const {
  const FlatNode& node = tree[i];
  return contains_kind(kinds.integer, node.kind) || contains_kind(kinds.floating, node.kind) ||
         contains_kind(kinds.string, node.kind) ||
         contains_kind(kinds.boolean_literal, node.kind) || node.kind == "none" ||
         node.kind == "null" || node.kind == "null_literal" || node.kind == "nil";
}
bool CodeView::is_member_name(size_t i) const {
  const FlatNode& node = tree[i];
  // Java writes a method's name into the call itself.
  if (node.field == "name" && kind_of(node.parent) == "method_invocation")
    return tree.child_by_field(node.parent, "object") != kNoNode;
  return one_of(kind_of(node.parent), kMembers) &&
         (node.field == "attribute" || node.field == "property" || node.field == "field");
}
bool CodeView::is_callee(size_t i) const {
  const std::string_view field = tree[i].field, above = kind_of(tree[i].parent);
  if (field == "name" && above == "method_invocation")
    return tree.child_by_field(tree[i].parent, "object") == kNoNode;
  return (field == "function" || field == "constructor") && contains_kind(kinds.call, above);
}
bool CodeView::is_keyword_name(size_t i) const {
  return tree[i].field == "name" && kind_of(tree[i].parent) == "keyword_argument";
}
bool CodeView::is_definition_name(size_t i) const {
  const std::string_view parent = kind_of(tree[i].parent);
  return (contains_kind(kinds.function, parent) && tree[i].field != "body") ||
         parent == "class_definition" || parent == "class_declaration" ||
         parent == "function_declarator" || parent.find("import") != std::string_view::npos ||
         parent == "dotted_name" || parent == "decorator" || parent == "global_statement" ||
         parent == "nonlocal_statement";
}
bool CodeView::is_parameter(size_t i) const {
  for (size_t at = tree[i].parent, steps = 0; at != kNoNode && steps < 4;
       at = tree[at].parent, ++steps) {
    const std::string_view kind = tree[at].kind;
    if (one_of(kind, kParameterLists)) return true;
    if (contains_kind(kinds.block, kind)) return false;
  }
  return false;
}
bool CodeView::is_type(size_t i) const {
  for (size_t at = i, steps = 0; at != kNoNode && steps < 6; at = tree[at].parent, ++steps)
    if (tree[at].field == "type" || tree[at].field == "return_type" || tree[at].kind == "type")
      return true;
  return false;
}
bool CodeView::is_target(size_t i) const {
  for (size_t at = i; at != kNoNode; at = tree[at].parent) {
    const std::string_view parent = kind_of(tree[at].parent);
    if (tree[at].field == "left" && !is_operation(tree[at].parent) &&
        (contains_kind(kinds.assignment, parent) || contains_kind(kinds.loop, parent) ||
         contains_kind(kinds.augmented_assignment, parent) || parent == "for_in_clause"))
      return true;
    if (tree[at].field == "declarator" &&
        (parent == "init_declarator" || parent == "for_range_loop" || parent == "declaration"))
      return true;
    if (parent == "variable_declarator" && tree[at].field == "name") return true;
    if (contains_kind(kinds.block, parent) || contains_kind(kinds.call, parent)) return false;
  }
  return false;
}
bool CodeView::is_expression(size_t i) const {
  const FlatNode& node = tree[i];
  if (!node.named) return false;
  const std::string_view kind = node.kind;
  const bool known = is_operation(i) || contains_kind(kinds.unary, kind) || is_literal(i) ||
                     kind == "identifier" || contains_kind(kinds.call, kind) ||
                     contains_kind(kinds.subscript, kind) || one_of(kind, kMoreExpressions);
  if (!known) return false;
  const std::string_view parent = kind_of(node.parent);
  if (is_callee(i) || is_member_name(i) || is_keyword_name(i) || is_definition_name(i))
    return false;
  if (parent == "parameters" || parent == "formal_parameters" ||
      parent == "parameter_declaration" || parent == "function_declarator" ||
      parent == "interpolation" || parent == "concatenated_string")
    return false;
  if (node.field == "name" || node.field == "declarator" || node.field == "label") return false;
  // A text that stands alone is a comment or docstring.
  if (contains_kind(kinds.string, kind) && parent == "expression_statement") return false;
  return !is_type(i);
}
bool CodeView::is_condition(size_t i) const {
  const size_t parent = tree[i].parent;
  return parent != kNoNode && tree[i].named &&
         contains_kind(kinds.conditional, tree[parent].kind) && tree[parent].kind == "if_clause";
}
bool CodeView::is_statement(size_t i) const {
  return contains_kind(kinds.statement, tree[i].kind) && tree[i].parent != kNoNode &&
         (contains_kind(kinds.block, kind_of(tree[i].parent)));
}
bool CodeView::is_arithmetic(size_t i) const {
  const size_t op = operator_of(i);
  if (op == kNoNode) return false;
  const std::string token = text_of(op);
  return one_of(token, kinds.arithmetic_tokens) || token == "**" || token == "//";
}
std::vector<std::string> CodeView::reads_of(size_t i, size_t cap, bool head_only) const {
  std::vector<std::string> found;
  for (size_t k = i; k < tree.subtree_end(i) && found.size() < cap; ++k) {
    if (!tree[k].named) continue;
    if (head_only && k != i && contains_kind(kinds.block, tree[k].kind)) break;
    const bool member = is_member(k) && tree[k].end - tree[k].begin <= 30;
    const bool name = is_plain_name(k) && !is_member_name(k) && !is_callee(k) &&
                      !is_keyword_name(k) && !is_definition_name(k) && !is_type(k);
    if ((!member && !name) || is_target(k)) continue;
    if (member && tree[k].field == "function") continue;
    const std::string read = text_of(k);
    if (read == "self" || read == "this" || read.find('\n') != std::string::npos) continue;
    if (std::find(found.begin(), found.end(), read) == found.end()) found.push_back(read);
  }
  return found;
}
size_t CodeView::operator_of(size_t i) const {
  for (const size_t child : tree.children(i))
    if (!tree[child].named && tree[child].end > tree[child].begin && text[tree[child].begin] != '(')
      return child;
  return kNoNode;
}
size_t CodeView::receiver_of(size_t member) const {
  for (const char* field : {"object", "argument", "operand", "value"})
    if (const size_t found = tree.child_by_field(member, field); found != kNoNode) return found;
  return kNoNode;
}
size_t CodeView::member_name_of(size_t member) const {
  for (const char* field : {"attribute", "property", "field"})
    if (const size_t found = tree.child_by_field(member, field); found != kNoNode) return found;
  return kNoNode;
}
size_t CodeView::assignment_left(size_t i) const {
  for (const char* field : {"left", "declarator", "name", "pattern"})
    if (const size_t found = tree.child_by_field(i, field); found != kNoNode) return found;
  return kNoNode;
}
size_t CodeView::assignment_right(size_t i) const {
  for (const char* field : {"right", "value", "default_value"})
    if (const size_t found = tree.child_by_field(i, field); found != kNoNode) return found;
  return kNoNode;
}
std::vector<size_t> CodeView::named_children(size_t i) const {
  std::vector<size_t> out;
  for (const size_t child : tree.children(i))
    if (tree[child].named && tree[child].kind != "comment") out.push_back(child);
  return out;
}
// Where a looser expression needs parentheses.
bool CodeView::binds_tightly(size_t i) const {
  const FlatNode& node = tree[i];
  const size_t parent = node.parent;
  if (parent == kNoNode) return false;
  const FlatNode& above = tree[parent];
  if (contains_kind(kinds.unary, above.kind) || one_of(above.kind, kMembers)) return true;
  if (contains_kind(kinds.comparison, above.kind) && is_python) return false;
  if (is_operation(parent)) return true;
  return contains_kind(kinds.subscript, above.kind) &&
         (node.field == "value" || node.field == "object" || node.field == "argument");
}
std::string CodeView::fitted(size_t i, std::string replacement) const {
  return binds_tightly(i) ? "(" + std::move(replacement) + ")" : replacement;
}

bool CodeView::is_member(size_t i) const {
  return one_of(kind_of(i), kMembers);
}
bool CodeView::is_docstring(size_t i) const {
  const std::vector<size_t> parts =
      tree[i].kind == "expression_statement" ? named_children(i) : std::vector<size_t>();
  return parts.size() == 1 && contains_kind(kinds.string, tree[parts[0]].kind);
}
bool CodeView::is_whole_statement(size_t i) const {
  return kind_of(tree[i].parent) == "expression_statement";
}
bool CodeView::in_loop(size_t i) const {
  for (size_t at = tree[i].parent; at != kNoNode; at = tree[at].parent) {
    if (contains_kind(kinds.loop, tree[at].kind)) return true;
    if (contains_kind(kinds.function, tree[at].kind)) return false;
  }
  return false;
}
std::string CodeView::indentation_at(size_t i) const {
  const size_t line_start = lines.line_start(line_of(i));
  return text.substr(line_start, tree[i].begin - line_start);
}
std::string CodeView::indent_unit() const {
  for (size_t line = 0; line < std::min<size_t>(lines.line_count(), 400); ++line) {
    const ByteRange range = lines.line_range(line, text);
    if (range.size() == 0) continue;
    if (text[range.begin] == '\t') return "\t";
    const size_t width = text.find_first_not_of(' ', range.begin) - range.begin;
    if (width >= 2 && width <= 8 && width < range.size() && width % 2 == 0)
      return std::string(width, ' ');
  }
  return "    ";
}
bool CodeView::starts_its_line(size_t i) const {
  return indentation_at(i).find_first_not_of(" \t") == std::string::npos;
}
bool CodeView::is_on_one_line(size_t i) const {
  return line_of(i) == lines.position(tree[i].end).line;
}
size_t CodeView::function_of(size_t i) const {
  for (size_t at = i; at != kNoNode; at = tree[at].parent)
    if (contains_kind(kinds.function, tree[at].kind)) return at;
  return kNoNode;
}
size_t CodeView::statement_of(size_t i) const {
  for (size_t at = i; at != kNoNode; at = tree[at].parent)
    if (is_statement(at)) return at;
  return kNoNode;
}
bool CodeView::in_async_function(size_t i) const {
  const size_t function = function_of(i);
  return function != kNoNode && text.compare(tree[function].begin, 5, "async") == 0;
}
size_t CodeView::callee_of(size_t call) const {
  for (const char* field : {"function", "constructor", "name"})
    if (const size_t found = tree.child_by_field(call, field); found != kNoNode) return found;
  return kNoNode;
}
std::vector<size_t> CodeView::arguments_of(size_t call) const {
  const size_t list = tree.child_by_field(call, "arguments");
  return list == kNoNode ? std::vector<size_t>() : named_children(list);
}
std::optional<long long> CodeView::number(size_t i) const {
  const std::string digits = text_of(i);
  long long value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  // Half of the range: templates double what they are given.
  if (error != std::errc() || end != digits.data() + digits.size() || value > (1LL << 60))
    return std::nullopt;
  return value;
}
std::string CodeView::negated(const std::string& condition) const {
  const std::string mark(spelling.not_);
  if (mark != "not ") return mark + "(" + condition + ")";
  const bool simple = condition.find_first_of(" ") == std::string::npos;
  return mark + (simple ? condition : "(" + condition + ")");
}

}  // namespace engramd::agent
