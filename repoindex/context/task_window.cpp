#include "repoindex/context/task_window.h"

#include <algorithm>

#include "repoindex/context/collector.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kOutlinedFiles = 8;
constexpr size_t kSmallBudget = 8192;

// Up to `room` of the budget; a body that would go beyond it ends the list, and is cut to what is
// left of it when `cut_last`.
Status add_functions(const LocateResult& located, const TaskShares& shares, size_t budget,
                     size_t room, bool cut_last, const CancelToken& cancel, Collector& collector) {
  const size_t for_one = std::max<size_t>(budget * shares.one_function / 100, 64);
  size_t rank = 0;
  for (const RankedFunction& function : located.functions) {
    ENGRAMD_CHECK(cancel.check());
    const size_t used = budget - collector.left();
    if (++rank > shares.max_functions || used + kMinPartTokens > room) break;
    const SourceText* source = collector.source(function.path);
    if (!source || collector.covered(function.path, function.range)) continue;
    size_t begin = std::min(function.range.begin, source->text.size());
    while (begin > 0 && source->text[begin - 1] != '\n') --begin;
    const std::string body = source->slice({begin, function.range.end}) + "\n";
    std::string text = first_lines(body, collector.count(), std::min(room - used, for_one));
    if (!cut_last && text.size() < body.size() && room - used < for_one) break;
    collector.add(
        {PartKind::located, function.path, function.range, std::move(text),
         "function `" + function.name + "`, rank " + std::to_string(rank) + " for the task", 0});
  }
  return {};
}

// Whole files take the place of their functions that are shown already.
Status add_files(const LocateResult& located, const TaskShares& shares, size_t budget,
                 const CancelToken& cancel, Collector& collector) {
  const size_t for_one = budget * shares.one_file / 100;
  const size_t kept = budget * (100 - std::min<size_t>(shares.files + shares.functions, 100)) / 100;
  size_t rank = 0;
  for (const RankedFile& file : located.files) {
    ENGRAMD_CHECK(cancel.check());
    if (++rank > shares.max_files || collector.left() <= kept) break;
    const SourceText* source = collector.source(file.path);
    if (!source) continue;
    std::string text = source->slice({0, source->text.size()});
    const size_t n = collector.count()(text);
    if (n > for_one || n + kept > collector.left()) continue;
    collector.add({PartKind::located,
                   file.path,
                   {0, source->text.size()},
                   std::move(text),
                   "file " + std::to_string(rank) + " for the task, whole",
                   0},
                  true);
  }
  return {};
}

Status add_outlines(const View& view, const LocateResult& located, const CancelToken& cancel,
                    Collector& collector) {
  size_t rank = 0;
  for (const RankedFile& file : located.files) {
    ENGRAMD_CHECK(cancel.check());
    if (++rank > kOutlinedFiles || collector.left() < kMinPartTokens) break;
    const FileFactsPtr facts = view.facts(file.path);
    const SourceText* source = collector.source(file.path);
    if (!facts || !source || collector.covered(file.path, {0, source->text.size()})) continue;
    collector.add({PartKind::located,
                   file.path,
                   {0, 0},
                   outline(*facts, *source, collector.shown(file.path), collector.count(),
                           collector.left() / 2),
                   "outline of file " + std::to_string(rank) + " for the task",
                   0});
  }
  return {};
}

}  // namespace

TaskShares task_shares(size_t budget) {
  TaskShares shares;
  if (budget < kSmallBudget) {
    shares.functions = 100;
    shares.files = 0;
  }
  return shares;
}

Result<Window> window_of_located(const View& view, const LocateResult& located,
                                 const TokenCounter& count, Budget budget, const TaskShares& shares,
                                 const CancelToken& cancel) {
  Collector collector(view, count, budget.tokens);
  const size_t room = budget.tokens * shares.functions / 100;
  ENGRAMD_CHECK(add_functions(located, shares, budget.tokens, room, false, cancel, collector));
  ENGRAMD_CHECK(add_files(located, shares, budget.tokens, cancel, collector));
  ENGRAMD_CHECK(add_outlines(view, located, cancel, collector));
  ENGRAMD_CHECK(
      add_functions(located, shares, budget.tokens, budget.tokens, true, cancel, collector));
  Window window;
  window.parts = collector.take_sorted();
  for (const WindowPart& part : window.parts) window.n_tokens += part.n_tokens;
  return window;
}

Result<Window> window_of_located(const View& view, const LocateResult& located,
                                 const TokenCounter& count, Budget budget,
                                 const CancelToken& cancel) {
  return window_of_located(view, located, count, budget, task_shares(budget.tokens), cancel);
}

Result<Window> window_for_task(const View& view, std::string_view task, const TokenCounter& count,
                               Budget budget, const CancelToken& cancel) {
  LocateOptions options;
  options.k_functions = 200;
  ENGRAMD_TRY(const LocateResult located, locate(view, task, options, cancel));
  return window_of_located(view, located, count, budget, cancel);
}

}  // namespace engramd::repoindex
