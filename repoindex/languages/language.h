// repoindex/languages/language.h - what a grammar's node kinds mean, as data: one row per language.
//
// A new language is one folder here, called like the language: language.cpp defines rows::<folder>,
// grammar.pin says which grammar is fetched and compiled. The build finds both. Its corpus is one
// file in tests/fixtures/languages/. Nobody else names a node kind. Rows are constants: any thread,
// after main() has begun.
//
// How the extractor (parse/extract.cpp) reads a row. It walks the tree once and looks at each node
// together with the *slot* it sits in: "the child in field F of a node of kind K" (field "" means a
// child without a field, or any child when the slot says so). Everything is said in slots:
//   definitions   nodes that are a definition; its name is the identifier that is reached from
//                 the name slot by going only through `through` slots
//   bindings      slots whose identifiers (again through `through` slots) define a name
//   roles         slots that give the identifier in them a role: the function of a call, a type
//   keeps         slots that hand their parent's role on to the name that matters: x in `a.x()`
//   members       nodes like `a.x`: which field is the name, which the receiver
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "repoindex/facts.h"
#include "repoindex/parse/syntax.h"

struct TSLanguage;

namespace engramd::repoindex {

// Any child, whatever its field.
inline constexpr const char* kAnyField = "*";

struct Slot {
  const char* parent = "";
  const char* field = "";  // "" = children without a field; kAnyField = all children
};

struct DefinitionRule {
  const char* node = "";
  SymbolKind kind = SymbolKind::function;
  const char* name_field = "name";
  const char* body_field = "body";  // the signature ends where it begins
  const char* type_field = "";      // written return type
  // The rule holds only when the child in if_field is there and, unless "", of kind if_kind.
  const char* if_field = "";
  const char* if_kind = "";
  const char* qualifier_field = "";  // Go's receiver: the class this belongs to is named there
  bool opens_scope = true;
  // A macro the grammar takes for a type pushes what is really defined into an ERROR node before
  // the name slot: `API void f() NOEXCEPT {` names NOEXCEPT, `class API Foo : public Bar<T> {`
  // names Bar. The node of this kind in that ERROR is then the name's place.
  const char* misplaced_name = "";
};

struct BindingRule {
  Slot slot;
  SymbolKind kind = SymbolKind::variable;
  const char* type_field = "";       // of the slot's parent: the written type
  const char* value_field = "";      // of the slot's parent: x = Foo() says what x is
  bool whole_is_child = false;       // the definition is what sits in the slot, not its parent
  bool constant_when_upper = false;  // MAX_SIZE is a constant, max_size a variable
};

// kind: what a binding becomes on the way through (C's function_declarator makes it a function).
struct ThroughRule {
  Slot slot;
  bool changes_kind = false;
  SymbolKind kind = SymbolKind::variable;
};

struct RoleRule {
  Slot slot;
  Role role = Role::call;
};

struct MemberRule {
  const char* node = "";
  const char* name_field = "";
  const char* receiver_field = "";
};

// impl blocks: what is defined directly inside belongs to the type named in type_field.
struct ContainerRule {
  const char* node = "";
  const char* type_field = "";
};

// Calls and object constructions, for "x = Foo()": where the name of what is called is.
struct CallRule {
  const char* node = "";
  const char* function_field = "";
  bool constructs = false;  // `new Foo()`, Foo{}: certainly a Foo
};

enum class DocStyle : uint8_t { comment_before, docstring, none };

// Node kinds for program editing (the agent's mutations). Where one kind of node covers arithmetic,
// comparison and boolean operators, the operator's text decides: see the token lists.
struct EditKinds {
  std::vector<std::string_view> binary;      // a + b; operand fields "left" and "right"
  std::vector<std::string_view> comparison;  // a < b
  std::vector<std::string_view> boolean;     // a and b
  std::vector<std::string_view> unary;       // -a, not a
  std::vector<std::string_view> arithmetic_tokens, comparison_tokens, boolean_tokens;
  std::vector<std::string_view> integer, floating, string, boolean_literal;
  std::vector<std::string_view> identifier;   // plain names and member names
  std::vector<std::string_view> call;         // with a child that is one of `arguments`
  std::vector<std::string_view> arguments;    // argument lists
  std::vector<std::string_view> conditional;  // if, while, ternary: field "condition"
  std::vector<std::string_view> loop;         // for, while, do
  std::vector<std::string_view> return_;
  std::vector<std::string_view> assignment, augmented_assignment;
  std::vector<std::string_view> subscript, slice;
  std::vector<std::string_view> statement;  // what can be removed, copied or swapped whole
  std::vector<std::string_view> block;      // what holds statements
  std::vector<std::string_view> function;   // function and method definitions
};
bool contains_kind(const std::vector<std::string_view>& kinds, std::string_view kind);

struct Language {
  std::string name;                            // "python": also LSP's languageId where it has one
  std::vector<std::string_view> other_names;   // other spellings editors use: "shellscript"
  std::vector<std::string_view> extensions;    // without the dot
  std::vector<std::string_view> file_names;    // whole names: "Makefile"
  std::vector<std::string_view> interpreters;  // in a #! line
  const TSLanguage* (*grammar)() = nullptr;

  std::vector<std::string_view> identifiers;       // leaves that are names
  std::vector<std::string_view> type_identifiers;  // leaves that are names of types
  std::vector<std::string_view> name_only;         // whole text is a name, in a name slot only
  std::vector<std::string_view> comments;
  std::vector<std::string_view> transparent_before_doc;  // may stand between a comment and its code
  std::vector<std::string_view> wrappers;  // decorators, export, template<>: part of the definition

  std::vector<DefinitionRule> definitions;  // the first that holds wins
  std::vector<BindingRule> bindings;
  std::vector<ThroughRule> through;
  std::vector<RoleRule> roles;
  std::vector<Slot> keeps;
  std::vector<MemberRule> members;
  std::vector<ContainerRule> containers;
  std::vector<CallRule> calls;
  std::vector<Slot> bases;  // names in them are the definition's base classes
  std::vector<std::string_view> functions_without_name;  // lambdas: bindings inside are local

  DocStyle doc = DocStyle::comment_before;
  std::vector<std::string_view> self_names;         // receiver that means the enclosing class
  std::vector<std::string_view> constructor_names;  // besides the class's own name
  bool constructor_has_class_name = false;          // C++, Java
  // A write to self.x inside a method makes x a field of the class.
  bool self_writes_define_fields = false;
  // `x = 1` defines x where it has not been seen in this scope yet (Python, Bash).
  bool assignment_defines = false;
  bool scoped_call_constructs = false;  // Rust: Foo::new() is taken to give a Foo
  // A directory is a name space: files see each other's top level without an import (Go, Java).
  bool folder_is_package = false;
  bool dollar_in_names = false;  // JavaScript, Java: $ is a letter (for the scan without a parse)

  std::vector<std::string_view> import_nodes;
  void (*imports)(SyntaxNode node, std::string_view text, std::vector<Import>& out) = nullptr;

  EditKinds edit;
};

// All rows, in the order of their names.
std::span<const Language* const> languages();
// By name or other name; null when there is none.
const Language* find_language(std::string_view name);
// By extension or file name, else by the first line's #!; null when none.
const Language* language_for_path(std::string_view path, std::string_view text = {});

}  // namespace engramd::repoindex
