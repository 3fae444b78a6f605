#include "repoindex/languages/javascript_family.h"

extern "C" const TSLanguage* tree_sitter_typescript();
extern "C" const TSLanguage* tree_sitter_tsx();

namespace engramd::repoindex {

namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T> more) {
  to.insert(to.end(), more.begin(), more.end());
}

// The javascript row plus what types add. tsx is a grammar of its own because <T>x means a cast in
// one and an element in the other.
Language typescript(std::string name, std::vector<std::string_view> extensions,
                    const TSLanguage* (*grammar)()) {
  Language l = javascript_family::base();
  l.name = std::move(name);
  l.extensions = std::move(extensions);
  l.grammar = grammar;
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

}  // namespace

extern const Language kTypescript =
    typescript("typescript", {"ts", "mts", "cts"}, tree_sitter_typescript);
extern const Language kTsx = typescript("tsx", {"tsx"}, tree_sitter_tsx);

}  // namespace engramd::repoindex
