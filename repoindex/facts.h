// repoindex/facts.h - what is known of one file's bytes, whoever the file belongs to.
//
// FileFacts depend on the bytes, the grammar and the extractor only (never on the path or the
// rest of the repository), so they are cached by blob id and shared by branches and worktrees.
// Plain data, immutable once published: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "repoindex/line_map.h"

namespace engramd::repoindex {

enum class SymbolKind : uint8_t {
  file,
  module,
  namespace_,
  class_,
  struct_,
  enum_,
  interface_,
  function,
  method,
  constructor,
  field,
  property,
  variable,
  constant,
  enum_member,
  type_alias,
  macro,
  key,
  heading,
};
std::string_view to_string(SymbolKind kind);

enum class Role : uint8_t { definition, reference, call, import, type, write };
std::string_view to_string(Role role);

constexpr uint32_t kNone = 0xFFFFFFFFu;

// A definition. Offsets are bytes in the file.
struct Symbol {
  std::string name;
  SymbolKind kind = SymbolKind::variable;
  uint32_t name_begin = 0, name_end = 0;
  uint32_t begin = 0, end = 0;  // the whole definition
  uint32_t parent = kNone;      // index into FileFacts::symbols of the enclosing definition
  bool local = false;           // inside a function body or a parameter list, lambdas too
  std::string signature;        // one line, without the body
  std::string doc;              // doc comment or docstring, plain text, capped
  // What the class around it is called when that is written, not nested: C++'s `Foo::bar`, Go's
  // receiver, Rust's impl type.
  std::string qualifier;
  // The written type of a variable or the written result of a function, last part only ("Foo" of
  // `const ns::Foo&`); "make()" when the value is a call and nothing more is known.
  std::string type_name;
  std::vector<std::string> bases;  // base classes and interfaces as written, last part only
  bool is_declaration = false;     // a prototype: the body is elsewhere
  // Seen from begin to end only, not in the whole of its parent: the variable of a comprehension.
  bool inside_only = false;
};

// Every identifier that a name lookup may mean; sorted by begin.
struct Occurrence {
  uint32_t name = 0;  // index into FileFacts::names
  uint32_t begin = 0, end = 0;
  Role role = Role::reference;
  uint32_t scope = kNone;  // symbol whose body encloses it
  // Name index of `x` in `x.name`, `x->name`, `x::name`, if written. The name is "f()" when the
  // receiver is a call of f, and empty when it is something we do not follow.
  uint32_t receiver = kNone;
};

struct Import {
  std::string target;  // as written: "pkg.core", "./util", "stdio.h", "crate::a"
  std::string name;    // imported name; empty: the whole module; "*": everything
  std::string alias;   // name in this file when it differs
  uint32_t begin = 0, end = 0;
  uint32_t level = 0;  // leading dots of a Python relative import
};

// Where the text is not what the grammar allows: few and short, see parse/errors.h.
struct SyntaxError {
  uint32_t begin = 0, end = 0;  // never empty, within one line
  std::string message;          // "missing ')'"
};

struct FileFacts {
  std::string language;  // row of the language table; empty: indexed as text only
  std::vector<std::string> names;
  std::vector<Symbol> symbols;
  std::vector<Occurrence> occurrences;
  std::vector<Import> imports;
  std::vector<SyntaxError> errors;  // by begin; empty also where the grammar is not to be trusted
  uint32_t n_bytes = 0;
  uint32_t n_lines = 0;
  bool has_errors = false;        // the tree held ERROR or MISSING nodes
  bool truncated = false;         // a size, time or node budget cut the walk short
  bool marked_generated = false;  // the first lines say that a program writes it
  bool is_ascii = false;          // every byte: columns are the same in all encodings
  LineMap lines;                  // of the names and definitions above; unknown without a grammar

  // Read for the uses of one name: all symbols without signatures and docs, all imports, and of
  // names and occurrences those around the uses and some definitions. lines are of those.
  bool partial = false;
  // Of the occurrences above, before which (and behind the last) others are left out; rising.
  std::vector<uint32_t> gaps;
};
using FileFactsPtr = std::shared_ptr<const FileFacts>;

bool is_ascii(std::string_view text);

}  // namespace engramd::repoindex
