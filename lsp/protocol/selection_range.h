// lsp/protocol/selection_range.h - textDocument/selectionRange.
#pragma once

#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct SelectionRangeParams {
  std::string uri;
  std::vector<Position> positions;
};
struct SelectionRangeResult {
  // Of each position its ranges, each inside the next; never empty.
  std::vector<std::vector<Range>> steps;
};

Status read(const nlohmann::json&, SelectionRangeParams&);
std::string write(const SelectionRangeResult&);

}  // namespace engramd::lsp
