// agent/edit/text_edit.h - changing a text by range or by search and replace.
//
// Pure functions: any thread. Nothing here reads or writes files.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"

namespace engramd::agent {

struct TextEdit {
  ByteRange range;
  std::string replacement;
};

std::string apply_edit(std::string_view text, const TextEdit& edit);

// Where `search` is in the text: exactly once, or, when it is nowhere, once if indentation and
// spaces at line ends are not counted. Otherwise an error (invalid_input when it is there several
// times, not_found when it is nowhere) that quotes the nearest real lines with their numbers.
Result<ByteRange> find_block(std::string_view text, std::string_view search);

// find_block, then replace. When only the indentation differed, the replacement is indented by the
// same amount as the text that it replaces.
Result<std::string> search_and_replace(std::string_view text, std::string_view search,
                                       std::string_view replacement);

// Refuses an edit that turns a text which parses into one that does not.
Status check_still_parses(const std::string& path, std::string_view before, std::string_view after);

}  // namespace engramd::agent
