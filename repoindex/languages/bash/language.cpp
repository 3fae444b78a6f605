#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_bash();

namespace engramd::repoindex {

namespace {

// . ./lib.sh / source "lib.sh"
void bash_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  std::string_view name = node.child_by_field("name").text(text);
  if (name != "." && name != "source") return;
  SyntaxNode argument = node.child_by_field("argument");
  std::string_view target = argument.text(text);
  if (target.size() >= 2 && (target[0] == '"' || target[0] == '\'')) {
    target = target.substr(1, target.size() - 2);
  }
  // "$here/lib.sh": the variable is usually the script's own folder.
  if (!target.empty() && target[0] == '$') {
    size_t slash = target.find('/');
    if (slash == std::string_view::npos) return;
    target = target.substr(slash + 1);
  }
  if (target.empty()) return;
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  import.target = std::string(target);
  import.name = "*";
  out.push_back(std::move(import));
}

}  // namespace

namespace rows {
extern const Language bash = {
    .name = "bash",
    .other_names = {"shellscript", "shell", "sh", "zsh"},
    .extensions = {"sh", "bash", "zsh", "ksh", "bats"},
    .file_names = {".bashrc", ".profile", ".bash_profile", "PKGBUILD", "APKBUILD"},
    .interpreters = {"sh", "bash", "dash", "zsh", "ksh"},
    .grammar = tree_sitter_bash,
    .identifiers = {"variable_name"},
    .name_only = {"word"},
    .comments = {"comment"},
    .definitions = {{.node = "function_definition", .kind = SymbolKind::function}},
    .bindings = {{.slot = {"variable_assignment", "name"}},
                 {.slot = {"declaration_command", ""}},
                 {.slot = {"for_statement", "variable"}}},
    .roles = {{.slot = {"command", "name"}, .role = Role::call},
              {.slot = {"command_name", ""}, .role = Role::call},
              {.slot = {"variable_assignment", "name"}, .role = Role::write}},
    .keeps = {{"command_name", ""}},
    .assignment_defines = true,
    .import_nodes = {"command"},
    .imports = bash_imports,
    .edit = {.binary = {"binary_expression"},
             .comparison = {"binary_expression"},
             .boolean = {"list"},
             .unary = {"unary_expression"},
             .comparison_tokens = {"==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge"},
             .boolean_tokens = {"&&", "||"},
             .integer = {"number"},
             .string = {"string", "raw_string"},
             .identifier = {"variable_name"},
             .call = {"command"},
             .conditional = {"if_statement", "while_statement"},
             .loop = {"for_statement", "while_statement", "c_style_for_statement"},
             .assignment = {"variable_assignment"},
             .statement = {"command", "if_statement", "for_statement", "while_statement",
                           "variable_assignment", "pipeline", "list"},
             .block = {"compound_statement", "do_group", "program"},
             .function = {"function_definition"}},
};

}  // namespace rows
}  // namespace engramd::repoindex
