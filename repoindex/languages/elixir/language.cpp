#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_elixir();

namespace engramd::repoindex {

namespace {

// alias A.B, as: C / alias A.{B, C} / import A.B / use A.B / require A
void elixir_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  std::string_view word = node.child_by_field("target").text(text);
  if (word != "alias" && word != "import" && word != "use" && word != "require") return;
  SyntaxNode arguments = node.named_child(1);
  if (arguments.kind() != "arguments") return;
  Import base;
  base.begin = node.begin();
  base.end = node.end();
  auto add = [&](std::string path, std::string alias) {
    Import import = base;
    if (word == "import" || word == "use") {
      import.target = std::move(path);
      import.name = "*";
    } else if (size_t dot = path.rfind('.'); dot != std::string::npos) {
      import.target = path.substr(0, dot);
      import.name = path.substr(dot + 1);
    } else {
      import.target = std::move(path);
    }
    import.alias = std::move(alias);
    out.push_back(std::move(import));
  };
  SyntaxNode first = arguments.named_child(0);
  if (first.kind() == "alias") {
    std::string alias;
    SyntaxNode options = arguments.named_child(1);
    for (SyntaxNode pair : options.named_children()) {
      if (pair.child_by_field("key").text(text).substr(0, 3) == "as:") {
        alias = std::string(pair.child_by_field("value").text(text));
      }
    }
    add(std::string(first.text(text)), std::move(alias));
  } else if (first.kind() == "dot") {
    std::string prefix(first.child_by_field("left").text(text));
    for (SyntaxNode item : first.child_by_field("right").named_children()) {
      if (item.kind() == "alias") add(prefix + "." + std::string(item.text(text)), {});
    }
  }
}

}  // namespace

namespace rows {
// In Elixir everything is a call: `def f(x)` is the call of def with the argument f(x).
extern const Language elixir = {
    .name = "elixir",
    .extensions = {"ex", "exs"},
    .interpreters = {"elixir"},
    .grammar = tree_sitter_elixir,
    .identifiers = {"identifier", "alias"},
    .name_only = {"operator_identifier", "string", "atom", "keyword"},
    .name_marks = ": \"",
    .dotted_names = {"alias"},
    .comments = {"comment"},
    .transparent_before_doc = {"unary_operator"},  // @spec, @impl
    .definitions =
        {
            {.node = "call",
             .kind = SymbolKind::module,
             .name_field = "<arguments>",
             .body_field = "<do_block>",
             .if_field = "target",
             .if_text = "defmodule|defprotocol|defimpl"},
            {.node = "call",
             .kind = SymbolKind::function,
             .name_field = "<arguments>",
             .body_field = "<do_block>",
             .if_field = "target",
             .if_text = "def|defp|defdelegate|defguard|defguardp|defn"},
            {.node = "call",
             .kind = SymbolKind::macro,
             .name_field = "<arguments>",
             .body_field = "<do_block>",
             .if_field = "target",
             .if_text = "defmacro|defmacrop"},
            {.node = "call",
             .kind = SymbolKind::function,
             .name_field = "<arguments>",
             .body_field = "<do_block>",
             .if_field = "target",
             .if_text = "test|describe"},
            {.node = "call",
             .kind = SymbolKind::type_alias,
             .name_field = "<arguments>",
             .body_field = "",
             .if_field = "target",
             .if_text = "type|typep|opaque|callback",
             .opens_scope = false},
            {.node = "unary_operator",
             .kind = SymbolKind::constant,
             .name_field = "operand",
             .body_field = "",
             .if_field = "operand<call>/target",
             .if_text =
                 "!doc|moduledoc|typedoc|spec|type|typep|opaque|callback|impl|behaviour|"
                 "derive|enforce_keys|tag|moduletag|deprecated|since|before_compile|dialyzer",
             .opens_scope = false},
        },
    .bindings =
        {
            {.slot = {"binary_operator", "left"},
             .value_field = "right",
             .when = {.child = "operator", .text = "="}},
            {.slot = {"arguments", ""}, .whole_is_child = true, .in_name = true},
            {.slot = {"stab_clause", "left"}},
            // defstruct [:a, b: 1]
            {.slot = {"list", "<atom|keywords>"},
             .kind = SymbolKind::field,
             .whole_up = 2,
             .when = {.up = 2, .child = "target", .text = "defstruct"}},
            {.slot = {"arguments", "<keywords>"},
             .kind = SymbolKind::field,
             .whole_up = 1,
             .when = {.up = 1, .child = "target", .text = "defstruct"}},
        },
    .through =
        {
            {.slot = {"arguments", "first:"}},
            {.slot = {"call", "target"}},
            {.slot = {"binary_operator", "left"}},
            {.slot = {"tuple", ""}},
            {.slot = {"list", ""}},
            {.slot = {"stab_clause", "left"}},
            {.slot = {"map", "<map_content>"}},
            {.slot = {"map_content", ""}},
            {.slot = {"keywords", ""}},
            {.slot = {"pair", "key<keyword>"}},
            {.slot = {"pair", "value<identifier|tuple|map|list>"}},
        },
    .roles =
        {
            {.slot = {"call", "target"}, .role = Role::call},
            {.slot = {"struct", ""}, .role = Role::type},
        },
    .keeps = {{"dot", "right"}},
    .members = {{"dot", "right", "left"}, {"pair", "key", ""}},
    .calls = {{"call", "target"}},
    .docs = {{.node = "unary_operator", .starts = "@moduledoc", .of_enclosing = true},
             {.node = "unary_operator", .starts = "@doc"},
             {.node = "unary_operator", .starts = "@typedoc"}},
    .functions_without_name = {"anonymous_function"},
    .self_names = {"__MODULE__"},
    .assignment_defines = true,
    .import_nodes = {"call"},
    .imports = elixir_imports,
    .edit = {.string = {"string"},
             .boolean_literal = {"boolean"},
             .identifier = {"identifier"},
             .call = {"call"},
             .arguments = {"arguments"},
             .function = {"call"}},
};
}  // namespace rows

}  // namespace engramd::repoindex
