// lsp/protocol/folding.h - textDocument/foldingRange.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct FoldingRangeParams {
  std::string uri;
};
struct FoldingRange {
  uint32_t start_line = 0, end_line = 0;
  std::optional<uint32_t> start_character, end_character;
  std::string kind, collapsed_text;  // empty: not said
};
struct FoldingRangeResult {
  std::vector<FoldingRange> ranges;
};

Status read(const nlohmann::json&, FoldingRangeParams&);
std::string write(const FoldingRangeResult&);

}  // namespace engramd::lsp
