#include "repoindex/memory/excerpts.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <unordered_set>

namespace engramd::repoindex {
namespace {

constexpr size_t kLinesBefore = 6, kTokensBefore = 96;
constexpr size_t kLinesAfter = 2, kTokensAfter = 24;
constexpr size_t kLongestRun = 4;  // a run of so many tokens that is still common says nothing
constexpr uint32_t kBlock = 8, kBlockShift = 3;
constexpr double kBlockWeights[] = {1,   0.8, 0.5,
                                    0.3, 0.2, 0.1};  // of a window, in order: what follows counts
constexpr uint32_t kBlocksInWindow = std::size(kBlockWeights);
constexpr size_t kMaxWindows = 96;  // looked at more closely
// A line's weight is 1 / (1 + lines to the cursor), behind it as before it. These weights are those
// that brought most of the names of hidden code, by tests/bench/training_prompts.cpp.
// The places that share the longest text before the cursor: what they go on with counts most.
constexpr size_t kLongestContext = 32;
constexpr uint32_t kMaxContextPlaces = 8;
constexpr double kContextBonus = 3;  // nats for each shared token
// At least a quarter of an excerpt must be lines that are not shown anyhow.
constexpr double kMinNovelShare = 0.25;
// One rare run alone is chance: about two of them, or a longer text in common.
constexpr double kMinScore = 9;
constexpr uint32_t kMaxLineBack = 24;  // tokens back to the beginning of an excerpt's first line

struct Run {
  std::vector<SuffixTable::Range> ranges;  // of each source
  double weight = 0;                       // of one place
};

// The blocks' scores: open addressing, sized for the votes to come.
class BlockScores {
 public:
  struct Slot {
    uint64_t key = kEmpty;
    float score = 0;
    uint32_t last_run = 0;  // plus 1; a run votes once for a block
  };
  explicit BlockScores(size_t n_votes) {
    size_t n = 64;
    while (n < 2 * n_votes) n *= 2;
    slots_.resize(n);
  }
  static uint64_t key(size_t source, uint32_t block) {
    return static_cast<uint64_t>(source) << 32 | block;
  }
  void vote(uint64_t key, uint32_t run, double weight) {
    Slot& slot = slots_[find(key)];
    slot.key = key;
    if (slot.last_run == run + 1) return;
    slot.last_run = run + 1;
    slot.score += static_cast<float>(weight);
  }
  double score(uint64_t key) const { return slots_[find(key)].score; }
  const std::vector<Slot>& slots() const { return slots_; }
  static constexpr uint64_t kEmpty = ~uint64_t{0};

 private:
  size_t find(uint64_t key) const {
    size_t at = (key * 0x9E3779B97F4A7C15ull >> 32) & (slots_.size() - 1);
    while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  std::vector<Slot> slots_;
};

bool is_hidden(const ExcerptSource& source, uint32_t position) {
  if (source.hidden.empty()) return false;
  auto after = std::upper_bound(source.hidden.begin(), source.hidden.end(), position,
                                [](uint32_t value, const std::pair<uint32_t, uint32_t>& range) {
                                  return value < range.first;
                                });
  return after != source.hidden.begin() && position < std::prev(after)->second;
}

class Search {
 public:
  Search(std::span<const ExcerptSource> sources, const EndsLine& ends_line,
         const ExcerptOptions& options)
      : sources_(sources), ends_line_(ends_line), options_(options) {
    for (const ExcerptSource& source : sources) n_ += static_cast<double>(source.table->size());
  }

  std::vector<ExcerptPlace> operator()(std::span<const TokenId> before,
                                       std::span<const TokenId> after) {
    if (n_ == 0 || options_.max_excerpts == 0 || options_.max_tokens == 0) return {};
    ask_before(before);
    ask_after(after);
    if (runs_.empty()) return {};
    size_t n_votes = 0;
    for (const Run& run : runs_) {
      for (const auto& range : run.ranges) n_votes += range.size();
    }
    BlockScores scores(n_votes + sources_.size() * kMaxContextPlaces);
    for (size_t r = 0; r < runs_.size(); ++r) vote(scores, r);
    vote_for_longest(scores, before);
    learn_lines(before.subspan(before.size() - std::min(before.size(), kMaxVisible)));
    learn_lines(after.first(std::min(after.size(), kMaxVisible)));
    return choose(best_windows(scores));
  }

 private:
  static constexpr size_t kMaxVisible = 512;

