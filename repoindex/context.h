// repoindex/context.h - the window: what a model is shown of a repository, within a budget.
//
// Parts come stable first, volatile last, so that a KV prefix can be reused between keystrokes.
// The index knows no model: the budget is counted by a function handed in. Lines that look like
// secrets, and files that are secrets, never enter a window. Any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

using TokenCounter = std::function<size_t(std::string_view)>;
// A counter for callers without a model: four bytes a token, rounded up.
size_t approximate_tokens(std::string_view text);

struct WindowPart {
  std::string path;
  ByteRange range;  // what the text stands for; the text may be shorter (an outline, a signature)
  std::string text;
  std::string why;  // "definition of `parse_header`", "imported by the file", ...
  size_t n_tokens = 0;
};

struct Window {
  std::vector<WindowPart> parts;  // of other places, stable first
  std::string path;               // the file with the cursor; empty for a task
  std::string prefix, suffix;     // of that file, cut to the budget at line starts and ends
  size_t n_tokens = 0;            // the sum over parts, prefix and suffix, each counted alone
};

struct Budget {
  size_t tokens = 2048;
};

// For a completion: prefix and suffix first, then definitions of the names in sight, then outlines
// of imported files. The start of a long file's prefix moves in steps of several lines.
Result<Window> window_at(const View&, const std::string& path, size_t offset, const TokenCounter&,
                         Budget, const CancelToken& = {});
// For an issue text: the located functions and their files' outlines.
Result<Window> window_for_task(const View&, std::string_view task, const TokenCounter&, Budget,
                               const CancelToken& = {});

}  // namespace engramd::repoindex
