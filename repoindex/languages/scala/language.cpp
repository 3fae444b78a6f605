#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_scala();

namespace engramd::repoindex {

namespace {

// import a.b.C, import a.b.{C, D => E, F as G}, import a.b.*, import a.b._
void scala_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  Import base;
  base.begin = node.begin();
  base.end = node.end();
  std::vector<std::string> path;
  SyntaxNode last;
  for (SyntaxNode child : node.named_children()) {
    if (child.kind() == "identifier" || child.kind() == "operator_identifier") {
      path.emplace_back(child.text(text));
    } else {
      last = child;
    }
  }
  auto target = [&](size_t n) {
    std::string joined;
    for (size_t i = 0; i < n; ++i) joined += (i == 0 ? "" : ".") + path[i];
    return joined;
  };
  auto add = [&](std::string from, std::string_view name, std::string_view alias) {
    Import import = base;
    import.target = std::move(from);
    import.name = std::string(name);
    import.alias = std::string(alias);
    if (!import.target.empty()) out.push_back(std::move(import));
  };
  if (!last) {
    if (path.size() < 2) return add(target(path.size()), "", "");
    return add(target(path.size() - 1), path.back(), "");
  }
  if (last.kind() == "namespace_wildcard") return add(target(path.size()), "*", "");
  auto renamed = [&](SyntaxNode item) {
    add(target(path.size()), item.child_by_field("name").text(text),
        item.child_by_field("alias").text(text));
  };
  if (last.kind() == "as_renamed_identifier") return renamed(last);
  for (SyntaxNode item : last.named_children()) {
    if (item.kind() == "namespace_wildcard") {
      add(target(path.size()), "*", "");
    } else if (item.kind().find("renamed") != std::string_view::npos) {
      renamed(item);
    } else if (item.kind() == "identifier") {
      add(target(path.size()), item.text(text), "");
    }
  }
}

}  // namespace

namespace rows {
extern const Language scala = {
    .name = "scala",
    .extensions = {"scala", "sc", "sbt"},
    .interpreters = {"scala"},
    .grammar = tree_sitter_scala,
    .identifiers = {"identifier"},
    .type_identifiers = {"type_identifier"},
    .name_only = {"operator_identifier"},
    .name_separator = ".",
    .no_names = {"this", "super"},
    .comments = {"comment", "block_comment"},
    .transparent_before_doc = {"annotation"},
    .definitions =
        {
            {.node = "class_definition", .kind = SymbolKind::class_},
            {.node = "object_definition", .kind = SymbolKind::class_},
            {.node = "trait_definition", .kind = SymbolKind::interface_},
            {.node = "enum_definition", .kind = SymbolKind::enum_},
            {.node = "simple_enum_case",
             .kind = SymbolKind::enum_member,
             .body_field = "",
             .opens_scope = false},
            {.node = "full_enum_case", .kind = SymbolKind::enum_member, .body_field = ""},
            {.node = "function_definition",
             .kind = SymbolKind::function,
             .type_field = "return_type"},
            {.node = "function_declaration",
             .kind = SymbolKind::function,
             .type_field = "return_type"},
            {.node = "type_definition",
             .kind = SymbolKind::type_alias,
             .body_field = "",
             .opens_scope = false},
            {.node = "package_object", .kind = SymbolKind::namespace_},
            {.node = "package_clause", .kind = SymbolKind::namespace_, .if_field = "body"},
            {.node = "package_clause",
             .kind = SymbolKind::namespace_,
             .body_field = "",
             .opens_scope = false},
            {.node = "given_definition", .kind = SymbolKind::variable},
        },
    .bindings =
        {
            {.slot = {"val_definition", "pattern"},
             .type_field = "type",
             .value_field = "value",
             .constant_when_upper = true},
            {.slot = {"var_definition", "pattern"}, .type_field = "type", .value_field = "value"},
            {.slot = {"val_declaration", "name"}, .type_field = "type"},
            {.slot = {"var_declaration", "name"}, .type_field = "type"},
            {.slot = {"class_parameter", "name"},
             .kind = SymbolKind::field,
             .type_field = "type",
             .of_class = true},
            {.slot = {"parameter", "name"}, .type_field = "type"},
            {.slot = {"binding", "name"}, .type_field = "type"},
            {.slot = {"lambda_expression", "parameters<identifier>"}},
            {.slot = {"enumerator", "first:"}},
            {.slot = {"case_clause", "pattern"}, .lower_case_only = true},
            {.slot = {"type_parameters", "name"},
             .kind = SymbolKind::type_alias,
             .whole_is_child = true},
        },
    .through =
        {
            {.slot = {"package_identifier", ""}},
            {.slot = {"identifiers", ""}},
            {.slot = {"tuple_pattern", ""}},
            {.slot = {"typed_pattern", "pattern"}},
            {.slot = {"capture_pattern", "name"}},
            {.slot = {"case_class_pattern", "pattern"}},
            {.slot = {"named_pattern", ""}},
            {.slot = {"infix_pattern", "left"}},
            {.slot = {"infix_pattern", "right"}},
        },
    .roles =
        {
            {.slot = {"call_expression", "function"}, .role = Role::call},
            {.slot = {"instance_expression", "first:"}, .role = Role::call},
            {.slot = {"infix_expression", "operator<identifier>"}, .role = Role::call},
            {.slot = {"assignment_expression", "left"}, .role = Role::write},
            {.slot = {"annotation", "name"}, .role = Role::type},
        },
    .keeps = {{"field_expression", "field"},
              {"generic_function", "function"},
              {"generic_type", "type"},
              {"stable_type_identifier", "<type_identifier>"}},
    .ignored = {{"interpolated_string_expression", "interpolator"}},
    .members = {{"field_expression", "field", "value"},
                {"stable_type_identifier", "<type_identifier>", "first:"}},
    .calls = {{"call_expression", "function"}, {"instance_expression", "first:", true}},
    .bases = {{"class_definition", "extend"},
              {"object_definition", "extend"},
              {"trait_definition", "extend"},
              {"enum_definition", "extend"},
              {"extends_clause", "type"},
              {"generic_type", "type"},
              {"compound_type", "base"},
              {"compound_type", "extra"},
              {"stable_type_identifier", "<type_identifier>"}},
    .keywords = {{"def", SymbolKind::function},
                 {"class", SymbolKind::class_},
                 {"object", SymbolKind::class_},
                 {"trait", SymbolKind::interface_}},
    .functions_without_name = {"lambda_expression", "case_clause"},
    .self_names = {"this", "super"},
    .import_nodes = {"import_declaration", "export_declaration"},
    .imports = scala_imports,
    .edit = {.string = {"string", "interpolated_string"},
             .boolean_literal = {"boolean_literal"},
             .identifier = {"identifier"},
             .call = {"call_expression"},
             .arguments = {"arguments"},
             .function = {"function_definition"}},
};
}  // namespace rows

}  // namespace engramd::repoindex
