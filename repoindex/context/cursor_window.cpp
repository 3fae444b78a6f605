#include <algorithm>
#include <set>

#include "base/file.h"
#include "repoindex/context/collector.h"
#include "repoindex/context/similar.h"
#include "repoindex/git/uncommitted.h"
#include "repoindex/query.h"
#include "repoindex/query/imported.h"
#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {
namespace {

// Shares of the budget, in percent: prefix and suffix are filled first, what they leave goes to
// other places, and what those leave goes back to the prefix and the suffix.
constexpr size_t kPrefixPercent = 60;
// What stands behind the cursor is computed anew for every key in the usual order of prompts, so a
// large window does not show more of it than helps.
constexpr size_t kSuffixPercent = 15, kLargeSuffixPercent = 8, kEnoughSuffixTokens = 120;
constexpr size_t kPrefixLineStep = 16;
constexpr size_t kSteps = 8;  // ends of texts move by eighths of the budget
// Shares of that room. Fixed, so that one kind's change does not move the ends of the others; what
// is left then goes to more definitions, and at last to outlines.
constexpr size_t kEnclosesPercent = 15, kDefinitionPercent = 65, kSimilarPercent = 20,
                 kEditedPercent = 15;
constexpr size_t kMinRoomForSimilar = 200;  // the first lines alone say nothing
constexpr size_t kSightBytes = 3000;        // how far from the cursor names are looked at
constexpr size_t kSightStep = 500;
constexpr size_t kMaxNames = 60;
constexpr size_t kMaxDefinitions = 24;
constexpr size_t kMaxImportedFiles = 12;
constexpr size_t kShortBodyTokens = 120;  // a definition up to this is shown whole
constexpr size_t kMaxEnclosing = 4;
constexpr size_t kSimilarLines = 16;  // before the cursor
constexpr size_t kSimilarLineStep = 8;
constexpr size_t kMaxSimilar = 2, kMaxSimilarFiles = 24;
constexpr size_t kMaxEdited = 6, kEditedMargin = 2;
constexpr uint64_t kMaxEditedBytes = 1u << 20;
constexpr size_t kNearSpans = 4;  // changed lines this near to each other are one piece

// What the window is taken of. Parts look at whole lines, so they stay while a line is typed.
struct Sight {
  const View& view;
  const std::string& path;
  const std::string& text;
  const FileFacts* facts;  // null when the file is not parsed
  size_t offset;           // of the cursor
  size_t line_begin;       // of its line
};

size_t line_start(std::string_view text, size_t offset) {
  if (offset == 0) return 0;
  const size_t before = text.rfind('\n', offset - 1);
  return before == std::string_view::npos ? 0 : before + 1;
}

// Occurrences near the cursor, one a name, nearest first; what lies before the cursor counts as
// twice as near as what lies behind it. The line of the cursor is left out. Distances are rough,
// so that a new line adds its names without changing the order of all others.
std::vector<const Occurrence*> names_in_sight(const Sight& sight) {
  const size_t here = sight.line_begin / kSightStep;
  auto distance = [&](const Occurrence& occurrence) -> size_t {
    if (occurrence.begin < sight.line_begin)
      return (here - occurrence.begin / kSightStep) * kSightStep;
    return (occurrence.begin - sight.offset) / kSightStep * 2 * kSightStep + kSightStep;
  };
  const FileFacts& facts = *sight.facts;
  std::vector<const Occurrence*> near;
  for (const Occurrence& occurrence : facts.occurrences) {
    const bool in_line = occurrence.begin >= sight.line_begin && occurrence.begin < sight.offset;
    if (in_line || occurrence.role == Role::definition || distance(occurrence) > kSightBytes)
      continue;
    if (occurrence.name >= facts.names.size() || facts.names[occurrence.name].size() < 2) continue;
    near.push_back(&occurrence);
  }
  std::stable_sort(near.begin(), near.end(), [&](const Occurrence* a, const Occurrence* b) {
    if (distance(*a) != distance(*b)) return distance(*a) < distance(*b);
    return a->begin < sight.line_begin ? a->begin > b->begin : a->begin < b->begin;
  });
  std::set<uint32_t> seen;
  std::erase_if(
      near, [&](const Occurrence* occurrence) { return !seen.insert(occurrence->name).second; });
  if (near.size() > kMaxNames) near.resize(kMaxNames);
  return near;
}

// A kind's own limit: how much it may leave of the collector's room.
class Share {
 public:
  Share(const Collector& collector, size_t room, size_t percent)
      : collector_(collector),
        least_(collector.left() - std::min(collector.left(), room * percent / 100)) {}
  size_t left() const { return collector_.left() - std::min(collector_.left(), least_); }

