#include "agent/repair/search.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "repoindex/index.h"

namespace engramd::agent {

Result<Workplace> Workplace::make(const std::filesystem::path& original, SandboxMode mode,
                                  const std::map<std::string, std::string>& unsaved,
                                  const CancelToken& cancel) {
  ENGRAMD_TRY(WorkTree tree, WorkTree::open(original, {}, cancel));
  for (const auto& [path, text] : unsaved) ENGRAMD_CHECK(tree.write(path, text));
  Workplace place;
  place.tree = std::make_unique<WorkTree>(std::move(tree));
  ENGRAMD_TRY(Sandbox sandbox, Sandbox::make(mode, *place.tree, test_helper_files()));
  place.sandbox = std::make_unique<Sandbox>(std::move(sandbox));
  return place;
}

namespace {

// So many that did not end at once wait before the first of them gets more time.
constexpr size_t kMaxWaiting = 16;
// What ends a loaded runner this often ends it for a reason of its own.
constexpr size_t kMaxLoadedAgain = 5;

class Search {
 public:
  Search(std::vector<Workplace>& workplaces, const std::vector<Candidate>& candidates,
         const std::function<std::optional<std::string>(const std::string&)>& base,
         const std::function<Result<Comparison>(const std::string&, const std::string&)>& accept,
         const SearchOptions& options, const CancelToken& cancel)
      : workplaces_(workplaces),
        candidates_(candidates),
        accept_(accept),
        options_(options),
        cancel_(cancel),
        n_candidates_(std::min(candidates.size(), options.max_candidates)) {
    for (const Candidate& candidate : candidates)
      if (base_.count(candidate.path) == 0)
        if (auto text = base(candidate.path)) base_[candidate.path] = std::move(*text);
    result_.trials.assign(candidates.size(), Trial::untried);
  }

  SearchResult run() {
    std::vector<std::thread> threads;
    for (size_t i = 1; i < workplaces_.size(); ++i)
      threads.emplace_back([this, i] { work(workplaces_[i]); });
    work(workplaces_[0]);
    for (std::thread& thread : threads) thread.join();
    result_.n_tried = n_tried_;
    result_.seconds = elapsed();
    result_.ran_out = result_.passing.empty() && (next_ < n_candidates_ || !waiting_.empty() ||
                                                  candidates_.size() > n_candidates_);
    std::stable_sort(result_.passing.begin(), result_.passing.end(),
                     [](const Passing& a, const Passing& b) { return a.index < b.index; });
    return std::move(result_);
  }

 private:
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  // Whether to go on with the candidate at index.
  bool wanted(size_t index) {
    if (cancel_.cancelled()) return false;
    std::lock_guard lock(mutex_);
    if (options_.cpu_s > 0 && result_.cpu_s > options_.cpu_s) return false;
    if (result_.passing.empty()) return true;
    if (result_.passing.size() >= options_.max_passing) return false;
    if (options_.try_all) return true;
    const double first = first_s_;
    if (elapsed() > first + std::max(options_.more_s, 0.5 * first)) return false;
    const size_t reached = result_.passing.front().index;
    return index <= reached + std::max(options_.more_candidates, reached);
  }

  struct Turn {
    size_t index;
    double wall_s;        // of a plain run
    bool second = false;  // it did not end in its first
    bool last = true;     // it gets no more time after this
  };
  // The next candidate, or one that did not end in the time it had first.
  std::optional<Turn> next_turn() {
    std::lock_guard lock(mutex_);
    const bool fresh = next_ < n_candidates_;
    if (!waiting_.empty() && (!fresh || waiting_.size() >= kMaxWaiting)) {
      const size_t index = waiting_.front();
      waiting_.pop_front();
      return Turn{index, options_.trial_wall_s, true, true};
    }
    if (!fresh) return std::nullopt;
    const bool may_wait =
        options_.first_wall_s > 0 && options_.first_wall_s < options_.trial_wall_s;
    return Turn{next_++, may_wait ? options_.first_wall_s : options_.trial_wall_s, false,
                !may_wait};
  }

  void work(Workplace& place) {
    while (const auto turn = next_turn()) {
      const size_t index = turn->index;
      if (!wanted(index)) return;
      const Candidate& candidate = candidates_[index];
      const auto base = base_.find(candidate.path);
      if (base == base_.end()) continue;
      const std::string text = apply_edit(base->second, candidate.edit);
      load_again(place);
      const double before_s = place.warm ? place.warm->cpu_s() : 0;
      // Each job writes the places of its own candidates only.
      Trial& trial = result_.trials[index];
      trial = Trial::failed;
      const bool promising = quick_check(place, candidate.path, base->second, text, *turn, trial);
      if (place.warm) {
        std::lock_guard lock(mutex_);
        result_.cpu_s += place.warm->cpu_s() - before_s;
      }
      const size_t tried = n_tried_ += turn->second ? 0 : 1;
      if (options_.on_progress && tried % 16 == 0) {
        std::lock_guard lock(mutex_);
        options_.on_progress(tried);
      }
      if (!promising || cancel_.cancelled()) continue;
      auto after = accept_(candidate.path, text);
      std::lock_guard lock(mutex_);
      if (!after) {
        result_.notes.push_back("the test command could not be run again: " +
                                after.error().message);
        continue;
      }
      result_.cpu_s += after->run.cpu_s;
      trial = after->sure() ? Trial::passed : Trial::rejected;
      if (!after->sure()) {
        ++result_.n_rejected_at_the_end;
        continue;
      }
      if (result_.passing.empty()) first_s_ = elapsed();
      result_.passing.push_back({index, text, std::move(*after)});
    }
  }

