#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_python();

namespace engramd::repoindex {

namespace {

std::string text_of(SyntaxNode node, std::string_view text) {
  return std::string(node.text(text));
}

// import a.b as c / from ..a import b as c, d / from a import *
void python_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  Import base;
  base.begin = node.begin();
  base.end = node.end();
  bool is_from = node.kind() == "import_from_statement";
  if (node.kind() == "future_import_statement") return;
  if (is_from) {
    SyntaxNode module = node.child_by_field("module_name");
    base.target = text_of(module, text);
    while (base.level < base.target.size() && base.target[base.level] == '.') ++base.level;
    base.target.erase(0, base.level);
  }
  auto add = [&](SyntaxNode name, std::string alias) {
    Import import = base;
    (is_from ? import.name : import.target) = text_of(name, text);
    import.alias = std::move(alias);
    out.push_back(std::move(import));
  };
  for (SyntaxNode child : node.children_by_field("name")) {
    if (child.kind() == "aliased_import") {
      add(child.child_by_field("name"), text_of(child.child_by_field("alias"), text));
    } else {
      add(child, {});
    }
  }
  for (SyntaxNode child : node.named_children()) {
    if (child.kind() != "wildcard_import") continue;
    base.name = "*";
    out.push_back(base);
  }
}

}  // namespace

namespace rows {
extern const Language python = {
    .name = "python",
    .other_names = {"py", "python3", "pycon"},
    .extensions = {"py", "pyi", "pyw"},
    .file_names = {"SConstruct", "SConscript", "wscript"},
    .interpreters = {"python"},
    .grammar = tree_sitter_python,
    .identifiers = {"identifier"},
    .comments = {"comment"},
    .wrappers = {"decorated_definition"},
    .definitions =
        {
            {.node = "function_definition",
             .kind = SymbolKind::function,
             .type_field = "return_type"},
            {.node = "class_definition", .kind = SymbolKind::class_},
        },
    .bindings =
        {
            {.slot = {"assignment", "left"},
             .type_field = "type",
             .value_field = "right",
             .constant_when_upper = true},
            {.slot = {"named_expression", "name"}, .value_field = "value"},
            {.slot = {"for_statement", "left"}},
            {.slot = {"for_in_clause", "left"}, .inside_only = true, .whole_up = 1},
            {.slot = {"type_parameter", ""},
             .kind = SymbolKind::type_alias,
             .when = {.up = 1, .kind = "class_definition|function_definition"}},
            {.slot = {"as_pattern", "alias"}},
            {.slot = {"parameters", ""}},
            {.slot = {"lambda_parameters", ""}},
            {.slot = {"default_parameter", "name"}, .value_field = "value"},
            {.slot = {"typed_parameter", ""}, .type_field = "type"},
            {.slot = {"typed_default_parameter", "name"},
             .type_field = "type",
             .value_field = "value"},
            {.slot = {"type_alias_statement", "left"}, .kind = SymbolKind::type_alias},
        },
    .through =
        {
            {.slot = {"pattern_list", ""}},
            {.slot = {"tuple_pattern", ""}},
            {.slot = {"list_pattern", ""}},
            {.slot = {"list_splat_pattern", ""}},
            {.slot = {"dictionary_splat_pattern", ""}},
            {.slot = {"as_pattern_target", ""}},
            {.slot = {"type_alias_statement", "left"}},
            {.slot = {"type", ""}},
        },
    .roles =
        {
            {.slot = {"call", "function"}, .role = Role::call},
            {.slot = {"decorator", ""}, .role = Role::call},
            {.slot = {"augmented_assignment", "left"}, .role = Role::write},
            {.slot = {"assignment", "left"}, .role = Role::write},
            {.slot = {"assignment", "type"}, .role = Role::type},
            {.slot = {"typed_parameter", "type"}, .role = Role::type},
            {.slot = {"typed_default_parameter", "type"}, .role = Role::type},
            {.slot = {"function_definition", "return_type"}, .role = Role::type},
            {.slot = {"class_definition", "superclasses"}, .role = Role::type},
        },
    .keeps =
        {
            {"attribute", "attribute"},
            {"pattern_list", ""},
            {"tuple_pattern", ""},
            {"type", ""},
            {"generic_type", ""},
            {"type_parameter", ""},
            {"union_type", ""},
            {"member_type", ""},
            {"argument_list", ""},
        },
    .members = {{"attribute", "attribute", "object"}, {"keyword_argument", "name", ""}},
    .calls = {{"call", "function"}},
    .bases = {{"class_definition", "superclasses"}, {"subscript", "value"}},
    .keywords = {{"def", SymbolKind::function}, {"class", SymbolKind::class_}},
    .functions_without_name = {"lambda", "list_comprehension", "set_comprehension",
                               "dictionary_comprehension", "generator_expression"},
    .doc = DocStyle::docstring,
    .self_names = {"self", "cls"},
    .constructor_names = {"__init__", "__new__"},
    .self_writes_define_fields = true,
    .assignment_defines = true,
    .import_nodes = {"import_statement", "import_from_statement", "future_import_statement"},
    .imports = python_imports,
    .edit =
        {
            .binary = {"binary_operator"},
            .comparison = {"comparison_operator"},
            .boolean = {"boolean_operator"},
            .unary = {"unary_operator", "not_operator"},
            .arithmetic_tokens = {"+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^"},
            .comparison_tokens = {"<", "<=", ">", ">=", "==", "!=", "in", "not in", "is", "is not"},
            .boolean_tokens = {"and", "or"},
            .integer = {"integer"},
            .floating = {"float"},
            .string = {"string", "concatenated_string"},
            .boolean_literal = {"true", "false"},
            .identifier = {"identifier"},
            .call = {"call"},
            .arguments = {"argument_list"},
            .conditional = {"if_statement", "elif_clause", "while_statement",
                            "conditional_expression", "if_clause"},
            .loop = {"for_statement", "while_statement"},
            .return_ = {"return_statement"},
            .assignment = {"assignment"},
            .augmented_assignment = {"augmented_assignment"},
            .subscript = {"subscript"},
            .slice = {"slice"},
            .statement = {"expression_statement", "return_statement", "if_statement",
                          "for_statement", "while_statement", "raise_statement", "assert_statement",
                          "delete_statement", "pass_statement", "break_statement",
                          "continue_statement", "with_statement", "try_statement"},
            .block = {"block", "module"},
            .function = {"function_definition"},
        },
    .folded_bodies = {"block"},
};

}  // namespace rows
}  // namespace engramd::repoindex
