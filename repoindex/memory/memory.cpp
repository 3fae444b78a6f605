#include "repoindex/memory/memory.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "repoindex/memory/parts.h"
#include "repoindex/memory/resume.h"
#include "repoindex/memory/suffix_table.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxContext = 64;
// A context seen more often than this is counted from evenly spaced occurrences.
constexpr uint32_t kMaxScan = 2048;
// Shorter suffixes get no say once this little probability is left for them.
constexpr double kNegligible = 1e-5;
constexpr size_t kTopUnigrams = 64;
// A place that comes back to n tokens of the text behind the cursor counts 1 + n * this. Chosen as
// the other weights were, see MemoryOptions.
constexpr double kResumeWeight = 2;

// Sums per token: a small open-addressing table, made per question so that answers share nothing.
class TokenSums {
 public:
  struct Entry {
    TokenId token = 0;
    double count = 0;        // at the level being counted
    double probability = 0;  // over all levels so far
    uint32_t level = 0;      // the level `count` belongs to, plus 1
  };
  TokenSums() : slots_(256, kEmpty) { entries_.reserve(128); }

  Entry& at(TokenId token) {
    size_t slot = home(token);
    while (slots_[slot] != kEmpty) {
      if (entries_[slots_[slot]].token == token) return entries_[slots_[slot]];
      slot = (slot + 1) & (slots_.size() - 1);
    }
    slots_[slot] = static_cast<uint32_t>(entries_.size());
    entries_.push_back({token, 0, 0, 0});
    if (entries_.size() * 2 > slots_.size()) grow();
    return entries_.back();
  }
  std::vector<Entry>& entries() { return entries_; }

 private:
  static constexpr uint32_t kEmpty = 0xFFFFFFFFu;
  size_t home(TokenId token) const {
    return (static_cast<uint32_t>(token) * 2654435761u >> 7) & (slots_.size() - 1);
  }
  void grow() {
    slots_.assign(slots_.size() * 4, kEmpty);
    for (uint32_t i = 0; i < entries_.size(); ++i) {
      size_t slot = home(entries_[i].token);
      while (slots_[slot] != kEmpty) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = i;
    }
  }
  std::vector<uint32_t> slots_;
  std::vector<Entry> entries_;
};

// One table while a question is answered.
struct Part {
  const SuffixTable* table = nullptr;
  double weight = 1;
  const MemoryParts::Ranges* hidden = nullptr;  // documents that do not count, or null
  std::pair<uint32_t, uint32_t> replaced{0, 0};
  const ResumePlaces* resume = nullptr;  // null: all places are alike
  std::vector<SuffixTable::Range> ranges;

  SuffixTable::Range range(size_t k) const {
    return k < ranges.size() ? ranges[k] : SuffixTable::Range{};
  }
  bool may_hide() const { return hidden || replaced.second > replaced.first; }
  bool hides(uint32_t index) const {
    const uint32_t position = table->position(index);
    if (replaced.first <= position && position < replaced.second) return true;
    if (!hidden) return false;
    const auto after =
        std::upper_bound(hidden->begin(), hidden->end(), position,
                         [](uint32_t value, const auto& range) { return value < range.first; });
    return after != hidden->begin() && position < std::prev(after)->second;
  }
};

class Memory final : public RepositoryMemory {
 public:
  Memory(std::shared_ptr<const MemoryParts> parts, MemoryOptions options)
      : parts_(std::move(parts)), options_(options) {
    count_unigrams();
  }

  std::shared_ptr<const RepositoryMemory> with_recent(
      std::vector<std::vector<TokenId>> recent, const std::string& replaces,
      std::span<const TokenId> after) const override {
    auto memory = std::make_shared<Memory>(parts_, options_);
    size_t n = 1;
    for (const auto& sequence : recent) n += sequence.size() + 1;
    std::vector<TokenId> tokens;
    tokens.reserve(n);
    tokens.push_back(SuffixTable::kSeparator);
    for (const auto& sequence : recent) {
      if (tokens.size() + sequence.size() > options_.max_tokens) break;
      memory->recent_begin_.push_back(static_cast<uint32_t>(tokens.size()));
      tokens.insert(tokens.end(), sequence.begin(), sequence.end());
      tokens.push_back(SuffixTable::kSeparator);
    }
    if (auto table = SuffixTable::build(std::move(tokens), options_.max_context)) {
      memory->recent_ = std::make_shared<const SuffixTable>(std::move(*table));
      memory->count_unigrams();
    }
    if (const auto* copy = parts_->only_copy(replaces, memory->replaced_part_))
      memory->replaced_ = {copy->begin, copy->end};
    if (!after.empty()) {
      for (const MemoryParts::Part& part : parts_->parts)
        memory->resume_.emplace_back(part.piece->table(), after, std::span<const uint32_t>());
      if (memory->recent_)
        memory->resume_.emplace_back(*memory->recent_, after, memory->recent_begin_);
    }
    return memory;
  }

