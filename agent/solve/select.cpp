#include "agent/solve/select.h"

#include <algorithm>
#include <tuple>

#include "agent/loop/step_text.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

int rank_of(const PatchCandidate& candidate) {
  if (candidate.outcome == Outcome::resolved) return 0;
  if (candidate.patch.empty()) return 3;
  return candidate.outcome == Outcome::unverified ? 1 : 2;
}

}  // namespace

std::string normalised_diff(const std::string& patch) {
  std::string out;
  bool in_hunk = false;
  for (const std::string_view line : split_lines(patch)) {
    if (line.starts_with("diff --git ")) in_hunk = false;
    if (line.starts_with("+++ ") && !in_hunk) {
      out += std::string(line) + "\n";
      continue;
    }
    if (line.starts_with("--- a/") || line.starts_with("--- /dev/null")) {
      in_hunk = false;
      continue;
    }
    if (line.starts_with("@@")) {
      in_hunk = true;
      continue;
    }
    if (!in_hunk || !(line.starts_with('+') || line.starts_with('-'))) continue;
    std::string kept;
    for (const char c : line)
      if (c != ' ' && c != '\t' && c != '\r') kept += c;
    if (kept.size() > 1) out += kept + "\n";
  }
  return out;
}

Selection select_patch(const std::vector<PatchCandidate>& candidates) {
  std::vector<std::string> changes;
  for (const PatchCandidate& candidate : candidates)
    changes.push_back(normalised_diff(candidate.patch));
  const auto agreeing = [&](size_t i) {
    return changes[i].empty()
               ? size_t{0}
               : static_cast<size_t>(std::count(changes.begin(), changes.end(), changes[i]));
  };
  const auto key = [&](size_t i) {
    const DiffSize size = size_of_diff(candidates[i].patch);
    return std::tuple(rank_of(candidates[i]), candidates[i].n_broken,
                      candidates.size() - agreeing(i), size.n_added + size.n_removed, i);
  };
  Selection best;
  for (size_t i = 1; i < candidates.size(); ++i)
    if (key(i) < key(best.index)) best.index = i;
  if (!candidates.empty()) best.n_agreeing = agreeing(best.index);
  return best;
}

}  // namespace engramd::agent
