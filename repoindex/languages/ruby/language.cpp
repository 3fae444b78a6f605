#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_ruby();

namespace engramd::repoindex {

namespace {

// require "a/b", require_relative "b", load "c.rb", autoload :Name, "path"
void ruby_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  std::string_view method = node.child_by_field("method").text(text);
  bool relative = method == "require_relative";
  if (!relative && method != "require" && method != "load" && method != "autoload") return;
  if (node.child_by_field("receiver")) return;
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  for (SyntaxNode argument : node.child_by_field("arguments").named_children()) {
    if (argument.kind() == "simple_symbol") import.name = argument.text(text).substr(1);
    if (argument.kind() != "string" || argument.named_child(0).kind() != "string_content") continue;
    import.target = (relative ? "./" : "") + std::string(argument.named_child(0).text(text));
  }
  if (import.target.empty()) return;
  if (import.name.empty()) import.name = "*";
  out.push_back(std::move(import));
}

}  // namespace

namespace rows {
extern const Language ruby = {
    .name = "ruby",
    .other_names = {"rb"},
    .extensions = {"rb", "rake", "gemspec", "ru", "rbi", "podspec"},
    .file_names = {"Rakefile", "Gemfile", "Vagrantfile", "Podfile", "Brewfile", "Guardfile"},
    .interpreters = {"ruby", "rake", "jruby"},
    .grammar = tree_sitter_ruby,
    .identifiers = {"identifier", "constant", "instance_variable", "class_variable",
                    "global_variable"},
    .name_only = {"simple_symbol", "operator"},
    .name_marks = ":",
    .comments = {"comment"},
    .definitions =
        {
            {.node = "method", .kind = SymbolKind::method},
            {.node = "singleton_method", .kind = SymbolKind::method},
            {.node = "class", .kind = SymbolKind::class_},
            {.node = "module", .kind = SymbolKind::module},
            {.node = "alias", .kind = SymbolKind::method, .body_field = "", .opens_scope = false},
            {.node = "call",
             .kind = SymbolKind::method,
             .name_field = "arguments",
             .body_field = "block",
             .if_field = "method",
             .if_text = "define_method"},
        },
    .bindings =
        {
            {.slot = {"assignment", "left<identifier|global_variable|left_assignment_list>"},
             .value_field = "right"},
            {.slot = {"assignment", "left<constant>"},
             .kind = SymbolKind::constant,
             .value_field = "right"},
            {.slot = {"assignment", "left<instance_variable|class_variable>"},
             .kind = SymbolKind::field,
             .value_field = "right",
             .of_class = true},
            {.slot = {"operator_assignment", "left<instance_variable|class_variable>"},
             .kind = SymbolKind::field,
             .value_field = "right",
             .of_class = true},
            {.slot = {"operator_assignment", "left<identifier>"}, .value_field = "right"},
            {.slot = {"method_parameters", ""}},
            {.slot = {"block_parameters", ""}},
            {.slot = {"lambda_parameters", ""}},
            {.slot = {"exception_variable", ""}},
            {.slot = {"for", "pattern"}},
            // attr_reader :name and what Rails writes the same way
            {.slot = {"argument_list", "<simple_symbol>"},
             .kind = SymbolKind::property,
             .whole_up = 1,
             .when = {.up = 1, .child = "method", .text = "attr_reader|attr_writer|attr_accessor"}},
            {.slot = {"argument_list", "first:<simple_symbol>"},
             .kind = SymbolKind::property,
             .whole_up = 1,
             .when = {.up = 1,
                      .child = "method",
                      .text = "attr_reader|attr_writer|attr_accessor|has_many|has_one|belongs_to|"
                              "has_and_belongs_to_many|scope"}},
        },
    .through =
        {
            {.slot = {"setter", "name"}},
            {.slot = {"scope_resolution", "name"}},
            {.slot = {"argument_list", "first:<simple_symbol>"}},
            {.slot = {"left_assignment_list", ""}},
            {.slot = {"destructured_left_assignment", ""}},
            {.slot = {"rest_assignment", ""}},
            {.slot = {"optional_parameter", "name"}},
            {.slot = {"keyword_parameter", "name"}},
            {.slot = {"splat_parameter", "name"}},
            {.slot = {"hash_splat_parameter", "name"}},
            {.slot = {"block_parameter", "name"}},
            {.slot = {"destructured_parameter", ""}},
        },
    .roles =
        {
            {.slot = {"call", "method"}, .role = Role::call},
            {.slot = {"superclass", ""}, .role = Role::type},
            {.slot = {"exceptions", ""}, .role = Role::type},
            {.slot = {"assignment", "left"}, .role = Role::write},
            {.slot = {"operator_assignment", "left"}, .role = Role::write},
        },
    .keeps = {{"scope_resolution", "name"}},
    .members = {{"call", "method", "receiver"}, {"scope_resolution", "name", "scope"}},
    .calls = {{.node = "call",
               .function_field = "method",
               .constructor_name = "new",
               .receiver_field = "receiver"}},
    .bases = {{"class", "superclass"}, {"superclass", ""}, {"scope_resolution", "name"}},
    .keywords = {{"def", SymbolKind::method},
                 {"class", SymbolKind::class_},
                 {"module", SymbolKind::module}},
    .functions_without_name = {"block", "do_block", "lambda"},
    .self_names = {"self"},
    .constructor_names = {"initialize"},
    .assignment_defines = true,
    .import_nodes = {"call"},
    .imports = ruby_imports,
    .edit = {.string = {"string"},
             .boolean_literal = {"true", "false"},
             .identifier = {"identifier", "constant"},
             .call = {"call"},
             .arguments = {"argument_list"},
             .function = {"method", "singleton_method"}},
    .folds = {"else", "when", "rescue", "ensure"},
    .folded_bodies = {"then"},
};
}  // namespace rows

}  // namespace engramd::repoindex
