// The second look: what hangs together with the files that were found first. Imports, callers and
// called names, files of one folder and the code that fitting tests use were tried as well, and
// found not to help (docs/benchmarks/context.md).
#include <algorithm>

#include "repoindex/rank/signals.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kSeeds = 8;  // files that were found first

struct Seed {
  uint32_t file;
  double weight;
};

std::vector<Seed> best_files(const std::vector<double>& first) {
  std::vector<Seed> seeds;
  for (uint32_t i = 0; i < first.size(); ++i) {
    if (first[i] > 0) seeds.push_back({i, first[i]});
  }
  const size_t n = std::min(seeds.size(), kSeeds);
  std::partial_sort(seeds.begin(), seeds.begin() + static_cast<std::ptrdiff_t>(n), seeds.end(),
                    [](const Seed& a, const Seed& b) {
                      return a.weight != b.weight ? a.weight > b.weight : a.file < b.file;
                    });
  seeds.resize(n);
  for (size_t k = 0; k < n; ++k)
    seeds[k].weight = first[seeds[k].file] / first[seeds[0].file] / static_cast<double>(k + 1);
  return seeds;
}

void follow_changes(const Corpus& corpus, const std::vector<Seed>& seeds,
                    const PastChanges& history, SignalTable& signals) {
  for (const Seed& seed : seeds) {
    const std::vector<std::string>& paths = history.paths();
    const auto known = std::find(paths.begin(), paths.end(), corpus.files[seed.file].path);
    if (known == paths.end()) continue;
    for (const auto& [path, likely] :
         history.changed_with(static_cast<uint32_t>(known - paths.begin()))) {
      const size_t i = corpus.find(paths[path]);
      if (i < corpus.files.size()) signals[Signal::together][i] += seed.weight * likely;
    }
  }
}

}  // namespace

void measure_neighbours(const Corpus& corpus, const std::vector<double>& first,
                        const PastChanges* history, SignalTable& signals) {
  for (size_t s = kFirstNeighbour; s < kSignals; ++s)
    signals.of_file[s].assign(corpus.files.size(), 0);
  const std::vector<Seed> seeds = best_files(first);
  if (seeds.empty()) return;
  if (history != nullptr) follow_changes(corpus, seeds, *history, signals);
}

}  // namespace engramd::repoindex