 private:
  const Collector& collector_;
  size_t least_;
};

Status add_imported_outlines(const Sight& sight, const std::vector<std::string>& imported,
                             const Share& share, const CancelToken& cancel, Collector& collector) {
  size_t n = 0;
  for (const std::string& path : imported) {
    ENGRAMD_CHECK(cancel.check());
    if (++n > kMaxImportedFiles || share.left() < kMinPartTokens) break;
    const FileFactsPtr facts = sight.view.facts(path);
    const SourceText* source = facts ? collector.source(path) : nullptr;
    if (source == nullptr) continue;
    collector.add(
        {PartKind::imported,
         path,
         {0, 0},
         outline(*facts, *source, collector.shown(path), collector.count(), share.left() / 2),
         "outline of a file that is imported",
         0});
  }
  return {};
}

// Heads of the definitions around the cursor whose first lines the prefix does not reach.
void add_enclosing(const Sight& sight, size_t prefix_begin, const Share& share,
                   Collector& collector) {
  const SourceText* source = collector.source(sight.path);
  if (source == nullptr) return;
  const auto secret = [&](const Symbol& symbol) {
    return std::any_of(source->secrets.begin(), source->secrets.end(), [&](ByteRange line) {
      return line.begin < symbol.name_end && symbol.name_begin < line.end;
    });
  };
  std::vector<const Symbol*> around;
  for (const Symbol& symbol : sight.facts->symbols) {
    if (symbol.begin < prefix_begin && symbol.begin <= sight.line_begin &&
        sight.line_begin < symbol.end && !symbol.signature.empty() && !secret(symbol)) {
      around.push_back(&symbol);
    }
  }
  if (around.size() > kMaxEnclosing) around.erase(around.begin(), around.end() - kMaxEnclosing);
  size_t depth = 0;
  for (const Symbol* symbol : around) {
    if (collector.covered(sight.path, {symbol->name_begin, symbol->name_end})) continue;
    // Its signature alone: a list of members would change with each one that is typed.
    std::string text(depth++ * 4, ' ');
    text += symbol->signature + "\n";
    if (collector.count()(text) > share.left()) break;
    collector.add({PartKind::encloses,
                   sight.path,
                   {symbol->name_begin, symbol->name_end},
                   std::move(text),
                   "head of `" + symbol->name + "`, which encloses the cursor",
                   0});
  }
}

// What the names in sight mean, looked up as far as there is room for it.
class DefinitionsInSight {
 public:
  explicit DefinitionsInSight(const Sight& sight) : sight_(sight), names_(names_in_sight(sight)) {}

  Status add(const Share& share, const CancelToken& cancel, Collector& collector) {
    for (size_t i = 0; i < names_.size(); ++i) {
      ENGRAMD_CHECK(cancel.check());
      if (n_added_ >= kMaxDefinitions || share.left() < kMinPartTokens) break;
      if (i == found_.size()) found_.push_back(look_up(*names_[i]));
      if (found_[i]) add_one(*found_[i], share, collector);
    }
    return {};
  }

