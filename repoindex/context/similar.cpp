#include "repoindex/context/similar.h"

#include <algorithm>
#include <unordered_map>

#include "base/hash.h"
#include "repoindex/rank/terms.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kBlockLines = 12, kBlockStep = 6;
constexpr size_t kFollowingLines = 6;  // what comes next is what one wants to see
constexpr double kMinSimilarity = 0.2;
constexpr size_t kMaxBytesInAll = 512u << 10;
constexpr size_t kMinWords = 5;  // a block with fewer is like everything

using WordSet = std::vector<uint64_t>;  // sorted

WordSet words_of(std::string_view text) {
  WordSet words;
  for_each_word(text, [&](size_t, std::string_view word) {
    if (word.size() > 1) words.push_back(hash64(word));
  });
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

double similarity(const WordSet& a, const WordSet& b) {
  if (a.size() < kMinWords || b.size() < kMinWords) return 0;
  size_t both = 0;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (*x == *y) {
      ++both;
      ++x;
      ++y;
    } else if (*x < *y) {
      ++x;
    } else {
      ++y;
    }
  }
  return static_cast<double>(both) / static_cast<double>(a.size() + b.size() - both);
}

}  // namespace

std::vector<SimilarLines> find_similar_lines(std::string_view lines,
                                             const std::vector<std::string>& paths,
                                             Collector& collector, const CancelToken& cancel) {
  std::vector<SimilarLines> found;
  const WordSet wanted = words_of(lines);
  if (wanted.size() < kMinWords) return found;
  size_t n_bytes = 0;
  for (const std::string& path : paths) {
    if (cancel.cancelled()) return {};
    const SourceText* source = collector.source(path);
    if (source == nullptr || n_bytes + source->text.size() > kMaxBytesInAll) continue;
    n_bytes += source->text.size();
    const std::string& text = source->text;
    std::vector<size_t> starts{0};
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts.push_back(i + 1);
    }
    auto start_of = [&](size_t line) { return line < starts.size() ? starts[line] : text.size(); };
    SimilarLines best;
    for (size_t line = 0; line < starts.size(); line += kBlockStep) {
      const ByteRange block{starts[line], start_of(line + kBlockLines)};
      const double score =
          similarity(wanted, words_of(std::string_view(text).substr(block.begin, block.size())));
      if (score <= best.similarity || score < kMinSimilarity) continue;
      const ByteRange range{block.begin, start_of(line + kBlockLines + kFollowingLines)};
      if (collector.touched(path, range)) continue;
      best = {path, range, score};
    }
    if (best.similarity > 0) found.push_back(best);
  }
  std::stable_sort(found.begin(), found.end(), [](const SimilarLines& a, const SimilarLines& b) {
    return a.similarity > b.similarity;
  });
  return found;
}

}  // namespace engramd::repoindex
