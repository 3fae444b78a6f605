// repoindex/syntax/declared.h - what the words before a name say of how it is declared.
//
// By the text between the start of the definition and its name, and by the brackets behind the name
// of a function: facts do not keep it. Looks at a few hundred bytes. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "repoindex/facts.h"

namespace engramd::repoindex {

struct Declared {
  uint8_t modifiers = 0;  // bits of TokenModifier
  bool is_parameter = false;
  bool is_property = false;  // a method that is read like a field
};

Declared how_declared(const FileFacts& facts, uint32_t symbol, std::string_view text);

}  // namespace engramd::repoindex
