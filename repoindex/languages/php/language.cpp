#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_php();

namespace engramd::repoindex {

namespace {

// use A\B\C as D; use A\{B, C}; use function A\f; require_once __DIR__ . '/x.php';
void php_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  Import base;
  base.begin = node.begin();
  base.end = node.end();
  if (node.kind() != "namespace_use_declaration") {
    bool complete = walk(
        node,
        [&](const Visit& visit) {
          if (visit.node.kind() != "string_content") return true;
          std::string_view target = visit.node.text(text);
          // Behind __DIR__ . the string begins with the slash.
          base.target = (target.substr(0, 1) == "/" ? "." : "") + std::string(target);
          return false;
        },
        200);
    if (!complete || base.target.empty()) return;
    base.name = "*";
    out.push_back(std::move(base));
    return;
  }
  std::string prefix;
  auto clause = [&](SyntaxNode used) {
    SyntaxNode name = used.named_child(0);
    std::string path(name.text(text));
    if (!path.empty() && path[0] == '\\') path.erase(0, 1);
    if (!prefix.empty()) path = prefix + "\\" + path;
    if (path.empty()) return;
    Import import = base;
    if (size_t cut = path.rfind('\\'); cut != std::string::npos) {
      import.name = path.substr(cut + 1);
      path.resize(cut);
    }
    import.target = std::move(path);
    import.alias = std::string(used.child_by_field("alias").text(text));
    out.push_back(std::move(import));
  };
  for (SyntaxNode child : node.named_children()) {
    if (child.kind() == "namespace_name") prefix = std::string(child.text(text));
    if (child.kind() == "namespace_use_clause") clause(child);
    if (child.kind() != "namespace_use_group") continue;
    for (SyntaxNode used : child.named_children()) clause(used);
  }
}

std::string html(SyntaxNode, std::string_view) {
  return "html";
}

}  // namespace

namespace rows {
extern const Language php = {
    .name = "php",
    .extensions = {"php", "phtml", "php8", "inc"},
    .interpreters = {"php"},
    .grammar = tree_sitter_php,
    .identifiers = {"name"},
    .name_separator = "\\",
    .comments = {"comment"},
    .transparent_before_doc = {"attribute_list"},
    .definitions =
        {
            {.node = "function_definition",
             .kind = SymbolKind::function,
             .type_field = "return_type"},
            {.node = "method_declaration", .kind = SymbolKind::method, .type_field = "return_type"},
            {.node = "class_declaration", .kind = SymbolKind::class_},
            {.node = "interface_declaration", .kind = SymbolKind::interface_},
            {.node = "trait_declaration", .kind = SymbolKind::class_},
            {.node = "enum_declaration", .kind = SymbolKind::enum_},
            {.node = "enum_case",
             .kind = SymbolKind::enum_member,
             .body_field = "",
             .opens_scope = false},
            {.node = "namespace_definition", .kind = SymbolKind::namespace_, .if_field = "body"},
            {.node = "namespace_definition",
             .kind = SymbolKind::namespace_,
             .body_field = "",
             .opens_scope = false},
        },
    .bindings =
        {
            {.slot = {"property_declaration", "<property_element>"},
             .kind = SymbolKind::field,
             .type_field = "type"},
            {.slot = {"const_declaration", "<const_element>"}, .kind = SymbolKind::constant},
            {.slot = {"simple_parameter", "name"}, .type_field = "type"},
            {.slot = {"variadic_parameter", "name"}, .type_field = "type"},
            {.slot = {"property_promotion_parameter", "name"},
             .kind = SymbolKind::field,
             .type_field = "type",
             .of_class = true},
            {.slot = {"assignment_expression", "left<variable_name|list_literal>"},
             .value_field = "right"},
            {.slot = {"reference_assignment_expression", "left<variable_name>"}},
            {.slot = {"foreach_statement", "later:<variable_name|pair|by_ref|list_literal>"},
             .whole_is_child = true},
            {.slot = {"catch_clause", "name"}, .type_field = "type"},
            {.slot = {"static_variable_declaration", "name"}},
        },
    .through =
        {
            {.slot = {"property_element", "name"}},
            {.slot = {"const_element", "first:<name>"}},
            {.slot = {"variable_name", ""}},
            {.slot = {"pair", ""}},
            {.slot = {"by_ref", ""}},
            {.slot = {"list_literal", ""}},
            {.slot = {"namespace_name", ""}},
        },
    .roles =
        {
            {.slot = {"function_call_expression", "function"}, .role = Role::call},
            {.slot = {"member_call_expression", "name"}, .role = Role::call},
            {.slot = {"nullsafe_member_call_expression", "name"}, .role = Role::call},
            {.slot = {"scoped_call_expression", "name"}, .role = Role::call},
            {.slot = {"object_creation_expression", "first:"}, .role = Role::call},
            {.slot = {"attribute", ""}, .role = Role::type},
            {.slot = {"named_type", ""}, .role = Role::type},
            {.slot = {"base_clause", ""}, .role = Role::type},
            {.slot = {"class_interface_clause", ""}, .role = Role::type},
            {.slot = {"use_declaration", ""}, .role = Role::type},
            {.slot = {"assignment_expression", "left"}, .role = Role::write},
            {.slot = {"augmented_assignment_expression", "left"}, .role = Role::write},
            {.slot = {"update_expression", "argument"}, .role = Role::write},
        },
    .keeps = {{"variable_name", ""},
              {"qualified_name", "<name>"},
              {"member_access_expression", "name"},
              {"scoped_property_access_expression", "name"}},
    .members = {{"member_access_expression", "name", "object"},
                {"nullsafe_member_access_expression", "name", "object"},
                {"member_call_expression", "name", "object"},
                {"nullsafe_member_call_expression", "name", "object"},
                {"scoped_call_expression", "name", "scope"},
                {"scoped_property_access_expression", "name", "scope"},
                {"class_constant_access_expression", "later:", "first:"},
                {"argument", "name", ""}},
    .calls = {{"function_call_expression", "function"},
              {"member_call_expression", "name"},
              {"scoped_call_expression", "name"},
              {"object_creation_expression", "first:", true}},
    .bases = {{"class_declaration", "<base_clause|class_interface_clause>"},
              {"interface_declaration", "<base_clause>"},
              {"enum_declaration", "<class_interface_clause>"},
              {"base_clause", ""},
              {"class_interface_clause", ""},
              {"qualified_name", "<name>"}},
    .embedded = {{.node = "text", .language = html}},
    .keywords = {{"function", SymbolKind::function}, {"class", SymbolKind::class_}},
    .functions_without_name = {"anonymous_function", "arrow_function"},
    .self_names = {"this", "self", "static"},
    .constructor_names = {"__construct"},
    .self_writes_define_fields = true,
    .assignment_defines = true,
    .import_nodes = {"namespace_use_declaration", "require_expression", "require_once_expression",
                     "include_expression", "include_once_expression"},
    .imports = php_imports,
    .edit = {.string = {"string", "encapsed_string"},
             .boolean_literal = {"boolean"},
             .identifier = {"name"},
             .call = {"function_call_expression"},
             .arguments = {"arguments"},
             .function = {"function_definition", "method_declaration"}},
};
}  // namespace rows

}  // namespace engramd::repoindex
