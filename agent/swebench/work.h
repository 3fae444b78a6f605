// agent/swebench/work.h - one instance in one process, with one folder for what comes of it.
//
//   <folder>/job.json         what to do; without the fix and its tests, unless they are revealed
//           status.json       state, pid and host while it runs; what came of it afterwards
//           report.json       of the agent (docs/formats/agent-report.md)
//           trajectory.jsonl  saved after every step; a run that was cut goes on from it
//           patch.diff        what is submitted: without tests, CI, locks
//           log.txt           what was said on the way
//           sample-1/ …       the same of each sample, when there are several
//
// The child process runs run_job once; the coordinator (run.h) reads the folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "agent/solve/solve.h"
#include "agent/swebench/environment.h"
#include "agent/swebench/instance.h"
#include "agent/swebench/repository.h"

namespace engramd::agent::swebench {

// Settings that all instances of a run share; part of the manifest.
struct WorkSettings {
  std::filesystem::path repos, cache;
  uint64_t cache_bytes = 20ull << 30;
  std::string model;     // as --model says it; empty: the configured one
  std::string model_id;  // model_name_or_path of the predictions
  std::string strategy = "auto", environment = "host", sandbox;
  std::string test_report;  // where the tests leave JUnit XML or TAP; empty: the framework is asked
  // Repair needs a red test: shows the agent the fix's tests. Such a run is no benchmark result.
  bool reveal_tests = false;
  double timeout_s = 1800;
  int max_steps = 100, n_samples = 1;
  int64_t max_tokens = 2'000'000;
  int64_t seed = 0;
  double temperature = -1;                               // below 0: the model's default
  double price_in = 0, price_cached = 0, price_out = 0;  // per million tokens
};

struct Job {
  WorkSettings settings;
  Instance instance;
  bool resume = false;
};
std::string to_json_text(const Job& job);
Result<Job> read_job(const std::filesystem::path& file);

enum class WorkState { waiting, running, done, infra, interrupted };
std::string_view to_string(WorkState state);

struct WorkStatus {
  std::string id;
  WorkState state = WorkState::waiting;
  std::string reason;         // of infra
  std::string outcome, exit;  // of the agent: "resolved", "steps" …
  std::string strategy, model, host;
  int pid = 0, attempts = 0;
  int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  double cost = 0, wall_s = 0, cpu_s = 0;
  size_t n_steps = 0, patch_bytes = 0;
  std::vector<std::string> left_out;  // of the patch
  std::string prompts_hash;           // of the system prompt that was sent
  std::string started, ended;         // UTC
};
Status write_status(const WorkStatus& status, const std::filesystem::path& folder);
Result<WorkStatus> read_status(const std::filesystem::path& folder);

// What daemon knows and we do not: the models. Fills model or ranker of the options.
using PrepareModel =
    std::function<Status(SolveOptions& options, const WorkSettings& settings, int sample)>;

struct WorkHooks {
  PrepareModel prepare_model;
  std::function<void(const std::string& stage, const std::string& detail)> progress;
};

// The final status, as written. An error only when the folder cannot be written.
Result<WorkStatus> run_job(const Job& job, const std::filesystem::path& folder,
                           const WorkHooks& hooks, const CancelToken& cancel);

// Which of several reports to submit: by its own tests, then by how many samples came to the same
// change, then the smaller one, then the first. `reports` is not empty.
size_t choose_sample(const std::vector<Report>& reports);

std::string utc_now();

}  // namespace engramd::agent::swebench
