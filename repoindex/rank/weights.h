// repoindex/rank/weights.h - how much each signal weighs once it is scaled to at most 1.
//
// Fitted on the development half of a benchmark mined from the histories of Python projects and
// checked by leaving projects out; docs/benchmarks/context.md has the ablation.
#pragma once

#include <array>
#include <optional>

#include "repoindex/rank/signals.h"

namespace engramd::repoindex {

struct RankWeights {
  std::array<double, kSignals> first{};   // of the first look; neighbours are not known then
  std::array<double, kSignals> second{};  // of the answer
  // Of functions: their own words, their file's total, being named, and a line in a traceback.
  double own = 1, file = 1, named = 0.3, at_mentioned_line = 1;
};

inline RankWeights default_weights() {
  RankWeights weights;
  auto set = [](std::array<double, kSignals>& row, Signal signal, double value) {
    row[static_cast<size_t>(signal)] = value;
  };
  for (auto* row : {&weights.first, &weights.second}) {
    set(*row, Signal::text, 0.5);
    set(*row, Signal::functions, 0.5);
    set(*row, Signal::path, 0.4);
    set(*row, Signal::defined, 0.15);
    set(*row, Signal::symbol, 0.2);
    set(*row, Signal::mention, 0.5);
    set(*row, Signal::history, 0.1);
    set(*row, Signal::churn, 0.15);
  }
  set(weights.second, Signal::together, 0.1);
  return weights;
}

// The ranking itself, for callers that have the counts and want other weights or the measured
// signals (scaled; set when seen is given).
Result<LocateResult> rank_files(const Corpus& corpus, const std::optional<PastChanges>& history,
                                std::string_view task, const LocateOptions& options,
                                const RankWeights& weights, const CancelToken& cancel,
                                SignalTable* seen = nullptr);

}  // namespace engramd::repoindex
