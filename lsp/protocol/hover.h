// lsp/protocol/hover.h - textDocument/hover.
#pragma once

#include <optional>
#include <string>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct Hover {
  Markup contents;
  std::optional<Range> range;
};
struct HoverResult {
  std::optional<Hover> hover;
};

std::string write(const HoverResult&);

}  // namespace engramd::lsp
