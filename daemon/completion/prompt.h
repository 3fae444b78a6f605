// daemon/completion/prompt.h - what the model is given: where the cursor is healed, and the
// fill-in-the-middle order its architecture was trained on.
//
// Pure functions over texts and a tokenizer: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/api/model.h"
#include "repoindex/context.h"

namespace engramd::daemon {

// The order of the parts around the fill-in-the-middle markers. `none`: left to right.
enum class PromptOrder { none, prefix_suffix_middle, suffix_prefix_middle };

struct PromptStyle {
  PromptOrder order = PromptOrder::none;
  bool has_repository_markers = false;  // repo_name, file_sep before the parts of other files
  bool has_excerpts = false;  // prompts of prompt_window.h: excerpts, then suffix, prefix, middle
  // The middle was learnt as a file's own tokens, so a cut word is always generated again.
  bool whole_tokens = false;
  size_t max_tokens = 0;  // longest prompt the model was trained on; 0: its context
};
// From the architecture's row, as far as the tokenizer has the markers.
PromptStyle prompt_style(const engine::ModelInfo&, const engine::SpecialTokens&);

// Where the text left of the cursor must be cut so that a tokenizer's words are whole: the
// identifier, the run of symbols or the spaces that end it, with the one character before an
// identifier that tokenizers join to it. What is cut off is generated again under constraint.
// At most kMaxHealedBytes before the end; the end itself when nothing is to be healed.
constexpr size_t kMaxHealedBytes = 64;
size_t healing_start(std::string_view before_cursor);

// Where to cut for a model that was trained on middles that begin at a token of the file: before
// the last token left of the cursor, which may have to be a longer one.
size_t last_token_start(const engine::Tokenizer& tokenizer, std::string_view before_cursor);

// Tokens of the prompt whose text left of the cursor is `prefix` (healed already).
std::vector<engine::TokenId> build_prompt(const engine::Tokenizer&, const PromptStyle&,
                                          const repoindex::Window& window, std::string_view prefix,
                                          std::string_view suffix);

}  // namespace engramd::daemon