  void ask_before(std::span<const TokenId> before) {
    size_t line = 0;
    const size_t end = before.size();
    for (size_t i = end; i-- > 0 && end - i <= kTokensBefore;) {
      if (i + 1 < end && ends_line_(before[i]) && ++line >= kLinesBefore) break;
      ask(before.first(i + 1), 1 / (1 + static_cast<double>(line)));
    }
  }
  void ask_after(std::span<const TokenId> after) {
    size_t line = 0;
    for (size_t i = 0; i < std::min(after.size(), kTokensAfter); ++i) {
      ask(after.first(i + 1), 1 / (1 + static_cast<double>(line)));
      if (ends_line_(after[i]) && ++line >= kLinesAfter) break;
    }
  }

  // The shortest run ending with the last token of `text` that is rare enough.
  void ask(std::span<const TokenId> text, double nearness) {
    std::vector<std::vector<SuffixTable::Range>> ranges(sources_.size());
    size_t longest = 0;
    for (size_t s = 0; s < sources_.size(); ++s) {
      sources_[s].table->match(text, kLongestRun, ranges[s]);
      longest = std::max(longest, ranges[s].size());
    }
    for (size_t k = 1; k < longest; ++k) {
      Run run;
      size_t n = 0;
      for (size_t s = 0; s < sources_.size(); ++s) {
        run.ranges.push_back(k < ranges[s].size() ? ranges[s][k] : SuffixTable::Range{});
        n += run.ranges.back().size();
      }
      if (n > options_.max_places) continue;
      if (n == 0) return;
      run.weight = nearness * std::log(n_ / static_cast<double>(n));
      const bool asked = std::any_of(runs_.begin(), runs_.end(), [&](const Run& other) {
        return std::equal(
            run.ranges.begin(), run.ranges.end(), other.ranges.begin(),
            [](const auto& a, const auto& b) { return a.begin == b.begin && a.end == b.end; });
      });
      if (!asked) runs_.push_back(std::move(run));
      return;
    }
  }

  void vote(BlockScores& scores, size_t r) const {
    for (size_t s = 0; s < sources_.size(); ++s) {
      const SuffixTable::Range range = runs_[r].ranges[s];
      for (uint32_t i = range.begin; i < range.end; ++i) {
        const uint32_t position = sources_[s].table->position(i) - 1;  // the run's last token
        if (is_hidden(sources_[s], position)) continue;
        scores.vote(BlockScores::key(s, position >> kBlockShift), static_cast<uint32_t>(r),
                    runs_[r].weight);
      }
    }
  }

  void vote_for_longest(BlockScores& scores, std::span<const TokenId> before) const {
    for (size_t s = 0; s < sources_.size(); ++s) {
      std::vector<SuffixTable::Range> ranges;
      sources_[s].table->match(before, kLongestContext, ranges);
      uint32_t left = kMaxContextPlaces;
      for (size_t k = ranges.size(); k-- > 2 && left > 0;) {
        // Inside a range that was looked at already only its rim is new; a place seen twice
        // votes for the longer context only, because the run is the same.
        const SuffixTable::Range range = ranges[k];
        if (range.size() > options_.max_places) break;
        for (uint32_t i = range.begin; i < range.end && left > 0; ++i) {
          const uint32_t position = sources_[s].table->position(i) - 1;
          if (is_hidden(sources_[s], position)) continue;
          scores.vote(BlockScores::key(s, position >> kBlockShift),
                      static_cast<uint32_t>(runs_.size()), kContextBonus * static_cast<double>(k));
          --left;
        }
      }
    }
  }

  // Windows that begin where something was found, best first.
  std::vector<ExcerptPlace> best_windows(const BlockScores& scores) const {
    double best = 0;
    for (const auto& slot : scores.slots()) best = std::max<double>(best, slot.score);
    std::vector<ExcerptPlace> windows;
    for (const auto& slot : scores.slots()) {
      if (slot.key == BlockScores::kEmpty || slot.score < 0.2 * best) continue;
      ExcerptPlace window;
      window.source = slot.key >> 32;
      window.begin = static_cast<uint32_t>(slot.key) << kBlockShift;
      window.end = window.begin + kBlocksInWindow * kBlock;
      for (uint32_t b = 0; b < kBlocksInWindow; ++b) {
        window.score += scores.score(slot.key + b) * kBlockWeights[b];
      }
      if (window.score >= kMinScore) windows.push_back(window);
    }
    auto better = [](const ExcerptPlace& a, const ExcerptPlace& b) {
      if (a.score != b.score) return a.score > b.score;
      return a.source != b.source ? a.source < b.source : a.begin < b.begin;
    };
    const size_t n = std::min(kMaxWindows, windows.size());
    std::partial_sort(windows.begin(), windows.begin() + static_cast<ptrdiff_t>(n), windows.end(),
                      better);
    windows.resize(n);
    return windows;
  }

