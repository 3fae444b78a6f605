// lsp/protocol/code_lens.h - textDocument/codeLens and codeLens/resolve.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct CodeLensParams {
  std::string uri;
};
// Without a command it is one that the editor resolves; its key says what it is about.
struct CodeLens {
  Range range;
  std::optional<Command> command;
  std::string uri, name, container;
  uint32_t kind = 0, nth = 0;
};
struct CodeLensResult {
  std::vector<CodeLens> lenses;
};

Status read(const nlohmann::json&, CodeLensParams&);
Status read(const nlohmann::json&, CodeLens&);
std::string write(const CodeLensResult&);
std::string write(const CodeLens&);

}  // namespace engramd::lsp
