#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_rust();

namespace engramd::repoindex {

namespace {

// use a::b::{c, d as e, f::*}; each leaf becomes one import: target "a::b", name "c".
void use_tree(SyntaxNode root, std::string_view text, const Import& base,
              std::vector<Import>& out) {
  struct Item {
    SyntaxNode node;
    std::string prefix;
  };
  auto join = [](const std::string& prefix, std::string_view more) {
    return prefix.empty() ? std::string(more) : prefix + "::" + std::string(more);
  };
  auto add = [&](std::string path, std::string alias) {
    Import import = base;
    size_t cut = path.rfind("::");
    if (cut == std::string::npos) {
      import.target = path;
    } else {
      import.target = path.substr(0, cut);
      import.name = path.substr(cut + 2);
      if (import.name == "self") {  // use a::b::{self}: the module b
        import.name.clear();
        size_t last = import.target.rfind("::");
        if (last != std::string::npos) {
          import.name = import.target.substr(last + 2);
          import.target.resize(last);
        }
      }
    }
    import.alias = std::move(alias);
    out.push_back(std::move(import));
  };
  std::vector<Item> stack = {{root, ""}};
  for (size_t n = 0; !stack.empty() && n < 2000; ++n) {
    Item item = std::move(stack.back());
    stack.pop_back();
    std::string_view kind = item.node.kind();
    if (kind == "scoped_use_list") {
      SyntaxNode path = item.node.child_by_field("path");
      stack.push_back({item.node.child_by_field("list"),
                       path ? join(item.prefix, path.text(text)) : item.prefix});
    } else if (kind == "use_list") {
      for (SyntaxNode child : item.node.named_children()) stack.push_back({child, item.prefix});
    } else if (kind == "use_as_clause") {
      add(join(item.prefix, item.node.child_by_field("path").text(text)),
          std::string(item.node.child_by_field("alias").text(text)));
    } else if (kind == "use_wildcard") {
      SyntaxNode path = item.node.named_child(0);
      add((path ? join(item.prefix, path.text(text)) : item.prefix) + "::*", {});
    } else if (item.node.is_named() && kind != "line_comment" && kind != "block_comment") {
      add(join(item.prefix, item.node.text(text)), {});
    }
  }
}

void rust_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  Import base;
  base.begin = node.begin();
  base.end = node.end();
  if (node.kind() == "mod_item") {  // mod x; brings the file x.rs in
    if (node.child_by_field("body")) return;
    base.target = "self::" + std::string(node.child_by_field("name").text(text));
    base.alias = std::string(node.child_by_field("name").text(text));
    out.push_back(std::move(base));
    return;
  }
  use_tree(node.child_by_field("argument"), text, base, out);
}

}  // namespace