  // A window moved to the lines it touches; empty where there is nothing to quote.
  ExcerptPlace at_lines(ExcerptPlace window) const {
    const ExcerptSource& source = sources_[window.source];
    const PackedTokens& tokens = source.table->tokens();
    const uint32_t n = static_cast<uint32_t>(tokens.size());
    auto quotable = [&](uint32_t i) { return tokens[i] >= 0 && !is_hidden(source, i); };
    const uint32_t window_end = std::min(window.end, n);
    uint32_t begin = window.begin;
    while (begin < window_end && !quotable(begin)) ++begin;
    if (begin >= window_end) return {};
    uint32_t back = begin;
    for (uint32_t steps = 0; steps < kMaxLineBack; ++steps) {
      if (back == 0 || !quotable(back - 1) || ends_line_(tokens[back - 1])) break;
      --back;
    }
    begin = back;
    uint32_t end = begin, whole_lines_end = begin;
    const uint32_t limit =
        static_cast<uint32_t>(std::min<uint64_t>(n, begin + uint64_t{options_.max_tokens}));
    while (end < limit && quotable(end)) {
      if (ends_line_(tokens[end++])) whole_lines_end = end;
    }
    if (end < limit) whole_lines_end = end;  // the document ends, or what is hidden begins
    window.begin = begin;
    window.end = whole_lines_end > begin ? whole_lines_end : end;
    return window;
  }

  std::vector<ExcerptPlace> choose(const std::vector<ExcerptPlace>& windows) {
    std::vector<ExcerptPlace> chosen;
    for (const ExcerptPlace& window : windows) {
      if (chosen.size() == options_.max_excerpts) break;
      ExcerptPlace place = at_lines(window);
      // Beside a better one the place shrinks to what that has not shown.
      for (const ExcerptPlace& other : chosen) {
        if (other.source != place.source) continue;
        if (place.begin >= other.begin && place.begin < other.end) place.begin = other.end;
        if (place.begin < other.begin) place.end = std::min(place.end, other.begin);
      }
      if (place.begin >= place.end || place.end - place.begin < 4) continue;
      const auto tokens = tokens_of(place);
      if (novel_share(tokens) < kMinNovelShare) continue;
      learn_lines(tokens);
      chosen.push_back(place);
    }
    return chosen;
  }

  std::vector<TokenId> tokens_of(const ExcerptPlace& place) const {
    std::vector<TokenId> tokens;
    for (uint32_t i = place.begin; i < place.end; ++i)
      tokens.push_back(sources_[place.source].table->tokens()[i]);
    return tokens;
  }

  // Calls take(hash of the line, its tokens) for every line.
  template <class Take>
  void each_line(std::span<const TokenId> tokens, Take take) const {
    uint64_t hash = 0;
    size_t n = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      hash = (hash ^ static_cast<uint32_t>(tokens[i])) * 0x9E3779B97F4A7C15ull;
      hash ^= hash >> 29;
      ++n;
      if (i + 1 == tokens.size() || ends_line_(tokens[i])) {
        take(hash, n);
        hash = n = 0;
      }
    }
  }
  void learn_lines(std::span<const TokenId> tokens) {
    each_line(tokens, [&](uint64_t hash, size_t) { known_lines_.insert(hash); });
  }
  double novel_share(std::span<const TokenId> tokens) const {
    size_t n = 0;
    each_line(tokens, [&](uint64_t hash, size_t length) {
      if (!known_lines_.count(hash)) n += length;
    });
    return static_cast<double>(n) / static_cast<double>(tokens.size());
  }

  const std::span<const ExcerptSource> sources_;
  const EndsLine& ends_line_;
  const ExcerptOptions options_;
  double n_ = 0;  // tokens of all sources
  std::vector<Run> runs_;
  std::unordered_set<uint64_t> known_lines_;
};

}  // namespace

std::vector<ExcerptPlace> find_excerpts(std::span<const ExcerptSource> sources,
                                        std::span<const TokenId> before,
                                        std::span<const TokenId> after, const EndsLine& ends_line,
                                        const ExcerptOptions& options) {
  return Search(sources, ends_line, options)(before, after);
}

}  // namespace engramd::repoindex