  MemoryAnswer next(std::span<const TokenId> context) const override {
    MemoryAnswer answer;
    TokenSums sums;
    const double left = predict(context, sums, answer.match_length, answer.n_seen);
    if (left > kNegligible && unigrams_.total > 0) {
      for (const TokenId token : parts_->unigrams.top()) sums.at(token);
      for (const TokenId token : recent_unigrams_.top()) sums.at(token);
      for (auto& entry : sums.entries()) {
        entry.probability += left * unigrams_.share(unigram_count(entry.token));
      }
    }
    auto& entries = sums.entries();
    auto better = [](const TokenSums::Entry& a, const TokenSums::Entry& b) {
      return a.probability != b.probability ? a.probability > b.probability : a.token < b.token;
    };
    const size_t n = std::min(options_.max_candidates, entries.size());
    std::partial_sort(entries.begin(), entries.begin() + static_cast<ptrdiff_t>(n), entries.end(),
                      better);
    answer.candidates.reserve(n);
    for (size_t i = 0; i < n && entries[i].probability > 0; ++i) {
      answer.candidates.push_back({entries[i].token, static_cast<float>(entries[i].probability)});
    }
    return answer;
  }

  double log2_likelihood(std::span<const TokenId> context, std::span<const TokenId> tokens,
                         size_t n_vocab) const override {
    if (tokens.empty()) return 0;
    const size_t keep = std::min(context.size(), options_.max_context);
    std::vector<TokenId> sequence(context.end() - static_cast<ptrdiff_t>(keep), context.end());
    sequence.insert(sequence.end(), tokens.begin(), tokens.end());
    const double floor = 1.0 / static_cast<double>(std::max<size_t>(n_vocab, 1));
    double sum = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      const std::span<const TokenId> before(sequence.data(), keep + i);
      TokenSums sums;
      size_t match_length = 0, n_seen = 0;
      double left = predict(before, sums, match_length, n_seen);
      double probability = sums.at(tokens[i]).probability;
      if (unigrams_.total > 0) {
        probability += left * unigrams_.share(unigram_count(tokens[i]));
        left *= unigrams_.escape;
      }
      sum += std::log2(probability + left * floor);
    }
    return sum / static_cast<double>(tokens.size());
  }

  std::vector<Excerpt> similar(const ExcerptQuestion& question) const override {
    std::vector<ExcerptSource> sources;
    for (const MemoryParts::Part& part : parts_->parts)
      sources.push_back({&part.piece->table(), part.hidden});
    const size_t recent_source = sources.size();
    if (recent_) sources.push_back({recent_.get(), {}});
    if (replaced_.second > replaced_.first) sources[replaced_part_].hidden.push_back(replaced_);
    for (const ShownTokens& shown : question.shown) hide(shown, sources);
    for (ExcerptSource& source : sources) merge_ranges(source.hidden);
    std::vector<Excerpt> excerpts;
    for (const ExcerptPlace& place : find_excerpts(sources, question.before, question.after,
                                                   question.ends_line, question.options)) {
      Excerpt excerpt;
      for (uint32_t i = place.begin; i < place.end; ++i)
        excerpt.tokens.push_back(sources[place.source].table->tokens()[i]);
      excerpt.score = place.score;
      if (place.source != recent_source) {
        const MemoryParts::Part& part = parts_->parts[place.source];
        const size_t document = part.piece->document_at(place.begin);
        excerpt.path = part.paths[document];
        excerpt.begin = place.begin - part.piece->documents()[document].begin;
      } else {
        const auto after =
            std::upper_bound(recent_begin_.begin(), recent_begin_.end(), place.begin);
        excerpt.sequence = static_cast<size_t>(after - recent_begin_.begin()) - 1;
        excerpt.begin = place.begin - *std::prev(after);
      }
      excerpts.push_back(std::move(excerpt));
    }
    return excerpts;
  }

  size_t n_tokens() const override { return parts_->n_tokens() + (recent_ ? recent_->size() : 0); }
  size_t n_bytes() const override { return parts_->n_bytes() + (recent_ ? recent_->n_bytes() : 0); }

 private:
  void hide(const ShownTokens& shown, std::vector<ExcerptSource>& sources) const {
    std::pair<uint32_t, uint32_t> range;  // of the whole document
    size_t source = 0;
    if (!shown.path.empty()) {
      const auto found = parts_->places.find(shown.path);
      if (found == parts_->places.end()) return;
      source = found->second.part;
      const auto& document = parts_->parts[source].piece->documents()[found->second.document];
      range = {document.begin, document.end};
    } else {
      if (!recent_ || shown.sequence >= recent_begin_.size()) return;
      source = parts_->parts.size();
      range.first = recent_begin_[shown.sequence];
      range.second = shown.sequence + 1 < recent_begin_.size()
                         ? recent_begin_[shown.sequence + 1] - 1
                         : static_cast<uint32_t>(recent_->tokens().size()) - 1;
    }
    const size_t n = range.second - range.first;
    const uint32_t end = range.first + static_cast<uint32_t>(std::min(shown.end, n));
    range.first += static_cast<uint32_t>(std::min(shown.begin, n));
    if (end > range.first) sources[source].hidden.emplace_back(range.first, end);
  }
  // Sorted and disjoint.
  static void merge_ranges(std::vector<std::pair<uint32_t, uint32_t>>& ranges) {
    std::sort(ranges.begin(), ranges.end());
    size_t n = 0;
    for (const auto& range : ranges) {
      if (n > 0 && range.first <= ranges[n - 1].second) {
        ranges[n - 1].second = std::max(ranges[n - 1].second, range.second);
      } else {
        ranges[n++] = range;
      }
    }
    ranges.resize(n);
  }

  // The distribution over single tokens; the hidden copy is left in, it hardly moves it.
  struct Unigrams {
    double total = 0, escape = 1, denominator = 1;
    double share(double count) const { return count / denominator; }
  };
  void count_unigrams() {
    double n_distinct = static_cast<double>(parts_->unigrams.n_distinct());
    unigrams_.total = static_cast<double>(parts_->unigrams.total());
    if (recent_) {
      unigrams_.total += options_.recent_weight * static_cast<double>(recent_->size());
      for (TokenId token : recent_->distinct()) n_distinct += parts_->unigrams.count(token) == 0;
      recent_unigrams_.add(*recent_);
      recent_unigrams_.finish(kTopUnigrams);
    }
    const double novel = options_.escape * n_distinct;
    unigrams_.denominator = std::max(unigrams_.total + novel, 1e-9);
    unigrams_.escape = novel / unigrams_.denominator;
  }
  double unigram_count(TokenId token) const {
    return static_cast<double>(parts_->unigrams.count(token)) +
           (recent_ ? options_.recent_weight * recent_->count(token) : 0);
  }

  // Adds the blended probabilities of all suffixes of one token or more, longest first: each level
  // hands on the share T/(n+T) (times options_.escape) that its own counts do not deserve.
  // Returns what is left for the level without context.
  double predict(std::span<const TokenId> context, TokenSums& sums, size_t& match_length,
                 size_t& n_seen) const {
    std::vector<Part> parts(parts_->parts.size());
    for (size_t p = 0; p < parts.size(); ++p) {
      const MemoryParts::Part& part = parts_->parts[p];
      parts[p].table = &part.piece->table();
      if (!part.hidden.empty()) parts[p].hidden = &part.hidden;
      if (p == replaced_part_) parts[p].replaced = replaced_;
    }
    if (recent_) {
      parts.emplace_back();
      parts.back().table = recent_.get();
      parts.back().weight = options_.recent_weight;
    }
    for (size_t p = 0; p < resume_.size(); ++p)
      if (!resume_[p].empty()) parts[p].resume = &resume_[p];
    size_t longest = 0;
    for (Part& part : parts) {
      part.table->match(context, options_.max_context, part.ranges);
      longest = std::max(longest, part.ranges.size());
    }
    match_length = n_seen = 0;
    double left = 1;
    double n = 0;
    std::vector<TokenId> counted;  // distinct tokens of the level
    for (size_t k = longest; k-- > 1 && left > kNegligible;) {
      const bool same_as_longer =
          k + 1 < longest && std::all_of(parts.begin(), parts.end(), [&](const Part& part) {
            return part.range(k).size() == part.range(k + 1).size();
          });
      if (!same_as_longer) {
        n = 0;
        counted.clear();
        size_t occurrences = 0;
        double weighted = 0;
        for (const Part& part : parts) {
          if (part.range(k).size() == 0) continue;
          const LevelCount count = count_level(part, k, sums, counted);
          n += count.n;
          weighted += count.weighted;
          occurrences += count.occurrences;
        }
        // Some places weigh more, all together as much as before: the trust in the level stays.
        if (weighted != n && weighted > 0) {
          for (const TokenId token : counted) sums.at(token).count *= n / weighted;
        }
        if (match_length == 0 && occurrences > 0) {
          match_length = k;
          n_seen = occurrences;
        }
      }
      if (n <= 0) continue;
      const double novel = options_.escape * static_cast<double>(counted.size());
      const double share = left / (n + novel);
      for (TokenId token : counted) {
        TokenSums::Entry& entry = sums.at(token);
        entry.probability += share * entry.count;
      }
      left *= novel / (n + novel);
    }
    return left;
  }

  struct LevelCount {
    double n = 0, weighted = 0;
    size_t occurrences = 0;
  };
  static LevelCount count_level(const Part& part, size_t k, TokenSums& sums,
                                std::vector<TokenId>& counted) {
    const SuffixTable::Range range = part.range(k);
    const uint32_t stride = (range.size() + kMaxScan - 1) / kMaxScan;
    const uint32_t mark = static_cast<uint32_t>(k) + 1;
    const bool hiding = part.may_hide();
    const double one = part.weight * stride;
    LevelCount level;
    for (uint64_t i = range.begin; i < range.end; i += stride) {
      const uint32_t index = static_cast<uint32_t>(i);
      if (hiding && part.hides(index)) continue;
      const TokenId token = part.table->next(index);
      TokenSums::Entry& entry = sums.at(token);
      if (entry.level != mark) {
        entry.level = mark;
        entry.count = 0;
        counted.push_back(token);
      }
      double weighted = one;
      if (part.resume)
        weighted *= 1 + kResumeWeight * part.resume->length_behind(part.table->position(index));
      entry.count += weighted;
      level.weighted += weighted;
      level.n += one;
      level.occurrences += stride;
    }
    return level;
  }

  const std::shared_ptr<const MemoryParts> parts_;
  const MemoryOptions options_;
  std::shared_ptr<const SuffixTable> recent_;
  Unigrams unigrams_;
  UnigramCounts recent_unigrams_;
  std::vector<uint32_t> recent_begin_;  // where each recent sequence begins
  std::vector<ResumePlaces> resume_;    // of each part, then of recent_; or empty
  uint32_t replaced_part_ = 0;
  std::pair<uint32_t, uint32_t> replaced_{0, 0};  // positions there
};

}  // namespace

