#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_lua();

namespace engramd::repoindex {

namespace {

// local x = require("a.b") and require "a.b"
void lua_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  std::string_view function = node.child_by_field("name").text(text);
  bool file = function == "dofile" || function == "loadfile";
  if (function != "require" && !file) return;
  SyntaxNode argument = node.child_by_field("arguments").named_child(0);
  if (argument.kind() != "string") return;
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  import.target = std::string(argument.child_by_field("content").text(text));
  if (import.target.empty()) return;
  // The first name of `local a = require(…)`; several names with several values are rare.
  SyntaxNode values = node.parent();
  if (values.kind() == "dot_index_expression") {  // require("a.b").c
    import.name = std::string(values.child_by_field("field").text(text));
    values = values.parent();
  }
  if (values.kind() == "expression_list" && values.parent().kind() == "assignment_statement") {
    SyntaxNode name = values.parent().named_child(0).child_by_field("name");
    if (name.kind() == "identifier") {
      import.alias = std::string(name.text(text));
      import.begin = name.begin();  // the variable is what the file gives
    }
  }
  if (file) import.name = "*";
  out.push_back(std::move(import));
}

}  // namespace

namespace rows {
extern const Language lua = {
    .name = "lua",
    .extensions = {"lua", "rockspec"},
    .interpreters = {"lua", "luajit"},
    .grammar = tree_sitter_lua,
    .identifiers = {"identifier"},
    .comments = {"comment"},
    .wrappers = {"variable_declaration"},
    .definitions =
        {
            {.node = "function_declaration", .kind = SymbolKind::function},
            {.node = "assignment_statement",
             .kind = SymbolKind::function,
             .name_field = "<variable_list>",
             .body_field = "<expression_list>/value",
             .if_field = "<expression_list>/value",
             .if_kind = "function_definition"},
            {.node = "field",
             .kind = SymbolKind::function,
             .body_field = "value",
             .if_field = "value",
             .if_kind = "function_definition"},
        },
    .bindings =
        {
            {.slot = {"assignment_statement", "<variable_list>"},
             .value_field = "<expression_list>/value",
             .constant_when_upper = true,
             .when = {.up = 1, .kind = "variable_declaration"}},
            {.slot = {"assignment_statement", "<variable_list>"},
             .value_field = "<expression_list>/value",
             .of_file = true},
            {.slot = {"variable_declaration", "<variable_list>"}},
            {.slot = {"parameters", "name"}, .whole_is_child = true},
            {.slot = {"for_generic_clause", "<variable_list>"}},
            {.slot = {"for_numeric_clause", "name"}},
            {.slot = {"field", "name<identifier>"}, .kind = SymbolKind::field},
        },
    .through =
        {
            {.slot = {"variable_list", "name"}},
            {.slot = {"dot_index_expression", "field"}},
            {.slot = {"method_index_expression", "method"}},
        },
    .roles =
        {
            {.slot = {"function_call", "name"}, .role = Role::call},
            {.slot = {"variable_list", "name"}, .role = Role::write},
        },
    .keeps = {{"dot_index_expression", "field"}, {"method_index_expression", "method"}},
    .members = {{"dot_index_expression", "field", "table"},
                {"method_index_expression", "method", "table"}},
    .calls = {{"function_call", "name"}},
    .keywords = {{"function", SymbolKind::function}},
    .functions_without_name = {"function_definition"},
    .self_names = {"self"},
    .assignment_defines = true,
    .import_nodes = {"function_call"},
    .imports = lua_imports,
    .imports_look_up = 2,
    .edit = {.string = {"string"},
             .boolean_literal = {"true", "false"},
             .identifier = {"identifier"},
             .call = {"function_call"},
             .arguments = {"arguments"},
             .function = {"function_declaration", "function_definition"}},
    .folded_bodies = {"block"},
};
}  // namespace rows

}  // namespace engramd::repoindex
