// daemon/handlers/token_legend.h - semantic tokens in the words that one client knows.
//
// The legend holds our types and modifiers as far as the client names them; a type that it does not
// know becomes the nearest one that it does, or goes. A value, any thread.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "lsp/protocol/capabilities.h"
#include "lsp/protocol/semantic_tokens.h"
#include "repoindex/syntax/tokens.h"

namespace engramd::daemon {

class TokenLegend {
 public:
  explicit TokenLegend(const lsp::ClientCapabilities& client);

  lsp::SemanticTokensOptions options;
  // Numbers of the legend.
  std::optional<uint32_t> type(repoindex::TokenType type) const { return types_[size_t(type)]; }
  uint32_t modifiers(uint8_t bits) const;

 private:
  std::array<std::optional<uint32_t>, repoindex::kTokenTypes> types_;
  std::array<uint32_t, repoindex::kTokenModifiers> modifiers_{};  // bit, or 0
};

// Positions relative to each other, in the units of the encoding.
lsp::TokenData encode_tokens(const std::vector<repoindex::Token>& tokens, std::string_view text,
                             const LineIndex& lines, PositionEncoding encoding,
                             const TokenLegend& legend);

// What turns one into the other: what they have in common at both ends stays. Whole tokens.
std::vector<lsp::SemanticTokensEdit> token_edits(const lsp::TokenData& before,
                                                 const lsp::TokenData& after);

}  // namespace engramd::daemon
