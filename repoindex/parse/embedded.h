// repoindex/parse/embedded.h - facts of text in another language: a script in HTML, fenced code in
// Markdown. Inside parse/ only.
//
// Such a text is parsed in place, out of the ranges of the file that it occupies, so its offsets
// are the file's. What it defines hangs below the definition around it.
#pragma once

#include <tree_sitter/api.h>

#include <string_view>
#include <vector>

#include "repoindex/parse/extract.h"

namespace engramd::repoindex {

struct EmbeddedText {
  const Language* language = nullptr;
  std::vector<TSRange> ranges;  // ascending, not empty
  uint32_t scope = kNone;       // symbol of the outer file around it
  bool example = false;         // what it defines is local
};

// Adds to the facts what is in the texts. All of them share limits.parse_ms and limits.max_symbols;
// what is left out for that sets facts.truncated. Texts in texts are followed three levels deep.
void add_embedded(FileFacts& facts, const std::vector<EmbeddedText>& texts, std::string_view text,
                  const ExtractLimits& limits, const CancelToken& cancel, int depth);

}  // namespace engramd::repoindex
