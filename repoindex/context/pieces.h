// repoindex/context/pieces.h - texts a window is put together from. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repoindex/context.h"

namespace engramd::repoindex {

// A file's text with its secret lines known.
struct SourceText {
  std::string text;
  std::vector<ByteRange> secrets;  // of lines, in order

  // The bytes of the range without what is secret; clipped to the text.
  std::string slice(ByteRange range) const;
};
// Nothing for a file that cannot be read or is a secret by its name.
std::optional<SourceText> read_source(const View& view, const std::string& path);

// One line a definition that is not a local, indented as it is nested; those that lie in a `shown`
// range are left out. Deeper levels are left out when they do not fit; an empty text when less
// than half of the top level fits.
std::string outline(const FileFacts& facts, const SourceText& source,
                    const std::vector<ByteRange>& shown, const TokenCounter& count,
                    size_t max_tokens);
// The definition whole when it takes at most max_body tokens, else its signature, the beginning of
// its documentation and, for a class, its members' signatures; cut to max_tokens. whole is set to
// which it was.
std::string definition_text(const FileFacts& facts, const SourceText& source, const Symbol& symbol,
                            const TokenCounter& count, size_t max_body, size_t max_tokens,
                            bool& whole);

// As many whole lines of the end (or the beginning) of text as fit. At least part of a line when
// not even one fits. line_step: the cut falls on a line whose number is a multiple of it when
// that costs less than half.
std::string last_lines(std::string_view text, const TokenCounter& count, size_t max_tokens,
                       size_t line_step);
std::string first_lines(std::string_view text, const TokenCounter& count, size_t max_tokens);

}  // namespace engramd::repoindex
