// repoindex/parse/macro_body.h - the names in a `#define`, whose body the grammars of C and C++
// give as one piece of text. Inside parse/ only. Any thread.
//
// By the tokens alone, since what a body means is known only where it is expanded: a name before
// "(" is called, a name behind "." or "->" has what stands before it as its receiver (written as in
// Occurrence::receiver), a name before "=" is written. Bounded: the rest of a longer body is left.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "repoindex/facts.h"

namespace engramd::repoindex {

struct MacroName {
  ByteRange range;
  Role role = Role::reference;
  bool has_receiver = false;
  std::string receiver;
};

struct MacroBody {
  std::vector<ByteRange> parameters;
  std::vector<MacroName> names;
  std::vector<ByteRange> namespaces;  // `namespace x {`: opened wherever the macro is expanded
  bool is_one_name = false;           // takes nothing and is nothing but this name: an alias
};

// `name_end` is behind the macro's name, `end` behind its definition; both are offsets in the text.
MacroBody read_macro_body(std::string_view text, size_t name_end, size_t end);

}  // namespace engramd::repoindex
