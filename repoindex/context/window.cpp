#include <algorithm>
#include <map>
#include <set>

#include "repoindex/context.h"
#include "repoindex/context/pieces.h"
#include "repoindex/locate.h"
#include "repoindex/query.h"
#include "repoindex/search/imports.h"

namespace engramd::repoindex {
namespace {

// Shares of the budget, in percent: prefix and suffix are filled first, what they leave goes to
// other places, and what those leave goes back to the prefix and the suffix.
constexpr size_t kPrefixPercent = 60, kSuffixPercent = 15;
constexpr size_t kPrefixLineStep = 16;
constexpr size_t kSightBytes = 3000;  // how far from the cursor names are looked at
constexpr size_t kMaxNames = 60;
constexpr size_t kMaxDefinitions = 24;
constexpr size_t kMaxImportedFiles = 12;
constexpr size_t kShortBodyTokens = 120;  // a definition up to this is shown whole
constexpr size_t kMinPartTokens = 4;
constexpr size_t kMaxTaskFiles = 8;

// Takes parts while they fit and remembers which bytes of which file are in already.
class Collector {
 public:
  Collector(const View& view, const TokenCounter& count, size_t budget)
      : view_(view), count_(count), left_(budget) {}

  size_t left() const { return left_; }
  const SourceText* source(const std::string& path) {
    auto [at, fresh] = sources_.try_emplace(path);
    if (fresh) at->second = read_source(view_, path);
    return at->second ? &*at->second : nullptr;
  }
  const std::vector<ByteRange>& shown(const std::string& path) { return taken_[path]; }
  void mark(const std::string& path, ByteRange range) { taken_[path].push_back(range); }
  bool covered(const std::string& path, ByteRange range) const {
    const auto found = taken_.find(path);
    if (found == taken_.end()) return false;
    return std::any_of(found->second.begin(), found->second.end(), [&](ByteRange have) {
      return have.begin <= range.begin && range.end <= have.end;
    });
  }
  // whole: the text is all of the range, so parts that lie in it are dropped.
  bool add(const std::string& path, ByteRange range, std::string text, std::string why,
           bool whole = false) {
    if (trim(text).empty()) return false;
    const size_t n = count_(text);
    if (n == 0 || n > left_) return false;
    left_ -= n;
    mark(path, range);
    if (whole) {
      std::erase_if(parts_, [&](const WindowPart& part) {
        const bool inside = part.path == path && range.begin <= part.range.begin &&
                            part.range.end <= range.end && part.range.size() > 0;
        if (inside) left_ += part.n_tokens;
        return inside;
      });
    }
    parts_.push_back({path, range, std::move(text), std::move(why), n});
    return true;
  }
  // The same places in the same order whatever was looked up first.
  std::vector<WindowPart> take_sorted() {
    std::sort(parts_.begin(), parts_.end(), [](const WindowPart& a, const WindowPart& b) {
      if (a.path != b.path) return a.path < b.path;
      return a.range.begin != b.range.begin ? a.range.begin < b.range.begin
                                            : a.range.end < b.range.end;
    });
    return std::move(parts_);
  }

