#include "repoindex/languages/javascript_family.h"

namespace engramd::repoindex {

namespace javascript_family {

namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T> more) {
  to.insert(to.end(), more.begin(), more.end());
}

std::string unquoted(SyntaxNode node, std::string_view text) {
  std::string_view s = node.text(text);
  if (s.size() >= 2 && (s[0] == '"' || s[0] == '\'' || s[0] == '`')) s = s.substr(1, s.size() - 2);
  return std::string(s);
}

void specifiers(SyntaxNode list, std::string_view text, const Import& base,
                std::vector<Import>& out) {
  for (SyntaxNode specifier : list.named_children()) {
    SyntaxNode name = specifier.child_by_field("name");
    if (!name) continue;
    Import import = base;
    import.name = unquoted(name, text);
    if (SyntaxNode alias = specifier.child_by_field("alias")) import.alias = unquoted(alias, text);
    out.push_back(std::move(import));
  }
}

void import_clause(SyntaxNode clause, std::string_view text, const Import& base,
                   std::vector<Import>& out) {
  for (SyntaxNode part : clause.named_children()) {
    Import import = base;
    if (part.kind() == "identifier") {
      import.name = "default";
      import.alias = std::string(part.text(text));
      out.push_back(std::move(import));
    } else if (part.kind() == "namespace_import") {
      import.alias = std::string(part.named_child(0).text(text));
      out.push_back(std::move(import));
    } else if (part.kind() == "named_imports") {
      specifiers(part, text, base, out);
    }
  }
}

// variable_declarator whose value is require("x")
void required(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  SyntaxNode value = node.child_by_field("value");
  if (value.kind() == "member_expression") value = value.child_by_field("object");
  if (value.kind() != "call_expression") return;
  if (value.child_by_field("function").text(text) != "require") return;
  SyntaxNode argument = value.child_by_field("arguments").named_child(0);
  if (argument.kind() != "string") return;
  Import base;
  base.begin = node.begin();
  base.end = node.end();
  base.target = unquoted(argument, text);
  SyntaxNode name = node.child_by_field("name");
  if (node.child_by_field("value").kind() == "member_expression") {
    base.name = std::string(node.child_by_field("value").child_by_field("property").text(text));
    base.alias = std::string(name.text(text));
    out.push_back(std::move(base));
  } else if (name.kind() == "identifier") {
    base.alias = std::string(name.text(text));
    out.push_back(std::move(base));
  } else if (name.kind() == "object_pattern") {
    for (SyntaxNode part : name.named_children()) {
      Import import = base;
      if (part.kind() == "shorthand_property_identifier_pattern") {
        import.name = std::string(part.text(text));
      } else if (part.kind() == "pair_pattern") {
        import.name = unquoted(part.child_by_field("key"), text);
        import.alias = std::string(part.child_by_field("value").text(text));
      } else {
        continue;
      }
      out.push_back(std::move(import));
    }
  }
}

}  // namespace

void imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  if (node.kind() == "variable_declarator") return required(node, text, out);
  SyntaxNode source = node.child_by_field("source");
  Import base;
  base.begin = node.begin();
  base.end = node.end();
  if (source) {
    base.target = unquoted(source, text);
  } else if (node.kind() == "export_statement") {
    return;  // a plain export brings nothing in
  }
  bool any = false;
  size_t before = out.size();
  for (SyntaxNode child : node.children()) {
    std::string_view kind = child.kind();
    if (kind == "import_clause") {
      import_clause(child, text, base, out);
    } else if (kind == "import_require_clause") {
      Import import = base;
      import.target = unquoted(child.child_by_field("source"), text);
      import.alias = std::string(child.named_child(0).text(text));
      out.push_back(std::move(import));
    } else if (kind == "export_clause") {
      specifiers(child, text, base, out);
    } else if (kind == "namespace_export") {
      Import import = base;
      import.alias = std::string(child.named_child(0).text(text));
      out.push_back(std::move(import));
    } else if (kind == "*") {
      any = true;
    }
  }
  if (out.size() == before && !base.target.empty()) {
    base.name = any ? "*" : "";
    out.push_back(std::move(base));
  }
}

void add_jsx(Language& language) {
  language.folds.push_back("jsx_element");
  language.tags = {{"jsx_element", "jsx_opening_element", "jsx_closing_element"}};
}