namespace rows {
extern const Language rust = {
    .name = "rust",
    .other_names = {"rs"},
    .extensions = {"rs"},
    .grammar = tree_sitter_rust,
    .identifiers = {"identifier", "field_identifier", "shorthand_field_identifier"},
    .type_identifiers = {"type_identifier"},
    .comments = {"line_comment", "block_comment"},
    .file_doc = "//!",
    .transparent_before_doc = {"attribute_item"},
    .definitions =
        {
            {.node = "function_item", .kind = SymbolKind::function, .type_field = "return_type"},
            {.node = "function_signature_item",
             .kind = SymbolKind::function,
             .type_field = "return_type"},
            {.node = "struct_item", .kind = SymbolKind::struct_},
            {.node = "union_item", .kind = SymbolKind::struct_},
            {.node = "enum_item", .kind = SymbolKind::enum_},
            {.node = "trait_item", .kind = SymbolKind::interface_},
            {.node = "mod_item", .kind = SymbolKind::module},
            {.node = "type_item",
             .kind = SymbolKind::type_alias,
             .body_field = "",
             .opens_scope = false},
            {.node = "associated_type",
             .kind = SymbolKind::type_alias,
             .body_field = "",
             .opens_scope = false},
            {.node = "macro_definition", .kind = SymbolKind::macro, .body_field = ""},
            {.node = "enum_variant", .kind = SymbolKind::enum_member},
        },
    .bindings =
        {
            {.slot = {"const_item", "name"}, .kind = SymbolKind::constant, .type_field = "type"},
            {.slot = {"static_item", "name"}, .kind = SymbolKind::variable, .type_field = "type"},
            {.slot = {"field_declaration", "name"},
             .kind = SymbolKind::field,
             .type_field = "type"},
            {.slot = {"let_declaration", "pattern"}, .type_field = "type", .value_field = "value"},
            {.slot = {"let_condition", "pattern"}, .lower_case_only = true},
            {.slot = {"parameter", "pattern"}, .type_field = "type"},
            {.slot = {"closure_parameters", ""}},
            {.slot = {"for_expression", "pattern"}},
            {.slot = {"match_pattern", ""}, .lower_case_only = true},
            {.slot = {"const_parameter", "name"}, .kind = SymbolKind::constant},
            {.slot = {"type_parameter", "name"}, .kind = SymbolKind::type_alias},
        },
    .through =
        {
            {.slot = {"tuple_pattern", ""}},
            {.slot = {"slice_pattern", ""}},
            {.slot = {"tuple_struct_pattern", ""}},
            {.slot = {"struct_pattern", ""}},
            {.slot = {"field_pattern", "pattern"}},
            {.slot = {"mut_pattern", ""}},
            {.slot = {"ref_pattern", ""}},
            {.slot = {"reference_pattern", ""}},
            {.slot = {"captured_pattern", ""}},
            {.slot = {"or_pattern", ""}},
        },
    .roles =
        {
            {.slot = {"call_expression", "function"}, .role = Role::call},
            {.slot = {"macro_invocation", "macro"}, .role = Role::call},
            {.slot = {"assignment_expression", "left"}, .role = Role::write},
            {.slot = {"compound_assignment_expr", "left"}, .role = Role::write},
            {.slot = {"struct_expression", "name"}, .role = Role::call},
        },
    .keeps = {{"field_expression", "field"},
              {"scoped_identifier", "name"},
              {"generic_function", "function"},
              {"scoped_type_identifier", "name"},
              {"generic_type", "type"},
              {"generic_type_with_turbofish", "type"}},
    .members = {{"field_expression", "field", "value"},
                {"scoped_identifier", "name", "path"},
                {"scoped_type_identifier", "name", "path"},
                {"field_initializer", "field", ""}},
    .containers = {{"impl_item", "type"}},
    .calls = {{"call_expression", "function"}, {"struct_expression", "name", true}},
    .bases = {{"trait_item", "bounds"}, {"trait_bounds", ""}},
    .keywords = {{"fn", SymbolKind::function},
                 {"struct", SymbolKind::struct_},
                 {"enum", SymbolKind::enum_},
                 {"trait", SymbolKind::interface_},
                 {"mod", SymbolKind::module}},
    .functions_without_name = {"closure_expression"},
    .self_names = {"self", "Self"},
    .scoped_call_constructs = true,
    .import_nodes = {"use_declaration", "mod_item"},
    .imports = rust_imports,
    .edit =
        {
            .binary = {"binary_expression"},
            .comparison = {"binary_expression"},
            .boolean = {"binary_expression"},
            .unary = {"unary_expression"},
            .arithmetic_tokens = {"+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^"},
            .comparison_tokens = {"<", "<=", ">", ">=", "==", "!="},
            .boolean_tokens = {"&&", "||"},
            .integer = {"integer_literal"},
            .floating = {"float_literal"},
            .string = {"string_literal", "raw_string_literal", "char_literal"},
            .boolean_literal = {"boolean_literal"},
            .identifier = {"identifier", "field_identifier"},
            .call = {"call_expression"},
            .arguments = {"arguments"},
            .conditional = {"if_expression", "while_expression"},
            .loop = {"for_expression", "while_expression", "loop_expression"},
            .return_ = {"return_expression"},
            .assignment = {"assignment_expression", "let_declaration"},
            .augmented_assignment = {"compound_assignment_expr"},
            .subscript = {"index_expression"},
            .slice = {"range_expression"},
            .statement = {"expression_statement", "let_declaration"},
            .block = {"block"},
            .function = {"function_item", "closure_expression"},
        },
};

}  // namespace rows
}  // namespace engramd::repoindex
