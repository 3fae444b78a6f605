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
//
// Wherever a rule names a field it may say more, because many grammars have no fields:
//   "name"                the child in the field name; "" a child without a field; "*" any child
//   "<identifier>"        a child of that kind, whatever its field; "<a|b>" of either kind
//   "<'interface'>"       a child that is that token (where a child is looked up, not in a slot)
//   "left<constant>"      a child in that field and of that kind
//   "first:" "later:"     in front: only the first named child, or only those after it
// and a rule that looks a child up (not a slot) may go down several steps: "<body>/value".
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

// Holds when the child that `child` leads to (the node itself when it is ""), from the node `up`
// levels above the one the rule is about, is there and has one of the texts and one of the kinds
// ("a|b"; "" = any; "!a|b" = others; "on*" = what starts with on).
struct Condition {
  int up = 0;
  const char* child = "";
  const char* text = "";
  const char* kind = "";
};

struct DefinitionRule {
  const char* node = "";
  SymbolKind kind = SymbolKind::function;
  const char* name_field = "name";
  const char* body_field = "body";  // the signature ends where it begins
  const char* type_field = "";      // written return type
  // The rule holds only when the child in if_field is there and, unless "", is of kind if_kind and
  // has the text if_text: lists as in Condition.
  const char* if_field = "";
  const char* if_kind = "";
  const char* if_text = "";
  const char* qualifier_field = "";  // Go's receiver: the class this belongs to is named there
  bool opens_scope = true;
  // When no node is the name (Swift's init, Kotlin's companion object): what it is then called;
  // "*" = the token that is found where the name should be (operator +).
  const char* fixed_name = "";
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
  bool of_class = false;  // Ruby's @x: belongs to the class around it, wherever it is written
  bool lower_case_only = false;  // Scala, Rust: a pattern's None is no variable
  bool in_name = false;          // holds only in the name of a definition: Elixir's `def f(x)`
  bool of_file = false;  // Lua's `x = 1`: a global, unless a scope around it has an x already
  bool inside_only = false;  // seen inside the whole definition only: Python's comprehensions
  int whole_up = 0;      // the definition is the node so many levels above the slot's parent
  Condition when;        // about the slot's parent; of several narrow slots the first that holds
};

// A keyword that, in text that does not parse, says that the name behind it is being defined.
struct KeywordRule {
  const char* token = "";
  SymbolKind kind = SymbolKind::function;
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

// A leaf that holds several names with blanks in between: class="a b" in HTML.
struct WordsRule {
  const char* node = "";
  Role role = Role::reference;
  Condition when;  // about the leaf
};

// Documentation that is written as code: Elixir's @doc "…". Its text starts with `starts`.
struct DocRule {
  const char* node = "";
  const char* starts = "";
  bool of_enclosing = false;  // documents the definition it stands in, not the one that follows
};

// Text of another language inside `node`: in the child that `content` leads to, without the
// content's own children of kind `skip` (the "> " of a quotation in Markdown).
struct EmbedRule {
  const char* node = "";
  const char* content = "";
  const char* skip = "";
  // Name of the language, as find_language() takes it; empty: leave it alone.
  std::string (*language)(SyntaxNode node, std::string_view text) = nullptr;
  // An example, no part of the program: what it defines is local.
  bool example = false;
};

struct MemberRule {
  const char* node = "";
  const char* name_field = "";
  const char* receiver_field = "";
  bool receiver_above = false;  // receiver_field is one of the node's parent
};

// What a receiver hangs on when it is no plain name: `a` of a[i].x (the receiver is then called
// "a[]"), or the type of ((T *)p)->x.
struct ReceiverRule {
  const char* node = "";
  const char* field = "";
  bool is_element = false;
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
  // Foo.new: a call of this name on a type gives one of it.
  const char* constructor_name = "";
  const char* receiver_field = "";
};

// xml_comment_before: C#'s /// <summary>…</summary>, whose tags go.
enum class DocStyle : uint8_t { comment_before, docstring, none, xml_comment_before };

// Elements with a name at both ends: <a>…</a>. The name is the tag's first named child.
struct TagRule {
  const char* element = "";
  const char* open = "";
  const char* close = "";
};

// How far errors of the grammar are errors of the text. brackets: macros may stand for anything, so
// only brackets, quotes and plain statements tell; none: dialects, or a grammar that lacks much.
enum class ErrorTrust : uint8_t { exact, brackets, none };

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
  const char* name_separator = "::";               // in the name of a definition with several parts
  const char* name_marks = "";  // go from both ends of a name_only text, quotes go anyway: ":"
  std::vector<std::string_view> dotted_names;  // leaves "a.b.C": C is the name
  std::vector<std::string_view> no_names;      // texts that look like names: true, null, _
  std::vector<std::string_view> comments;
  const char* file_doc = "";  // a comment that starts so documents the file: "//!"
  std::vector<std::string_view> transparent_before_doc;  // may stand between a comment and its code
  std::vector<std::string_view> wrappers;  // decorators, export, template<>: part of the definition

  std::vector<DefinitionRule> definitions;  // the first that holds wins
  std::vector<BindingRule> bindings;
  std::vector<ThroughRule> through;
  std::vector<RoleRule> roles;
  std::vector<Slot> keeps;
  std::vector<Slot> ignored;  // names in them mean nothing: Swift's argument labels
  std::vector<MemberRule> members;
  std::vector<ReceiverRule> receivers;
  std::vector<ContainerRule> containers;
  std::vector<CallRule> calls;
  std::vector<Slot> bases;  // names in them are the definition's base classes
  std::vector<WordsRule> words;
  std::vector<DocRule> docs;
  std::vector<EmbedRule> embedded;
  std::vector<KeywordRule> keywords;
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
  // Data, not code (JSON): no symbol is nested deeper than max_depth levels (0: any), and at most
  // max_symbols are kept at the top, half as many at each level below (0: the walk's own limit).
  uint32_t max_depth = 0, max_symbols = 0;
  // A directory is a name space: files see each other's top level without an import (Go, Java).
  bool folder_is_package = false;
  bool dollar_in_names = false;  // JavaScript, Java: $ is a letter (for the scan without a parse)

  std::vector<std::string_view> import_nodes;
  void (*imports)(SyntaxNode node, std::string_view text, std::vector<Import>& out) = nullptr;
  int imports_look_up = 0;  // levels above node that imports() reads as well

  EditKinds edit;
  // What folds besides brackets, comments and imports: whole nodes, from the end of their first
  // line, and nodes that are the body of what stands before them.
  std::vector<std::string_view> folds, folded_bodies;
  std::vector<TagRule> tags;
  ErrorTrust errors = ErrorTrust::exact;  // what a person is told of, see parse/errors.h
};

// All rows, in the order of their names.
std::span<const Language* const> languages();
// By name or other name; null when there is none.
const Language* find_language(std::string_view name);
// By extension or file name, else by the first line's #!; null when none.
const Language* language_for_path(std::string_view path, std::string_view text = {});

}  // namespace engramd::repoindex
