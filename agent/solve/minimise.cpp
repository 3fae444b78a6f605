#include "agent/solve/minimise.h"

#include <vector>

#include "agent/edit/unified_diff.h"

namespace engramd::agent {
namespace {

std::string with_blocks(const std::string& base, const std::vector<TextEdit>& blocks,
                        const std::vector<bool>& kept) {
  std::string text = base;
  // From the end, so that earlier ranges stay true.
  for (size_t i = blocks.size(); i-- > 0;)
    if (kept[i]) text = apply_edit(text, blocks[i]);
  return text;
}

}  // namespace

Result<Minimised> minimise(
    const Changes& changes,
    const std::function<std::optional<std::string>(const std::string& path)>& base,
    const std::function<Result<bool>(const Changes&)>& good, const MinimiseOptions& options,
    const CancelToken& cancel) {
  Minimised out{changes, 0, 0};
  const auto try_without = [&](Changes smaller) -> Result<bool> {
    if (smaller.empty() || out.n_runs >= options.max_runs || cancel.cancelled()) return false;
    ++out.n_runs;
    ENGRAMD_TRY(const bool is_good, good(smaller));
    if (is_good) {
      out.changes = std::move(smaller);
      ++out.n_dropped;
    }
    return is_good;
  };
  for (const auto& [path, text] : changes) {
    const auto before = base(path);
    if (!before) {
      auto smaller = out.changes;
      smaller.erase(path);
      ENGRAMD_TRY([[maybe_unused]] const bool dropped, try_without(std::move(smaller)));
      continue;
    }
    if (!options.hunks) continue;
    if (!text) continue;
    const std::vector<TextEdit> blocks = changed_blocks(*before, *text);
    std::vector<bool> kept(blocks.size(), true);
    for (size_t i = 0; i < blocks.size(); ++i) {
      auto trial = kept;
      trial[i] = false;
      auto smaller = out.changes;
      const std::string smaller_text = with_blocks(*before, blocks, trial);
      if (smaller_text == *before)
        smaller.erase(path);
      else
        smaller[path] = smaller_text;
      ENGRAMD_TRY(const bool dropped, try_without(std::move(smaller)));
      if (dropped) kept = std::move(trial);
    }
  }
  return out;
}

}  // namespace engramd::agent
