// repoindex/syntax/linked_tags.h - the name of an element at both of its ends: <a>…</a>.
//
// For HTML and JSX, as the language row says. Both names must be the same now: an editor then keeps
// them so while one is typed. Any thread.
#pragma once

#include <optional>

#include "repoindex/syntax/syntax_file.h"

namespace engramd::repoindex {

struct LinkedTags {
  ByteRange open, close;
};

// When the offset is in one of the names or at its end.
std::optional<LinkedTags> linked_tags(const SyntaxFile& file, size_t offset);

}  // namespace engramd::repoindex
