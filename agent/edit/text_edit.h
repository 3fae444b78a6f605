// agent/edit/text_edit.h - changing a text by range or by search and replace.
//
// What models write is near what a file holds, seldom equal to it: so a block is looked for byte
// for byte, then without blanks at line ends, then without indentation, then without caring which
// quotes and dashes were typed; at each strictness it must be there exactly once. The file keeps
// its own line ends, tabs and indentation. Pure functions: any thread. Nothing here reads or
// writes files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"

namespace engramd::agent {

struct TextEdit {
  ByteRange range;
  std::string replacement;
};

std::string apply_edit(std::string_view text, const TextEdit& edit);

// Where `search` is in the text. Otherwise an error (invalid_input when it is there several times,
// not_found when it is nowhere) that quotes the nearest real lines with their numbers.
Result<ByteRange> find_block(std::string_view text, std::string_view search);

// find_block, then replace. When only the indentation differed, the replacement is indented as the
// text that it replaces.
Result<std::string> search_and_replace(std::string_view text, std::string_view search,
                                       std::string_view replacement);

struct SearchReplace {
  std::string search, replace;
};
// All of them, each looked for in the text as it is; none when one fails ("block 2: ...") or two
// overlap.
Result<std::string> replace_blocks(std::string_view text, const std::vector<SearchReplace>& blocks);
// Every occurrence, byte for byte. Error not_found when there is none.
Result<std::string> replace_every(std::string_view text, std::string_view search,
                                  std::string_view replacement, size_t* n_replaced);

// Blocks as models write them in one text, any number:
//   <<<<<<< SEARCH / old lines / ======= / new lines / >>>>>>> REPLACE
Result<std::vector<SearchReplace>> read_search_blocks(std::string_view text);

}  // namespace engramd::agent