EditKinds edit_kinds() {
  return {
      .binary = {"binary_expression"},
      .comparison = {"binary_expression"},
      .boolean = {"binary_expression"},
      .unary = {"unary_expression", "update_expression"},
      .arithmetic_tokens = {"+", "-", "*", "/", "%", "**", "<<", ">>", ">>>", "&", "|", "^"},
      .comparison_tokens = {"<", "<=", ">", ">=", "==", "!=", "===", "!=="},
      .boolean_tokens = {"&&", "||", "??"},
      .integer = {"number"},
      .floating = {"number"},
      .string = {"string", "template_string"},
      .boolean_literal = {"true", "false"},
      .identifier = {"identifier", "property_identifier", "shorthand_property_identifier"},
      .call = {"call_expression", "new_expression"},
      .arguments = {"arguments"},
      .conditional = {"if_statement", "while_statement", "do_statement", "for_statement",
                      "ternary_expression"},
      .loop = {"for_statement", "for_in_statement", "while_statement", "do_statement"},
      .return_ = {"return_statement"},
      .assignment = {"assignment_expression", "variable_declarator"},
      .augmented_assignment = {"augmented_assignment_expression"},
      .subscript = {"subscript_expression"},
      .slice = {},
      .statement = {"expression_statement", "return_statement", "if_statement", "for_statement",
                    "for_in_statement", "while_statement", "do_statement", "switch_statement",
                    "break_statement", "continue_statement", "lexical_declaration",
                    "variable_declaration", "throw_statement", "try_statement"},
      .block = {"statement_block", "program", "switch_case", "switch_default"},
      .function = {"function_declaration", "method_definition", "arrow_function",
                   "function_expression", "generator_function_declaration"},
  };
}

Language base() {
  Language l;
  l.identifiers = {"identifier", "property_identifier", "private_property_identifier",
                   "shorthand_property_identifier", "shorthand_property_identifier_pattern"};
  l.name_only = {"string"};
  l.comments = {"comment"};
  l.transparent_before_doc = {"decorator"};
  l.wrappers = {"export_statement", "lexical_declaration", "variable_declaration"};
  l.definitions = {
      {.node = "function_declaration", .kind = SymbolKind::function, .type_field = "return_type"},
      {.node = "generator_function_declaration", .kind = SymbolKind::function,
       .type_field = "return_type"},
      {.node = "function_expression", .kind = SymbolKind::function, .if_field = "name"},
      {.node = "class_declaration", .kind = SymbolKind::class_},
      {.node = "class", .kind = SymbolKind::class_, .if_field = "name"},
      {.node = "method_definition", .kind = SymbolKind::method, .type_field = "return_type"},
      {.node = "variable_declarator", .kind = SymbolKind::function, .body_field = "value",
       .if_field = "value", .if_kind = "arrow_function"},
      {.node = "variable_declarator", .kind = SymbolKind::function, .body_field = "value",
       .if_field = "value", .if_kind = "function_expression"},
      {.node = "variable_declarator", .kind = SymbolKind::class_, .body_field = "value",
       .if_field = "value", .if_kind = "class"},
      {.node = "pair", .kind = SymbolKind::function, .name_field = "key", .body_field = "value",
       .if_field = "value", .if_kind = "function_expression"},
      {.node = "pair", .kind = SymbolKind::function, .name_field = "key", .body_field = "value",
       .if_field = "value", .if_kind = "arrow_function"},
      {.node = "assignment_expression", .kind = SymbolKind::function, .name_field = "left",
       .body_field = "right", .if_field = "right", .if_kind = "function_expression"},
      {.node = "assignment_expression", .kind = SymbolKind::function, .name_field = "left",
       .body_field = "right", .if_field = "right", .if_kind = "arrow_function"},
      {.node = "assignment_expression", .kind = SymbolKind::class_, .name_field = "left",
       .body_field = "right", .if_field = "right", .if_kind = "class"},
  };
  l.bindings = {
      {.slot = {"variable_declarator", "name"}, .type_field = "type", .value_field = "value",
       .constant_when_upper = true},
      {.slot = {"formal_parameters", ""}},
      {.slot = {"arrow_function", "parameter"}},
      {.slot = {"catch_clause", "parameter"}},
      {.slot = {"for_in_statement", "left"}},
      {.slot = {"field_definition", "property"}, .kind = SymbolKind::field,
       .value_field = "value"},
  };
  l.through = {
      {.slot = {"array_pattern", ""}},
      {.slot = {"object_pattern", ""}},
      {.slot = {"rest_pattern", ""}},
      {.slot = {"pair_pattern", "value"}},
      {.slot = {"assignment_pattern", "left"}},
      {.slot = {"object_assignment_pattern", "left"}},
      // exports.name = function () {} and Class.prototype.name = ...
      {.slot = {"member_expression", "property"}},
  };
  l.roles = {
      {.slot = {"call_expression", "function"}, .role = Role::call},
      {.slot = {"new_expression", "constructor"}, .role = Role::call},
      {.slot = {"decorator", ""}, .role = Role::call},
      {.slot = {"assignment_expression", "left"}, .role = Role::write},
      {.slot = {"augmented_assignment_expression", "left"}, .role = Role::write},
      {.slot = {"update_expression", "argument"}, .role = Role::write},
      {.slot = {"class_heritage", ""}, .role = Role::type},
      {.slot = {"jsx_opening_element", "name"}, .role = Role::call},
      {.slot = {"jsx_self_closing_element", "name"}, .role = Role::call},
  };
  l.keeps = {{"member_expression", "property"}, {"non_null_expression", ""}};
  l.members = {{"member_expression", "property", "object"}, {"pair", "key", ""},
               {"pair_pattern", "key", ""}, {"jsx_attribute", "", ""}};
  l.calls = {{"call_expression", "function"}, {"new_expression", "constructor", true}};
  l.bases = {{"class_declaration", ""}, {"class", ""}, {"class_heritage", ""}};
  l.keywords = {{"function", SymbolKind::function}, {"class", SymbolKind::class_}};
  l.functions_without_name = {"arrow_function", "function_expression", "generator_function"};
  l.self_names = {"this"};
  l.dollar_in_names = true;
  l.constructor_names = {"constructor"};
  l.self_writes_define_fields = true;
  l.import_nodes = {"import_statement", "export_statement", "variable_declarator"};
  l.imports = imports;
  l.edit = edit_kinds();
  l.folds = {"switch_case", "switch_default"};
  return l;
}