MemoryOptions bounded(MemoryOptions options) {
  options.max_context = std::clamp<size_t>(options.max_context, 1, kMaxContext);
  options.max_tokens = std::min<size_t>(options.max_tokens, 1u << 30);
  return options;
}

std::shared_ptr<const RepositoryMemory> make_memory(std::shared_ptr<const MemoryParts> parts,
                                                    const MemoryOptions& options) {
  return std::make_shared<const Memory>(std::move(parts), bounded(options));
}

Result<std::shared_ptr<const RepositoryMemory>> RepositoryMemory::from_documents(
    const std::vector<std::pair<std::string, std::vector<TokenId>>>& path_and_tokens,
    const MemoryOptions& asked, const CancelToken& cancel) {
  const MemoryOptions options = bounded(asked);
  std::vector<std::pair<std::string, std::vector<TokenId>>> documents;
  size_t n = 0;
  for (const auto& [path, document] : path_and_tokens) {
    if (n >= options.max_tokens) break;
    documents.emplace_back(path, document);
    documents.back().second.resize(std::min(document.size(), options.max_tokens - n));
    n += documents.back().second.size();
  }
  ENGRAMD_TRY(auto piece, MemoryPiece::build(documents, options.max_context, cancel));
  auto parts = std::make_shared<MemoryParts>();
  parts->add(std::move(piece));
  for (uint32_t d = 0; d < documents.size(); ++d) parts->set_path(0, d, documents[d].first);
  parts->seal();
  return make_memory(std::move(parts), options);
}

}  // namespace engramd::repoindex
