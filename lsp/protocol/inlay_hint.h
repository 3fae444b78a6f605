// lsp/protocol/inlay_hint.h - textDocument/inlayHint and inlayHint/resolve.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct InlayHintParams {
  std::string uri;
  Range range;
};
struct InlayHintData {
  std::string uri, path;
  int64_t symbol = -1;
};
struct InlayHint {
  Position position;
  std::string label;
  InlayHintData data;
};
struct InlayHintResult {
  std::vector<InlayHint> hints;
  bool with_data = false;  // the client resolves
};
struct ResolveInlayHintParams {
  std::string hint;  // as JSON text
  InlayHintData data;
};
// The hint as it came, with its tooltip.
struct ResolveInlayHintResult {
  std::string hint = "{}";
  std::optional<Markup> tooltip;
};

Status read(const nlohmann::json&, InlayHintParams&);
Status read(const nlohmann::json&, ResolveInlayHintParams&);
std::string write(const InlayHintResult&);
std::string write(const ResolveInlayHintResult&);

}  // namespace engramd::lsp
