// repoindex/rank/signals.h - how much each kind of evidence speaks for each file. Any thread.
//
// One row a signal, one column a file of the corpus, as measured (scaled where they are summed).
// Which signals count, and how much, is rank/weights.h; a new signal is a row here and there and
// has to show in the ablation of tests/bench/localisation_eval.py what it is worth.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "repoindex/locate.h"
#include "repoindex/rank/corpus.h"
#include "repoindex/rank/history.h"
#include "repoindex/rank/task_query.h"

namespace engramd::repoindex {

enum class Signal : uint8_t {
  // Of the file by itself.
  text,       // BM25 of its words
  functions,  // BM25 of its three best functions
  path,       // BM25 of the words of its path
  defined,    // BM25 of the words in names it defines
  symbol,     // defines a name that the task writes as code
  mention,    // its path, or module, is in the task (a traceback)
  history,    // similar messages of past changes touched it
  churn,      // changed often of late
  // Next to the files that were found first.
  together,  // changed together with them
  count,
};
constexpr size_t kSignals = static_cast<size_t>(Signal::count);
constexpr size_t kFirstNeighbour = static_cast<size_t>(Signal::together);
std::string_view to_string(Signal signal);

struct MentionedLine {
  size_t file;
  uint32_t line;  // from 0
};

struct SignalTable {
  std::array<std::vector<double>, kSignals> of_file;
  std::vector<std::vector<double>> of_function;  // by file: BM25 of each function
  std::vector<MentionedLine> lines;

  std::vector<double>& operator[](Signal s) { return of_file[static_cast<size_t>(s)]; }
  const std::vector<double>& operator[](Signal s) const { return of_file[static_cast<size_t>(s)]; }
};

// The signals of files by themselves; history may be null.
SignalTable measure_signals(const Corpus& corpus, const TaskQuery& query, std::string_view task,
                            const LocateOptions& options, const PastChanges* history);
// Adds those of neighbours, given a first score of each file.
void measure_neighbours(const Corpus& corpus, const std::vector<double>& first,
                        const PastChanges* history, SignalTable& signals);
// Every row scaled so that its largest is 1.
void scale_signals(SignalTable& signals);

}  // namespace engramd::repoindex