// The javascript row plus what types add.
Language typescript_base() {
  Language l = base();
  l.type_identifiers = {"type_identifier"};
  append(l.wrappers, {"ambient_declaration"});
  append(l.definitions,
         {
             {.node = "abstract_class_declaration", .kind = SymbolKind::class_},
             {.node = "interface_declaration", .kind = SymbolKind::interface_},
             {.node = "enum_declaration", .kind = SymbolKind::enum_},
             {.node = "type_alias_declaration", .kind = SymbolKind::type_alias,
              .body_field = "", .opens_scope = false},
             {.node = "function_signature", .kind = SymbolKind::function,
              .type_field = "return_type"},
             {.node = "method_signature", .kind = SymbolKind::method,
              .type_field = "return_type"},
             {.node = "abstract_method_signature", .kind = SymbolKind::method,
              .type_field = "return_type"},
             {.node = "internal_module", .kind = SymbolKind::namespace_},
             {.node = "module", .kind = SymbolKind::namespace_},
         });
  append(l.bindings,
         {
             {.slot = {"required_parameter", "pattern"}, .type_field = "type"},
             {.slot = {"optional_parameter", "pattern"}, .type_field = "type"},
             {.slot = {"public_field_definition", "name"}, .kind = SymbolKind::field,
              .type_field = "type", .value_field = "value"},
             {.slot = {"property_signature", "name"}, .kind = SymbolKind::field,
              .type_field = "type"},
             {.slot = {"enum_assignment", "name"}, .kind = SymbolKind::enum_member},
             {.slot = {"enum_body", "name"}, .kind = SymbolKind::enum_member,
              .whole_is_child = true},
             {.slot = {"type_parameter", "name"}, .kind = SymbolKind::type_alias},
         });
  std::erase_if(l.bindings, [](const BindingRule& rule) {
    return std::string_view(rule.slot.parent) == "field_definition";
  });
  append(l.functions_without_name, {"function_type", "constructor_type"});
  append(l.through, {{.slot = {"nested_identifier", "property"}}});
  append(l.roles, {
                      {.slot = {"extends_clause", "value"}, .role = Role::type},
                      {.slot = {"implements_clause", ""}, .role = Role::type},
                      {.slot = {"extends_type_clause", "type"}, .role = Role::type},
                      {.slot = {"type_query", ""}, .role = Role::type},
                  });
  append(l.keeps, {{"nested_type_identifier", "name"}, {"generic_type", "name"},
                   {"instantiation_expression", "function"}, {"type_annotation", ""}});
  append(l.members, {{"nested_type_identifier", "name", "module"},
                     {"nested_identifier", "property", "object"}});
  append(l.bases, {{"extends_clause", "value"}, {"implements_clause", ""}, {"generic_type", "name"},
                   {"class_heritage", ""}, {"abstract_class_declaration", ""},
                   {"interface_declaration", ""}, {"extends_type_clause", "type"}});
  append(l.edit.function, {"function_signature"});
  return l;
}

}  // namespace javascript_family

}  // namespace engramd::repoindex
