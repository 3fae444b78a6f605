#include "repoindex/memory/resume.h"

#include <algorithm>

namespace engramd::repoindex {

constexpr size_t kShortestRun = 2, kLongestRun = 12;
constexpr uint32_t kMaxPlaces = 64;  // a run that is everywhere says nothing
constexpr uint32_t kReach = 24;      // tokens: about two lines

ResumePlaces::ResumePlaces(const SuffixTable& table, std::span<const TokenId> after,
                           std::span<const uint32_t> except) {
  std::vector<SuffixTable::Range> ranges;
  for (size_t n = kShortestRun; n <= std::min(kLongestRun, after.size()); ++n) {
    table.match(after.first(n), n, ranges);
    if (ranges.size() <= n) break;
    if (ranges[n].size() > kMaxPlaces) continue;
    for (uint32_t i = ranges[n].begin; i < ranges[n].end; ++i) {
      const uint32_t position = table.position(i) - static_cast<uint32_t>(n);
      if (!std::binary_search(except.begin(), except.end(), position))
        places_.push_back({position, static_cast<uint32_t>(n)});
    }
  }
  // Of one position the longest run.
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
    return a.position != b.position ? a.position < b.position : a.length > b.length;
  });
  places_.erase(
      std::unique(places_.begin(), places_.end(),
                  [](const Place& a, const Place& b) { return a.position == b.position; }),
      places_.end());
}

uint32_t ResumePlaces::length_behind(uint32_t position) const {
  auto place = std::upper_bound(
      places_.begin(), places_.end(), position,
      [](uint32_t value, const Place& candidate) { return value < candidate.position; });
  uint32_t longest = 0;
  for (; place != places_.end() && place->position - position <= kReach; ++place)
    longest = std::max(longest, place->length);
  return longest;
}

}  // namespace engramd::repoindex
