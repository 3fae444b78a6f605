// daemon/completion/prompt_window.h - the prompt of the `engramd` family, steady while one types.
//
//   <|file_sep|>excerpt ... <|fim_suffix|>suffix<|fim_prefix|>prefix<|fim_middle|>
//
// What stands before the prefix is chosen once per line: excerpts depend on the text above the
// line, the suffix on the text behind the cursor, and the prefix begins at a place that moves in
// steps. So the next key costs its own tokens only. Remembers the last line; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/model.h"

namespace engramd::daemon {

struct PromptLimits {
  size_t prefix_tokens = 320, suffix_tokens = 96, excerpt_tokens = 192;
};

class PromptWindow {
 public:
  using Tokens = std::vector<engine::TokenId>;
  struct Place {
    std::string path;
    std::string_view prefix;  // left of the text that is to be generated
    std::string_view after;   // right of the cursor
    size_t line_begin = 0;    // of the cursor's line; at most prefix.size()
  };
  // Other places that look like this one, the best first, given the tokens that are shown.
  using FindExcerpts =
      std::function<std::vector<Tokens>(const Tokens& before, const Tokens& after)>;

  explicit PromptWindow(const engine::Tokenizer& tokenizer, PromptLimits limits = {})
      : tokenizer_(tokenizer), limits_(limits) {}

  // Whole prompts of at most max_tokens; excerpts go first, then suffix and prefix shrink. On a new
  // line of at most `affordable` too; while the line stays so does that length, because what was
  // read is read, and a prompt of another length would be another prompt.
  Tokens build(const Place& place, const FindExcerpts& find, size_t max_tokens,
               size_t affordable = SIZE_MAX);

 private:
  PromptLimits limits_within(size_t max_tokens) const;
  Tokens prefix_of(std::string_view prefix, size_t max_tokens) const;
  Tokens suffix_of(std::string_view after, size_t max_tokens) const;

  const engine::Tokenizer& tokenizer_;
  const PromptLimits limits_;
  uint64_t at_ = 0;  // the line, and what its first prompt could afford
  size_t affordable_ = 0;
  uint64_t line_ = 0;    // what the excerpts were found for
  uint64_t behind_ = 0;  // what the suffix is of
  Tokens excerpts_, suffix_;
};

// The text behind a suggestion that runs to the line's end: without the line break (and the blank
// lines) that the suggestion's last token brings itself. Unchanged when the line goes on.
std::string_view without_line_end(std::string_view after);

}  // namespace engramd::daemon
