#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_zig();

namespace engramd::repoindex {

namespace {

// const std = @import("std"); const File = @import("fs.zig").File;
void zig_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  if (node.named_child(0).text(text) != "@import") return;
  std::string_view path = node.named_child(1).named_child(0).text(text);
  if (path.size() < 3) return;
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  import.target = std::string(path.substr(1, path.size() - 2));
  SyntaxNode above = node.parent();
  if (above.kind() == "field_expression") {
    import.name = std::string(above.child_by_field("member").text(text));
    above = above.parent();
  }
  if (above.kind() == "variable_declaration") {
    import.alias = std::string(above.named_child(0).text(text));
  }
  if (import.alias == import.name) import.alias.clear();
  out.push_back(std::move(import));
}

}  // namespace

namespace rows {
// Types are values: const Point = struct {…}; is how a struct gets its name.
extern const Language zig = {
    .name = "zig",
    .extensions = {"zig", "zon"},
    .grammar = tree_sitter_zig,
    .identifiers = {"identifier"},
    .name_only = {"string"},
    .no_names = {"_"},
    .comments = {"comment"},
    .file_doc = "//!",
    .definitions =
        {
            {.node = "function_declaration", .kind = SymbolKind::function, .type_field = "type"},
            {.node = "variable_declaration",
             .kind = SymbolKind::struct_,
             .name_field = "first:<identifier>",
             .body_field = "<struct_declaration|union_declaration|opaque_declaration>",
             .if_field = "<struct_declaration|union_declaration|opaque_declaration>"},
            {.node = "variable_declaration",
             .kind = SymbolKind::enum_,
             .name_field = "first:<identifier>",
             .body_field = "<enum_declaration|error_set_declaration>",
             .if_field = "<enum_declaration|error_set_declaration>"},
            {.node = "function_signature",
             .kind = SymbolKind::function,
             .body_field = "",
             .type_field = "type"},
            {.node = "test_declaration",
             .kind = SymbolKind::function,
             .name_field = "<string|identifier>",
             .body_field = "<block>"},
        },
    .bindings =
        {
            {.slot = {"variable_declaration", "first:<identifier>"},
             .type_field = "type",
             .value_field = "later:<call_expression|struct_initializer>",
             .constant_when_upper = true,
             .when = {.child = "<'const'|'var'>"}},
            {.slot = {"parameter", "name"}, .type_field = "type"},
            {.slot = {"container_field", "name<identifier>"},
             .kind = SymbolKind::enum_member,
             .when = {.up = 1, .kind = "enum_declaration"}},
            {.slot = {"container_field", "name<identifier>"},
             .kind = SymbolKind::field,
             .type_field = "type"},
            {.slot = {"error_set_declaration", "<identifier>"},
             .kind = SymbolKind::enum_member,
             .whole_is_child = true},
            {.slot = {"payload", ""}},
        },
    .roles =
        {
            {.slot = {"call_expression", "function"}, .role = Role::call},
            {.slot = {"struct_initializer", "first:"}, .role = Role::call},
            {.slot = {"function_declaration", "type"}, .role = Role::type},
            {.slot = {"parameter", "type"}, .role = Role::type},
            {.slot = {"container_field", "type"}, .role = Role::type},
            {.slot = {"variable_declaration", "type"}, .role = Role::type},
            {.slot = {"assignment_expression", "left"}, .role = Role::write},
            {.slot = {"variable_declaration", "first:<identifier>"}, .role = Role::write},
        },
    .keeps = {{"field_expression", "member"},
              {"pointer_type", ""},
              {"nullable_type", ""},
              {"slice_type", ""},
              {"array_type", ""},
              {"error_union_type", "*"}},
    .members = {{"field_expression", "member", "object"}, {"field_initializer", "first:", ""}},
    .calls = {{"call_expression", "function"}, {"struct_initializer", "first:", true}},
    .keywords = {{"fn", SymbolKind::function}},
    .self_names = {"self", "Self"},
    .import_nodes = {"builtin_function"},
    .imports = zig_imports,
    .imports_look_up = 2,
    .edit = {.string = {"string"},
             .boolean_literal = {"boolean"},
             .identifier = {"identifier"},
             .call = {"call_expression"},
             .function = {"function_declaration"}},
};
}  // namespace rows

}  // namespace engramd::repoindex
