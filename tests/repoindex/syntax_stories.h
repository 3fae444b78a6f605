// tests/repoindex/syntax_stories.h - one open document, for stories about syntax.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "repoindex/index.h"
#include "repoindex/syntax/syntax_file.h"

namespace engramd::repoindex::test {

// The view that holds nothing but this open document, and the document with its tree.
struct Opened {
  View view;
  SyntaxFile file;
};
Opened opened(const std::string& path, std::string_view text);
// Without the mark <|>, whose place is offset.
std::string without_cursor(std::string_view text, size_t* offset);
std::string text_of(const SyntaxFile& file, const ByteRange& range);

}  // namespace engramd::repoindex::test
