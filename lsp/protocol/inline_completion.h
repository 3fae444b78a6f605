// lsp/protocol/inline_completion.h - textDocument/inlineCompletion.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

enum class InlineTrigger { invoked = 1, automatic = 2 };
struct InlineCompletionParams {
  std::string uri;
  Position position;
  InlineTrigger trigger = InlineTrigger::automatic;
  std::optional<Range> selected_range;  // of the item selected in the completion menu
  std::string selected_text;
};
struct InlineCompletionItem {
  std::string insert_text;
  std::optional<Range> range;
};
struct InlineCompletionResult {
  std::vector<InlineCompletionItem> items;
};

Status read(const nlohmann::json&, InlineCompletionParams&);
std::string write(const InlineCompletionResult&);

}  // namespace engramd::lsp