 private:
  const View& view_;
  const TokenCounter& count_;
  size_t left_;
  std::map<std::string, std::optional<SourceText>> sources_;
  std::map<std::string, std::vector<ByteRange>> taken_;
  std::vector<WindowPart> parts_;
};

// Occurrences near the cursor, one a name, nearest first; what lies before the cursor counts as
// twice as near as what lies behind it.
std::vector<const Occurrence*> names_in_sight(const FileFacts& facts, size_t offset) {
  auto distance = [&](const Occurrence& occurrence) {
    return occurrence.begin <= offset ? offset - occurrence.begin : (occurrence.begin - offset) * 2;
  };
  std::vector<const Occurrence*> near;
  for (const Occurrence& occurrence : facts.occurrences) {
    if (occurrence.role == Role::definition || distance(occurrence) > kSightBytes) continue;
    if (occurrence.name >= facts.names.size() || facts.names[occurrence.name].size() < 2) continue;
    near.push_back(&occurrence);
  }
  std::stable_sort(near.begin(), near.end(), [&](const Occurrence* a, const Occurrence* b) {
    return distance(*a) < distance(*b);
  });
  std::set<uint32_t> seen;
  std::erase_if(
      near, [&](const Occurrence* occurrence) { return !seen.insert(occurrence->name).second; });
  if (near.size() > kMaxNames) near.resize(kMaxNames);
  return near;
}

Status add_definitions(const View& view, const std::string& path, const FileFacts& facts,
                       size_t offset, const TokenCounter& count, const CancelToken& cancel,
                       Collector& collector) {
  size_t n = 0;
  for (const Occurrence* occurrence : names_in_sight(facts, offset)) {
    ENGRAMD_CHECK(cancel.check());
    if (n >= kMaxDefinitions || collector.left() < kMinPartTokens) break;
    const std::vector<SymbolHit> hits = find_definitions(view, path, occurrence->begin, 4);
    // Several equally unsure ones: showing any of them would be a guess.
    if (hits.empty() || (hits.front().confidence == Confidence::possible && hits.size() > 1))
      continue;
    const SymbolHit& hit = hits.front();
    if (hit.symbol.local || hit.symbol.kind == SymbolKind::file) continue;
    if (collector.covered(hit.place.path, hit.full_range)) continue;
    const FileFactsPtr their_facts = view.facts(hit.place.path);
    const SourceText* source = collector.source(hit.place.path);
    if (!their_facts || !source) continue;
    bool whole = false;
    std::string text = definition_text(*their_facts, *source, hit.symbol, count, kShortBodyTokens,
                                       std::min(collector.left(), kShortBodyTokens * 2), whole);
    if (collector.add(hit.place.path, hit.full_range, std::move(text),
                      "definition of `" + hit.symbol.name + "`", whole)) {
      ++n;
    }
  }
  return {};
}

Status add_imported_outlines(const View& view, const std::string& path, const FileFacts& facts,
                             const TokenCounter& count, const CancelToken& cancel,
                             Collector& collector) {
  if (facts.imports.empty()) return {};
  size_t n = 0;
  for (const std::string& imported : ImportGuess(view.paths()).imported_by(path, facts)) {
    ENGRAMD_CHECK(cancel.check());
    if (++n > kMaxImportedFiles || collector.left() < kMinPartTokens) break;
    const FileFactsPtr their_facts = view.facts(imported);
    if (!their_facts) continue;
    const SourceText* source = collector.source(imported);
    if (!source) continue;
    collector.add(
        imported, {0, 0},
        outline(*their_facts, *source, collector.shown(imported), count, collector.left() / 2),
        "outline of a file that is imported");
  }
  return {};
}

}  // namespace

size_t approximate_tokens(std::string_view text) {
  return (text.size() + 3) / 4;
}

Result<Window> window_at(const View& view, const std::string& path, size_t offset,
                         const TokenCounter& count, Budget budget, const CancelToken& cancel) {
  const std::optional<SourceText> source = read_source(view, path);
  if (!source) {
    return fail(ErrorCode::not_found, "no text that may be shown for " + path);
  }
  offset = std::min(offset, source->text.size());
  Window window;
  window.path = path;
  const std::string before = source->slice({0, offset});
  const std::string after = source->slice({offset, source->text.size()});
  const size_t prefix_share = budget.tokens * kPrefixPercent / 100;
  const size_t suffix_share = budget.tokens * kSuffixPercent / 100;
  window.prefix = last_lines(before, count, prefix_share, kPrefixLineStep);
  window.suffix = first_lines(after, count, suffix_share);
  const size_t used = count(window.prefix) + count(window.suffix);
  Collector collector(view, count, budget.tokens - std::min(used, budget.tokens));
  // The place of the cursor is shown already (up to a secret line or two).
  collector.mark(path,
                 {offset - std::min(offset, window.prefix.size()), offset + window.suffix.size()});
  if (const FileFactsPtr facts = view.facts(path)) {
    ENGRAMD_CHECK(add_definitions(view, path, *facts, offset, count, cancel, collector));
    ENGRAMD_CHECK(add_imported_outlines(view, path, *facts, count, cancel, collector));
  }
  window.parts = collector.take_sorted();

  size_t of_parts = 0;
  for (const WindowPart& part : window.parts) of_parts += part.n_tokens;
  const bool cut = window.prefix.size() < before.size() || window.suffix.size() < after.size();
  if (cut && collector.left() > 0) {
    const size_t for_file = budget.tokens - of_parts;
    const size_t of_suffix = count(window.suffix);
    // A part may then be seen twice, once in its own right: only parts of this very file could.
    const bool own_parts = std::any_of(window.parts.begin(), window.parts.end(),
                                       [&](const WindowPart& part) { return part.path == path; });
    if (!own_parts && of_suffix <= for_file) {
      window.prefix = last_lines(before, count, for_file - of_suffix, kPrefixLineStep);
      const size_t of_prefix = count(window.prefix);
      if (of_prefix <= for_file) window.suffix = first_lines(after, count, for_file - of_prefix);
    }
  }
  window.n_tokens = of_parts + count(window.prefix) + count(window.suffix);
  return window;
}

Result<Window> window_for_task(const View& view, std::string_view task, const TokenCounter& count,
                               Budget budget, const CancelToken& cancel) {
  LocateOptions options;
  options.k_files = kMaxTaskFiles;
  options.k_functions = 40;
  ENGRAMD_TRY(const LocateResult located, locate(view, task, options, cancel));
  Collector collector(view, count, budget.tokens);

  // Bodies take three quarters; a long one may take a third of that, its beginning then.
  const size_t for_outlines = budget.tokens / 4;
  size_t rank = 0;
  for (const RankedFunction& function : located.functions) {
    ENGRAMD_CHECK(cancel.check());
    ++rank;
    if (collector.left() <= for_outlines + kMinPartTokens) break;
    const SourceText* source = collector.source(function.path);
    if (!source || collector.covered(function.path, function.range)) continue;
    size_t begin = std::min(function.range.begin, source->text.size());
    while (begin > 0 && source->text[begin - 1] != '\n') --begin;
    const std::string body = source->slice({begin, function.range.end}) + "\n";
    const size_t share =
        std::min(collector.left() - for_outlines, std::max<size_t>(budget.tokens / 4, 64));
    std::string text = first_lines(body, count, share);
    collector.add(
        function.path, function.range, std::move(text),
        "function `" + function.name + "`, rank " + std::to_string(rank) + " for the task");
  }
  rank = 0;
  for (const RankedFile& file : located.files) {
    ENGRAMD_CHECK(cancel.check());
    ++rank;
    if (collector.left() < kMinPartTokens) break;
    const FileFactsPtr facts = view.facts(file.path);
    const SourceText* source = collector.source(file.path);
    if (!facts || !source) continue;
    collector.add(file.path, {0, 0},
                  outline(*facts, *source, collector.shown(file.path), count, collector.left() / 2),
                  "outline of file " + std::to_string(rank) + " for the task");
  }

  Window window;
  window.parts = collector.take_sorted();
  for (const WindowPart& part : window.parts) window.n_tokens += part.n_tokens;
  return window;
}

}  // namespace engramd::repoindex
