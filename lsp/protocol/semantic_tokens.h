// lsp/protocol/semantic_tokens.h - textDocument/semanticTokens: full, full/delta, range.
#pragma once

#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct SemanticTokensParams {
  std::string uri;
};
struct SemanticTokensDeltaParams {
  std::string uri, previous_result_id;
};
struct SemanticTokensRangeParams {
  std::string uri;
  Range range;
};
// Five numbers a token: lines and columns since the one before, length, type, modifiers.
using TokenData = std::vector<uint32_t>;
struct SemanticTokensResult {
  std::string result_id;  // empty: not said
  TokenData data;
};
struct SemanticTokensEdit {
  uint32_t start = 0, delete_count = 0;
  TokenData data;
};
struct SemanticTokensDeltaResult {
  bool is_delta = false;
  SemanticTokensResult full;  // its result_id holds for both
  std::vector<SemanticTokensEdit> edits;
};
// The legend's names, in its order.
struct SemanticTokensOptions {
  std::vector<std::string> types, modifiers;
  bool range = true, delta = true;
};

Status read(const nlohmann::json&, SemanticTokensParams&);
Status read(const nlohmann::json&, SemanticTokensDeltaParams&);
Status read(const nlohmann::json&, SemanticTokensRangeParams&);
std::string write(const SemanticTokensResult&);
std::string write(const SemanticTokensDeltaResult&);
std::string write(const SemanticTokensOptions&);

}  // namespace engramd::lsp
