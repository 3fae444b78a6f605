#include "daemon/handlers/token_legend.h"

#include <algorithm>

namespace engramd::daemon {
namespace {

using repoindex::TokenType;

// In the order of TokenType; what stands for it in a client that does not know it.
struct TypeName {
  const char* name;
  const char* instead[2];
};
constexpr TypeName kTypes[] = {
    {"namespace", {}},
    {"class", {"type"}},
    {"enum", {"type", "class"}},
    {"interface", {"class", "type"}},
    {"struct", {"class", "type"}},
    {"type", {"class"}},
    {"parameter", {"variable"}},
    {"variable", {}},
    {"property", {"variable"}},
    {"enumMember", {"property", "variable"}},
    {"function", {"method"}},
    {"method", {"function"}},
    {"macro", {"function"}},
};
static_assert(std::size(kTypes) == repoindex::kTokenTypes);
// In the order of the bits.
constexpr const char* kModifiers[] = {"declaration", "definition", "readonly",  "static",
                                      "abstract",    "async",      "deprecated"};
static_assert(std::size(kModifiers) == repoindex::kTokenModifiers);

}  // namespace

TokenLegend::TokenLegend(const lsp::ClientCapabilities& client) {
  const auto types = client.strings("textDocument.semanticTokens.tokenTypes");
  const auto modifiers = client.strings("textDocument.semanticTokens.tokenModifiers");
  const auto knows = [&](const char* name) {
    return std::find(types.begin(), types.end(), name) != types.end();
  };
  std::array<int, std::size(kTypes)> number{};
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    number[i] = knows(kTypes[i].name) ? static_cast<int>(options.types.size()) : -1;
    if (number[i] >= 0) options.types.emplace_back(kTypes[i].name);
  }
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    int found = number[i];
    for (const char* instead : kTypes[i].instead) {
      if (found >= 0 || instead == nullptr) break;
      for (size_t k = 0; k < std::size(kTypes); ++k)
        if (std::string_view(kTypes[k].name) == instead) found = number[k];
    }
    if (found >= 0) types_[i] = static_cast<uint32_t>(found);
  }
  for (size_t i = 0; i < std::size(kModifiers); ++i) {
    if (std::find(modifiers.begin(), modifiers.end(), kModifiers[i]) == modifiers.end()) continue;
    modifiers_[i] = 1u << options.modifiers.size();
    options.modifiers.emplace_back(kModifiers[i]);
  }
  options.range = client.has("textDocument.semanticTokens.requests.range");
  options.delta = client.flag("textDocument.semanticTokens.requests.full.delta");
}

uint32_t TokenLegend::modifiers(uint8_t bits) const {
  uint32_t out = 0;
  for (size_t i = 0; i < modifiers_.size(); ++i)
    if ((bits >> i & 1) != 0) out |= modifiers_[i];
  return out;
}

lsp::TokenData encode_tokens(const std::vector<repoindex::Token>& tokens, std::string_view text,
                             const LineIndex& lines, PositionEncoding encoding,
                             const TokenLegend& legend) {
  lsp::TokenData out;
  out.reserve(tokens.size() * 5);
  uint32_t last_line = 0, last_column = 0, line = 0;
  size_t line_start = 0, next_line = lines.line_start(1), ascii_to = 0;
  for (const repoindex::Token& token : tokens) {
    const auto type = legend.type(token.type);
    if (!type) continue;
    if (token.begin >= next_line && line + 1 < lines.line_count()) {
      line = lines.position(token.begin).line;
      line_start = lines.line_start(line);
      next_line = line + 1 < lines.line_count() ? lines.line_start(line + 1) : text.size() + 1;
      ascii_to = line_start;
    }
    auto column = static_cast<uint32_t>(token.begin - line_start);
    uint32_t length = token.end - token.begin;
    if (encoding != PositionEncoding::utf8) {
      while (ascii_to < token.end && static_cast<unsigned char>(text[ascii_to]) < 0x80) ++ascii_to;
      if (ascii_to < token.end) {
        const uint32_t end_column = lines.column_in(encoding, {line, column + length}, text);
        column = lines.column_in(encoding, {line, column}, text);
        length = end_column - column;
      }
    }
    out.push_back(line - last_line);
    out.push_back(line == last_line ? column - last_column : column);
    out.push_back(length);
    out.push_back(*type);
    out.push_back(legend.modifiers(token.modifiers));
    last_line = line;
    last_column = column;
  }
  return out;
}

std::vector<lsp::SemanticTokensEdit> token_edits(const lsp::TokenData& before,
                                                 const lsp::TokenData& after) {
  constexpr size_t kToken = 5;
  const size_t shorter = std::min(before.size(), after.size());
  size_t head = static_cast<size_t>(
      std::mismatch(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(shorter),
                    after.begin())
          .first -
      before.begin());
  head -= head % kToken;
  size_t tail = 0;
  while (tail < shorter - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
    ++tail;
  tail -= tail % kToken;
  if (head + tail == before.size() && before.size() == after.size()) return {};
  lsp::SemanticTokensEdit edit;
  edit.start = static_cast<uint32_t>(head);
  edit.delete_count = static_cast<uint32_t>(before.size() - head - tail);
  edit.data.assign(after.begin() + static_cast<std::ptrdiff_t>(head),
                   after.end() - static_cast<std::ptrdiff_t>(tail));
  return {std::move(edit)};
}

}  // namespace engramd::daemon
