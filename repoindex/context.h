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

// What a part is there for; parts come in this order, which is that of how seldom they change
// while somebody types.
enum class PartKind : uint8_t {
  encloses,    // head of a definition around the cursor that the prefix does not show
  similar,     // lines like those before the cursor
  edited,      // what the asker changed elsewhere: not saved yet, then not committed yet
  definition,  // of a name in sight
  imported,    // outline of a file that is imported, without what is shown
  located,     // found for a task
};

struct WindowPart {
  PartKind kind = PartKind::located;
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
  uint32_t without = 0;  // kinds of parts that are left out, 1 << kind: for measurements
  bool has(PartKind kind) const { return (without >> static_cast<unsigned>(kind) & 1) == 0; }
};

// For a completion: prefix and suffix first, what they leave is shared by the kinds of parts. The
// parts depend on whole lines only, never on the one being typed, and the start of a long file's
// prefix moves in steps of several lines, so that most keystrokes change the prompt's end only.
Result<Window> window_at(const View&, const std::string& path, size_t offset, const TokenCounter&,
                         Budget, const CancelToken& = {});
// For an issue text: the located functions and their files' outlines.
Result<Window> window_for_task(const View&, std::string_view task, const TokenCounter&, Budget,
                               const CancelToken& = {});

// The same, of what a LocateIndex found.
struct LocateResult;
Result<Window> window_of_located(const View&, const LocateResult& located, const TokenCounter&,
                                 Budget, const CancelToken& = {});

}  // namespace engramd::repoindex