 private:
  std::optional<SymbolHit> look_up(const Occurrence& occurrence) const {
    std::vector<SymbolHit> hits = find_definitions(sight_.view, sight_.path, occurrence.begin, 4);
    // Several equally unsure ones: showing any of them would be a guess.
    if (hits.empty() || (hits.front().confidence == Confidence::possible && hits.size() > 1))
      return std::nullopt;
    if (hits.front().symbol.local || hits.front().symbol.kind == SymbolKind::file)
      return std::nullopt;
    return std::move(hits.front());
  }

  void add_one(const SymbolHit& hit, const Share& share, Collector& collector) {
    if (collector.covered(hit.place.path, hit.full_range)) return;
    const FileFactsPtr facts = sight_.view.facts(hit.place.path);
    const SourceText* source = collector.source(hit.place.path);
    if (!facts || !source) return;
    bool whole = false;
    std::string text =
        definition_text(*facts, *source, hit.symbol, collector.count(), kShortBodyTokens,
                        std::min(share.left(), kShortBodyTokens * 2), whole);
    n_added_ += collector.add({PartKind::definition, hit.place.path, hit.full_range,
                               std::move(text), "definition of `" + hit.symbol.name + "`", 0},
                              whole);
  }

  const Sight& sight_;
  std::vector<const Occurrence*> names_;
  std::vector<std::optional<SymbolHit>> found_;  // of the first names
  size_t n_added_ = 0;
};

// Open documents first, then imported files, then neighbours in the folder.
std::vector<std::string> places_to_compare(const Sight& sight,
                                           const std::vector<std::string>& imported,
                                           const std::vector<std::string>& all) {
  // Not this file: its lines move with every line that is typed.
  std::vector<std::string> paths;
  const std::string_view extension = extension_of(sight.path);
  auto take = [&](const std::string& path) {
    if (paths.size() < kMaxSimilarFiles && path != sight.path && extension_of(path) == extension &&
        std::find(paths.begin(), paths.end(), path) == paths.end()) {
      paths.push_back(path);
    }
  };
  if (sight.view.overlay != nullptr) {
    for (const auto& [path, document] : *sight.view.overlay) take(path);
  }
  for (const std::string& path : imported) take(path);
  const std::string folder = parent_path(sight.path);
  for (auto path = std::lower_bound(all.begin(), all.end(), folder);
       path != all.end() && path->starts_with(folder); ++path) {
    if (parent_path(*path) == folder) take(*path);
  }
  return paths;
}

Status add_similar(const Sight& sight, const std::vector<std::string>& places, const Share& share,
                   const CancelToken& cancel, Collector& collector) {
  // The lines that are compared move in steps, as the prefix does.
  std::vector<size_t> starts{0};
  for (size_t i = 0; i < sight.line_begin; ++i) {
    if (sight.text[i] == '\n') starts.push_back(i + 1);
  }
  const size_t line = starts.size() - 1;
  const size_t last = line / kSimilarLineStep * kSimilarLineStep;
  const size_t first = last - std::min(last, kSimilarLines);
  // At the head of a file the few lines there are have to do.
  const size_t end = last > 0 ? starts[last] : sight.line_begin;
  const std::string_view lines =
      std::string_view(sight.text).substr(starts[first], end - starts[first]);
  const auto found = find_similar_lines(lines, places, collector, cancel);
  ENGRAMD_CHECK(cancel.check());
  size_t n = 0;
  for (const SimilarLines& similar : found) {
    if (n >= kMaxSimilar || share.left() < kMinPartTokens) break;
    if (collector.touched(similar.path, similar.range)) continue;
    const SourceText* source = collector.source(similar.path);
    std::string text = first_lines(source->slice(similar.range), collector.count(), share.left());
    if (!text.ends_with('\n') && similar.range.end < source->text.size()) continue;
    const ByteRange shown{similar.range.begin, similar.range.begin + text.size()};
    n += collector.add({PartKind::similar, similar.path, shown, std::move(text),
                        "lines like those before the cursor", 0});
  }
  return {};
}

// Where two texts differ, as whole lines of the second one with a small margin.
std::optional<ByteRange> changed_lines(std::string_view before, std::string_view after) {
  if (before == after) return std::nullopt;
  size_t same = 0;
  const size_t shorter = std::min(before.size(), after.size());
  while (same < shorter && before[same] == after[same]) ++same;
  size_t tail = 0;
  while (tail < shorter - same &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
    ++tail;
  ByteRange range{line_start(after, same), after.size() - tail};
  for (size_t n = 0; n < kEditedMargin && range.begin > 0; ++n)
    range.begin = line_start(after, range.begin - 1);
  for (size_t n = 0; n <= kEditedMargin && range.end < after.size(); ++n) {
    const size_t line_end = after.find('\n', range.end);
    range.end = line_end == std::string_view::npos ? after.size() : line_end + 1;
  }
  // Without the last line end, as definitions are.
  while (range.end > range.begin && after[range.end - 1] == '\n') --range.end;
  return range;
}

// What other documents hold that is not saved.
Status add_unsaved(const Sight& sight, const Share& share, const CancelToken& cancel,
                   Collector& collector) {
  if (sight.view.overlay == nullptr || sight.view.snapshot == nullptr) return {};
  size_t n = 0;
  for (const auto& [path, document] : *sight.view.overlay) {
    ENGRAMD_CHECK(cancel.check());
    if (n >= kMaxEdited || share.left() < kMinPartTokens) break;
    if (path == sight.path || document.text == nullptr || document.text->size() > kMaxEditedBytes)
      continue;
    const View saved{sight.view.snapshot, nullptr};
    const auto changed = changed_lines(saved.text(path).value_or(""), *document.text);
    if (!changed || collector.covered(path, *changed)) continue;
    const SourceText* source = collector.source(path);
    if (source == nullptr) continue;
    n += collector.add({PartKind::edited, path, *changed,
                        first_lines(source->slice(*changed), collector.count(), share.left()),
                        "not saved yet in another document", 0});
  }
  return {};
}

// Lines of a document that was edited after it was saved are elsewhere by now.
bool edited_further(const View& view, const std::string& path) {
  if (view.overlay == nullptr) return false;
  const auto open = view.overlay->find(path);
  if (open == view.overlay->end() || open->second.text == nullptr) return false;
  return View{view.snapshot, nullptr}.text(path) != *open->second.text;
}

// What was saved in other files since the last commit, the youngest file first.
Status add_uncommitted(const Sight& sight, const Share& share, const CancelToken& cancel,
                       Collector& collector) {
  if (sight.view.uncommitted == nullptr) return {};
  size_t n = 0;
  for (const UncommittedFile& file : sight.view.uncommitted->files) {
    ENGRAMD_CHECK(cancel.check());
    if (n >= kMaxEdited || share.left() < kMinPartTokens) break;
    if (file.path == sight.path || edited_further(sight.view, file.path)) continue;
    const SourceText* source = collector.source(file.path);
    if (source == nullptr) continue;
    const LineIndex lines(source->text);
    for (size_t i = 0; i < file.lines.size() && n < kMaxEdited;) {
      const size_t first = file.lines[i].first;
      size_t end = first + file.lines[i].n;
      for (++i; i < file.lines.size() && file.lines[i].first <= end + kNearSpans; ++i)
        end = file.lines[i].first + file.lines[i].n;
      const ByteRange range{lines.line_start(first - std::min(first, kEditedMargin)),
                            lines.line_start(end + kEditedMargin)};
      if (range.begin >= range.end || collector.covered(file.path, range)) continue;
      if (share.left() < kMinPartTokens) break;
      n += collector.add({PartKind::edited, file.path, range,
                          first_lines(source->slice(range), collector.count(), share.left()),
                          "changed since the last commit", 0});
    }
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
  const size_t tokens = budget.tokens;
  const size_t prefix_share = tokens * kPrefixPercent / 100;
  const size_t suffix_share =
      std::min(tokens * kSuffixPercent / 100,
               std::max(tokens * kLargeSuffixPercent / 100, kEnoughSuffixTokens));
  window.prefix = last_lines(before, count, prefix_share, kPrefixLineStep);
  window.suffix = first_lines(after, count, suffix_share);
  // Every key makes the prefix longer. So the room for parts depends on its share, or on its length
  // in steps while it is shorter: it must not shrink with each letter.
  const size_t step = std::max<size_t>(tokens / kSteps, 1);
  const auto stepped = [&](size_t n) { return (n + step - 1) / step * step; };
  const bool prefix_cut = window.prefix.size() < before.size();
  const bool suffix_cut = window.suffix.size() < after.size();
  const size_t of_prefix = count(window.prefix), of_suffix = count(window.suffix);
  const size_t for_prefix = prefix_cut
                                ? std::max(prefix_share, of_prefix)
                                : std::max(std::min(stepped(of_prefix), prefix_share), of_prefix);
  const size_t for_suffix = suffix_cut ? std::max(suffix_share, of_suffix) : of_suffix;
  const size_t room = tokens - std::min(for_prefix + for_suffix, tokens);
  Collector collector(view, count, room);
  const size_t prefix_begin = offset - std::min(offset, window.prefix.size());
  // The place of the cursor is shown already (up to a secret line or two).
  collector.mark(path, {prefix_begin, offset + window.suffix.size()});
  if (const FileFactsPtr facts = view.facts(path)) {
    const Sight sight{view,        path,   source->text,
                      facts.get(), offset, line_start(source->text, offset)};
    const std::vector<std::string> all = view.paths();
    const std::vector<std::string> imported = imported_files(view, path, *facts);
    if (budget.has(PartKind::encloses))
      add_enclosing(sight, prefix_begin, Share(collector, room, kEnclosesPercent), collector);
    // Before the definitions: what they show would otherwise move the similar lines about.
    if (budget.has(PartKind::similar) && room >= kMinRoomForSimilar) {
      ENGRAMD_CHECK(add_similar(sight, places_to_compare(sight, imported, all),
                                Share(collector, room, kSimilarPercent), cancel, collector));
    }
    DefinitionsInSight definitions(sight);
    const bool with_definitions = budget.has(PartKind::definition);
    if (with_definitions) {
      ENGRAMD_CHECK(definitions.add(Share(collector, room, kDefinitionPercent), cancel, collector));
    }
    if (budget.has(PartKind::edited)) {
      const Share share(collector, room, kEditedPercent);
      ENGRAMD_CHECK(add_unsaved(sight, share, cancel, collector));
      ENGRAMD_CHECK(add_uncommitted(sight, share, cancel, collector));
    }
    if (with_definitions)
      ENGRAMD_CHECK(definitions.add(Share(collector, room, 100), cancel, collector));
    if (budget.has(PartKind::imported)) {
      ENGRAMD_CHECK(
          add_imported_outlines(sight, imported, Share(collector, room, 100), cancel, collector));
    }
  }
  window.parts = collector.take_sorted();

  size_t of_parts = 0;
  for (const WindowPart& part : window.parts) of_parts += part.n_tokens;
  // What the parts leave goes back, in steps for the same reason; unless a part of this very file
  // would then be seen twice.
  const size_t spare = (room - of_parts) / step * step;
  const auto seen_twice = [&](ByteRange shown) {
    return std::any_of(window.parts.begin(), window.parts.end(), [&](const WindowPart& part) {
      return part.path == path && part.range.begin < shown.end && shown.begin < part.range.end;
    });
  };
  if (spare > 0 && prefix_cut) {
    std::string longer = last_lines(before, count, for_prefix + spare, kPrefixLineStep);
    if (!seen_twice({offset - std::min(offset, longer.size()), prefix_begin}))
      window.prefix = std::move(longer);
  } else if (spare > 0 && suffix_cut) {
    std::string longer = first_lines(after, count, for_suffix + spare);
    if (!seen_twice({offset + window.suffix.size(), offset + longer.size()}))
      window.suffix = std::move(longer);
  }
  window.n_tokens = of_parts + count(window.prefix) + count(window.suffix);
  return window;
}

}  // namespace engramd::repoindex
