#include "repoindex/locate.h"

#include <algorithm>

#include "repoindex/rank/bm25.h"
#include "repoindex/rank/corpus.h"
#include "repoindex/rank/history.h"
#include "repoindex/rank/signals.h"
#include "repoindex/rank/weights.h"
#include "repoindex/snapshot.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxTaskBytes = 256u << 10;

std::vector<double> weighted_sum(const SignalTable& signals,
                                 const std::array<double, kSignals>& weights, size_t n) {
  std::vector<double> total(n, 0);
  for (size_t s = 0; s < kSignals; ++s) {
    if (weights[s] == 0 || signals.of_file[s].empty()) continue;
    for (size_t i = 0; i < n; ++i) total[i] += weights[s] * signals.of_file[s][i];
  }
  return total;
}

std::vector<RankedFunction> rank_functions(const Corpus& corpus, const TaskQuery& query,
                                           const SignalTable& signals,
                                           const std::vector<double>& total,
                                           const RankWeights& weights) {
  double best = 0;
  for (const auto& of_one : signals.of_function) {
    for (double score : of_one) best = std::max(best, score);
  }
  std::vector<RankedFunction> functions;
  for (size_t i = 0; i < corpus.files.size(); ++i) {
    const TextTerms& terms = corpus.files[i].terms();
    for (size_t f = 0; f < terms.functions.size(); ++f) {
      const TextTerms::Function& function = terms.functions[f];
      double score = best > 0 ? weights.own * signals.of_function[i][f] / best : 0;
      if (std::find(query.names.begin(), query.names.end(), function.bare_name) !=
          query.names.end()) {
        score += weights.named;
      }
      for (const MentionedLine& place : signals.lines) {
        const std::vector<uint32_t>& starts = corpus.files[i].counted->line_starts;
        if (place.file == i && place.line < starts.size() &&
            function.range.contains(starts[place.line])) {
          score += weights.at_mentioned_line;
          break;
        }
      }
      if (score <= 0) continue;
      functions.push_back(
          {corpus.files[i].path, function.name, function.range, score + weights.file * total[i]});
    }
  }
  std::stable_sort(
      functions.begin(), functions.end(),
      [](const RankedFunction& a, const RankedFunction& b) { return a.score > b.score; });
  return functions;
}

}  // namespace

bool is_test_path(std::string_view path) {
  size_t begin = 0;
  for (size_t slash; (slash = path.find('/', begin)) != std::string_view::npos; begin = slash + 1) {
    const std::string_view folder = path.substr(begin, slash - begin);
    if (folder == "test" || folder == "tests" || folder == "__tests__" || folder == "spec")
      return true;
    if (folder == "testing" && begin == 0) return true;
    if (folder == "testdata") return true;
  }
  const std::string_view name = path.substr(begin);
  const size_t dot = name.find('.');
  const std::string_view stem = name.substr(0, dot);
  const std::string_view endings =
      dot == std::string_view::npos ? std::string_view() : name.substr(dot);
  return stem.starts_with("test_") || stem.ends_with("_test") || stem.ends_with("_tests") ||
         stem == "conftest" || endings.starts_with(".test.") || endings.starts_with(".spec.") ||
         (endings == ".java" && (stem.ends_with("Test") || stem.ends_with("Tests")));
}

struct LocateIndex::State {
  explicit State(size_t max_bytes) : corpora(max_bytes) {}
  CorpusCache corpora;
  ChangeLogCache changes;
};

LocateIndex::LocateIndex(size_t max_bytes) : state_(std::make_unique<State>(max_bytes)) {}
LocateIndex::~LocateIndex() = default;

size_t LocateIndex::n_bytes() const {
  return state_->corpora.n_bytes();
}

Result<LocateResult> LocateIndex::locate(const View& view, std::string_view task,
                                         const LocateOptions& options, const CancelToken& cancel) {
  task = task.substr(0, kMaxTaskBytes);
  ENGRAMD_TRY(const std::shared_ptr<const Corpus> corpus,
              state_->corpora.corpus(view, options.include_tests, cancel));
  LocateResult result;
  if (corpus->files.empty()) return result;
  ChangeLogPtr log;
  if (options.use_history && !view.root().empty()) {
    const std::string commit = view.snapshot->commit();
    ENGRAMD_TRY(log, state_->changes.log(view.root(), commit, cancel));
  }
  return rank_files(*corpus, log != nullptr ? std::make_optional<PastChanges>(log) : std::nullopt,
                    task, options, default_weights(), cancel);
}

Result<LocateResult> rank_files(const Corpus& corpus, const std::optional<PastChanges>& history,
                                std::string_view task, const LocateOptions& options,
                                const RankWeights& weights, const CancelToken& cancel,
                                SignalTable* seen) {
  const PastChanges* past = history ? &*history : nullptr;
  TermTable table;
  const TaskQuery query = read_task(task, table);
  if (query.items.empty() && options.mentioned.empty()) return LocateResult{};
  SignalTable signals = measure_signals(corpus, query, task, options, past);
  ENGRAMD_CHECK(cancel.check());
  scale_signals(signals);
  const size_t n = corpus.files.size();
  measure_neighbours(corpus, weighted_sum(signals, weights.first, n), past, signals);
  ENGRAMD_CHECK(cancel.check());
  scale_signals(signals);
  std::vector<double> total = weighted_sum(signals, weights.second, n);
  for (size_t i = 0; i < n; ++i) total[i] *= corpus.files[i].weight;
  scale_to_one(total);

  LocateResult result;
  for (size_t i = 0; i < n; ++i) {
    if (total[i] > 0) result.files.push_back({corpus.files[i].path, total[i]});
  }
  // The files are in the order of their paths, so a stable sort settles equal scores by path.
  std::stable_sort(result.files.begin(), result.files.end(),
                   [](const RankedFile& a, const RankedFile& b) { return a.score > b.score; });
  if (result.files.size() > options.k_files) result.files.resize(options.k_files);
  result.functions = rank_functions(corpus, query, signals, total, weights);
  if (result.functions.size() > options.k_functions) result.functions.resize(options.k_functions);
  if (seen != nullptr) *seen = std::move(signals);
  return result;
}

Result<LocateResult> locate(const View& view, std::string_view task, const LocateOptions& options,
                            const CancelToken& cancel) {
  return LocateIndex().locate(view, task, options, cancel);
}

}  // namespace engramd::repoindex
