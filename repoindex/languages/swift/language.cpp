#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_swift();

namespace engramd::repoindex {

namespace {

// import Foundation, import struct Foundation.Date
void swift_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  for (SyntaxNode child : node.named_children()) {
    if (child.kind() == "identifier") import.target = std::string(child.text(text));
  }
  if (import.target.empty()) return;
  import.name = "*";
  // import struct Shop.Price; a submodule is written the same way, without the kind.
  size_t dot = import.target.find('.');
  if (dot != std::string::npos) {
    import.name = import.target.substr(import.target.rfind('.') + 1);
    import.target.resize(dot);
  }
  out.push_back(std::move(import));
}

}  // namespace

namespace rows {
extern const Language swift = {
    .name = "swift",
    .extensions = {"swift"},
    .interpreters = {"swift"},
    .grammar = tree_sitter_swift,
    .identifiers = {"simple_identifier"},
    .type_identifiers = {"type_identifier"},
    .name_only = {"custom_operator"},
    .no_names = {"_"},
    .comments = {"comment", "multiline_comment"},
    .definitions =
        {
            // extension Foo: what it holds belongs to Foo, which is defined elsewhere.
            {.node = "class_declaration",
             .kind = SymbolKind::class_,
             .if_field = "declaration_kind",
             .if_kind = "class|actor"},
            {.node = "class_declaration",
             .kind = SymbolKind::struct_,
             .if_field = "declaration_kind",
             .if_kind = "struct"},
            {.node = "class_declaration",
             .kind = SymbolKind::enum_,
             .if_field = "declaration_kind",
             .if_kind = "enum"},
            {.node = "protocol_declaration", .kind = SymbolKind::interface_},
            {.node = "function_declaration",
             .kind = SymbolKind::function,
             .name_field = "name<simple_identifier|custom_operator>",
             .type_field = "return_type"},
            {.node = "protocol_function_declaration",
             .kind = SymbolKind::function,
             .name_field = "name<simple_identifier|custom_operator>",
             .body_field = "",
             .type_field = "return_type"},
            {.node = "init_declaration", .kind = SymbolKind::constructor, .fixed_name = "init"},
            {.node = "typealias_declaration",
             .kind = SymbolKind::type_alias,
             .name_field = "name<type_identifier>",
             .body_field = "",
             .opens_scope = false},
            {.node = "associatedtype_declaration",
             .kind = SymbolKind::type_alias,
             .name_field = "name<type_identifier>",
             .body_field = "",
             .opens_scope = false},
        },
    .bindings =
        {
            {.slot = {"property_declaration", "name"},
             .type_field = "<type_annotation>/<user_type|optional_type>",
             .value_field = "value"},
            {.slot = {"protocol_property_declaration", "name"},
             .kind = SymbolKind::field,
             .type_field = "<type_annotation>/<user_type|optional_type>"},
            {.slot = {"parameter", "name<simple_identifier>"},
             .type_field = "<user_type|optional_type>"},
            {.slot = {"lambda_parameter", "name<simple_identifier>"},
             .type_field = "<user_type|optional_type>"},
            {.slot = {"enum_entry", "name"}, .kind = SymbolKind::enum_member},
            {.slot = {"for_statement", "item"}},
            {.slot = {"if_statement", "bound_identifier"}, .whole_is_child = true},
            {.slot = {"guard_statement", "bound_identifier"}, .whole_is_child = true},
            {.slot = {"while_statement", "bound_identifier"}, .whole_is_child = true},
            {.slot = {"pattern", "bound_identifier<simple_identifier>"},
             .when = {.up = 1, .kind = "!property_declaration|protocol_property_declaration"}},
            {.slot = {"type_parameter", "<type_identifier>"}, .kind = SymbolKind::type_alias},
        },
    .through =
        {
            {.slot = {"user_type", "<type_identifier>"}},
            {.slot = {"pattern", "bound_identifier"}},
            {.slot = {"pattern", "<pattern>"}},
            {.slot = {"pattern", "<simple_identifier>"}},
        },
    .roles =
        {
            {.slot = {"call_expression", "first:"}, .role = Role::call},
            {.slot = {"assignment", "target"}, .role = Role::write},
            {.slot = {"constructor_expression", "constructed_type"}, .role = Role::call},
            {.slot = {"macro_invocation", "<simple_identifier>"}, .role = Role::call},
        },
    .keeps = {{"navigation_expression", "suffix"},
              {"navigation_suffix", "suffix"},
              {"directly_assignable_expression", ""},
              {"user_type", "<type_identifier>"}},
    .ignored = {{"parameter", "external_name"}, {"value_argument_label", ""}},
    .members = {{"navigation_expression", "suffix", "target"},
                {.node = "navigation_suffix",
                 .name_field = "suffix",
                 .receiver_field = "target",
                 .receiver_above = true}},
    .containers = {{"class_declaration", "name"}},
    .calls = {{"call_expression", "first:"}},
    .bases = {{"class_declaration", "<inheritance_specifier>"},
              {"protocol_declaration", "<inheritance_specifier>"},
              {"inheritance_specifier", "inherits_from"},
              {"user_type", "<type_identifier>"}},
    .keywords = {{"func", SymbolKind::function},
                 {"class", SymbolKind::class_},
                 {"struct", SymbolKind::struct_},
                 {"protocol", SymbolKind::interface_}},
    .functions_without_name = {"lambda_literal", "computed_property", "willset_didset_block",
                               "subscript_declaration", "deinit_declaration"},
    .self_names = {"self", "super"},
    .import_nodes = {"import_declaration"},
    .imports = swift_imports,
    .edit = {.string = {"line_string_literal", "multi_line_string_literal"},
             .boolean_literal = {"boolean_literal"},
             .identifier = {"simple_identifier"},
             .call = {"call_expression"},
             .arguments = {"value_arguments"},
             .function = {"function_declaration"}},
    .errors = ErrorTrust::none,
};
}  // namespace rows

}  // namespace engramd::repoindex
