// repoindex/query/rename_text.h - places where a name cannot simply be replaced, told by the text
// around it. Inside query/ only. Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace engramd::repoindex {

// JavaScript's { name } in an object or a pattern is a property and a variable at once.
bool is_shorthand_property(std::string_view text, ByteRange name);
// Python's __all__ = ["name"]: the places between the quotes.
std::vector<ByteRange> names_in_all(std::string_view text, std::string_view name);
// What stands at an offset as a word; empty between words.
std::string_view word_at(std::string_view text, size_t offset);

}  // namespace engramd::repoindex