  bool quick_check(Workplace& place, const std::string& path, const std::string& before,
                   const std::string& text, const Turn& turn, Trial& trial) {
    if (place.warm) {
      if (options_.try_hot) {
        ++result_n_hot();
        const TrialOutcome hot =
            place.warm->try_text(path, text, true, options_.test_cpu_s, options_.trial_wall_s);
        if (hot == TrialOutcome::failed || hot == TrialOutcome::syntax) return false;
        if (hot == TrialOutcome::same) {
          std::lock_guard lock(mutex_);
          ++result_.n_same;
          trial = Trial::same;
          return false;
        }
        if (hot == TrialOutcome::gone) return without_warm(place, path, before, text, turn);
      }
      ++result_n_cold();
      const TrialOutcome cold = place.warm->try_text(path, text, false, 2 * options_.test_cpu_s,
                                                     2 * options_.trial_wall_s);
      if (cold == TrialOutcome::gone) return without_warm(place, path, before, text, turn);
      return cold == TrialOutcome::passed;
    }
    return plain(place, path, before, text, turn);
  }

  bool plain(Workplace& place, const std::string& path, const std::string& before,
             const std::string& text, const Turn& turn) {
    if (!repoindex::parses_cleanly(path, text) && repoindex::parses_cleanly(path, before))
      return false;
    {
      std::lock_guard lock(mutex_);
      ++result_.n_plain;
    }
    if (auto written = place.tree->write(path, text); !written) {
      note(written.error().message);
      return false;
    }
    bool green = true;
    if (options_.red_command) green = is_green(place, *options_.red_command, turn);
    if (green) green = is_green(place, options_.command, turn);
    if (auto restored = place.tree->write(path, before); !restored) note(restored.error().message);
    return green;
  }

  bool is_green(Workplace& place, const TestCommand& command, const Turn& turn) {
    TestRunOptions run_options;
    run_options.limits.wall_ms = static_cast<int64_t>(turn.wall_s * 1000);
    run_options.detailed = false;
    const auto run = run_tests(*place.sandbox, command, run_options, cancel_);
    if (!run) return false;
    std::lock_guard lock(mutex_);
    result_.cpu_s += run->cpu_s;
    if (run->timed_out && !turn.last) waiting_.push_back(turn.index);
    return run->green;
  }

  // A candidate has ended the loaded runner, in whatever it was doing: it is tried by itself.
  bool without_warm(Workplace& place, const std::string& path, const std::string& before,
                    const std::string& text, const Turn& turn) {
    place.warm.reset();
    ++place.n_warm_lost;
    if (cancel_.cancelled()) return false;  // it ended because the time did
    // A cold trial that was cut off has left the candidate in the file.
    if (auto restored = place.tree->write(path, before); !restored) {
      note(restored.error().message);
      return false;
    }
    const bool again = options_.load_again && place.n_warm_lost <= kMaxLoadedAgain;
    note(again ? "a candidate ended the loaded pytest: it is loaded again"
               : "candidates ended the loaded pytest: plain test runs from there on");
    return plain(place, path, before, text, turn);
  }

  void load_again(Workplace& place) {
    if (place.warm || place.n_warm_lost == 0 || place.n_warm_lost > kMaxLoadedAgain ||
        !options_.load_again || cancel_.cancelled())
      return;
    place.warm = options_.load_again(place);
    if (!place.warm) place.n_warm_lost = kMaxLoadedAgain + 1;
  }

  // Said once, however often it happens.
  void note(const std::string& text) {
    std::lock_guard lock(mutex_);
    if (std::find(result_.notes.begin(), result_.notes.end(), text) == result_.notes.end())
      result_.notes.push_back(text);
  }
  // Counters that several jobs write.
  struct Counted {
    std::mutex& mutex;
    size_t& value;
    void operator++() {
      std::lock_guard lock(mutex);
      ++value;
    }
  };
  Counted result_n_hot() { return {mutex_, result_.n_hot}; }
  Counted result_n_cold() { return {mutex_, result_.n_cold}; }

  std::vector<Workplace>& workplaces_;
  const std::vector<Candidate>& candidates_;
  const std::function<Result<Comparison>(const std::string&, const std::string&)>& accept_;
  const SearchOptions& options_;
  const CancelToken cancel_;
  const size_t n_candidates_;
  std::map<std::string, std::string> base_;
  std::atomic<size_t> n_tried_{0};
  const Clock::time_point start_ = Clock::now();
  std::mutex mutex_;  // guards what is below, between the jobs
  size_t next_ = 0;
  std::deque<size_t> waiting_;  // did not end in their first turn
  double first_s_ = 0;          // when the first passed
  SearchResult result_;
};

}  // namespace

std::string_view to_string(Trial trial) {
  switch (trial) {
    case Trial::untried:
      return "untried";
    case Trial::failed:
      return "failed";
    case Trial::same:
      return "same";
    case Trial::rejected:
      return "rejected";
    case Trial::passed:
      return "passed";
  }
  return "untried";
}

SearchResult search(std::vector<Workplace>& workplaces, const std::vector<Candidate>& candidates,
                    const std::function<std::optional<std::string>(const std::string& path)>& base,
                    const std::function<Result<Comparison>(const std::string& path,
                                                           const std::string& text)>& accept,
                    const SearchOptions& options, const CancelToken& cancel) {
  if (workplaces.empty() || candidates.empty()) return {};
  return Search(workplaces, candidates, base, accept, options, cancel).run();
}

}  // namespace engramd::agent
