#include "agent/swebench/run.h"

#include <algorithm>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "agent/swebench/place.h"
#include "agent/swebench/predictions.h"
#include "base/environment.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/process.h"
#include "base/text.h"
#include "base/thread_pool.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kPieceBytes = 64u << 20;
constexpr uint64_t kMaxPatchBytes = 64u << 20;
constexpr int kMergeTries = 600;

json counts_json(const RunCounts& counts) {
  return {{"all", counts.n_all},           {"done", counts.n_done},
          {"skipped", counts.n_skipped},   {"running", counts.n_running},
          {"infra", counts.n_infra},       {"interrupted", counts.n_interrupted},
          {"patches", counts.n_patches},   {"verified", counts.n_verified},
          {"tokens", counts.tokens},       {"cost", counts.cost},
          {"elapsed_s", counts.elapsed_s}, {"left_s", counts.left_s}};
}

// What a worker's end says when it left no word of its own.
std::string reason_of_end(const ProcessResult& ran, const fs::path& folder) {
  std::string last;
  if (const auto log = read_file(folder / "log.txt", kMaxPatchBytes))
    for (const std::string_view line : split_lines(*log))
      if (!trim(line).empty()) last = std::string(trim(line)).substr(0, 300);
  if (ran.timed_out) return "the worker was still running long after its time and was ended";
  if (ran.signal == 9) return "the worker was killed (signal 9): out of memory, or by somebody";
  if (ran.signal != 0) return "the worker ended by signal " + std::to_string(ran.signal);
  return "the worker ended with status " + std::to_string(ran.exit_code) +
         (last.empty() ? "" : ": " + last);
}

class Coordinator {
 public:
  Coordinator(const std::vector<Instance>& all, const std::vector<Instance>& mine,
              const RunOptions& options, const CancelToken& cancel)
      : all_(all), mine_(mine), options_(options), cancel_(cancel), start_(Clock::now()) {}

  Result<RunSummary> run() {
    ENGRAMD_CHECK(make_directories(options_.folder));
    ENGRAMD_CHECK(look_at_folder());
    ENGRAMD_CHECK(write_manifest());
    counts_.n_all = mine_.size();
    ThreadPool::parallel_for(mine_.size(), std::max<size_t>(1, options_.n_jobs), [&](size_t i) {
      if (stopped()) return;
      if (auto done = run_one(mine_[i]); !done) {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = done.error();
      }
    });
    if (auto merged = merge(); !merged && !error_) error_ = merged.error();
    if (error_ && !cancel_.cancelled()) return fail(*error_);
    RunSummary summary;
    summary.counts = snapshot();
    summary.interrupted = cancel_.cancelled();
    summary.notes = notes_;
    return summary;
  }

 private:
  bool stopped() {
    const std::lock_guard lock(mutex_);
    return cancel_.cancelled() || error_.has_value();
  }

  Status look_at_folder() {
    if (options_.resume) return {};
    for (const Instance& instance : mine_) {
      std::error_code error;
      if (fs::exists(options_.folder / instance.id / "status.json", error))
        return fail(
            ErrorCode::invalid_input,
            options_.folder.string() +
                " holds a run already; --resume goes on with it, another --out begins anew");
    }
    return {};
  }

  Status write_manifest() {
    const WorkSettings& s = options_.settings;
    json settings = json::parse(to_json_text(Job{s, {}, false}), nullptr, false);
    settings.erase("instance");
    settings.erase("resume");
    json manifest = {{"version", 1},
                     {"engramd", options_.version},
                     {"binary_hash", digest_of_file(executable_path()).value_or("")},
                     {"settings", std::move(settings)},
                     {"node", host_name()},
                     {"started", utc_now()},
                     {"shard", std::to_string(options_.shard.index) + "/" +
                                   std::to_string(options_.shard.count)},
                     {"jobs", options_.n_jobs},
                     {"instances", mine_.size()},
                     {"resumed", options_.resume}};
    if (const json extra = json::parse(options_.manifest_extra, nullptr, false); extra.is_object())
      manifest.update(extra);
    std::string name = "manifest";
    if (options_.shard.count > 1)
      name += "-" + std::to_string(options_.shard.index) + "-of-" +
              std::to_string(options_.shard.count);
    return write_file_atomic(options_.folder / (name + ".json"),
                             manifest.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
  }

  Status run_one(const Instance& instance) {
    const fs::path folder = options_.folder / instance.id;
    ENGRAMD_CHECK(make_directories(folder));
    auto lock = FileLock::try_acquire(folder / "lock");
    if (!lock) {
      if (lock.error().code != ErrorCode::unavailable) return fail(lock.error());
      count_skip("another process is at work on " + instance.id);
      return {};
    }
    if (options_.resume)
      if (const auto before = read_status(folder); before && before->state == WorkState::done) {
        const std::lock_guard guard(mutex_);
        ++counts_.n_skipped;
        add(*before);
        return {};
      }
    if (options_.ready) ENGRAMD_CHECK(options_.ready());
    Job job{options_.settings, instance, options_.resume};
    if (!options_.settings.reveal_tests) {
      // What the worker does not have it cannot leak.
      job.instance.patch.clear();
      job.instance.test_patch.clear();
      job.instance.fail_to_pass.clear();
      job.instance.pass_to_pass.clear();
      job.instance.test_files.clear();
    }
    job.instance.patch.clear();
    ENGRAMD_CHECK(write_file_atomic(folder / "job.json", to_json_text(job)));
    {
      const std::lock_guard guard(mutex_);
      ++counts_.n_running;
      tell({RunEvent::Kind::started, instance.id, "", "", {}, snapshot_locked()});
    }
    WorkStatus status = work(instance, folder);
    if (status.state == WorkState::infra) {
      std::error_code error;
      // Of an earlier attempt: what failed now has no patch.
      if (!fs::exists(folder / "patch.diff", error))
        ENGRAMD_CHECK(write_file_atomic(folder / "patch.diff", ""));
    }
    if (status.state != WorkState::interrupted) ENGRAMD_CHECK(merge());
    const std::lock_guard guard(mutex_);
    --counts_.n_running;
    add(status);
    ++n_ended_here_;
    tell({RunEvent::Kind::ended, instance.id, "", "", status, snapshot_locked()});
    return {};
  }

  WorkStatus work(const Instance& instance, const fs::path& folder) {
    ProcessOptions process;
    process.argv = {"env"};
    for (const auto& [name, value] : options_.variables) process.argv.push_back(name + "=" + value);
    process.argv.insert(process.argv.end(), options_.worker.begin(), options_.worker.end());
    process.argv.insert(process.argv.end(), {"--job", (folder / "job.json").string()});
    // The worker keeps its own time; this is for one that hangs.
    process.wall_ms = static_cast<int64_t>(1000 * (1.5 * options_.settings.timeout_s + 1200));
    process.grace = options_.grace_ms;
    process.max_output_bytes = 64u << 10;
    std::string line;
    process.on_stdout = [&](std::string_view piece) {
      for (const char c : piece) {
        if (c != '\n') {
          if (line.size() < 4096) line += c;
          continue;
        }
        const json said = json::parse(line, nullptr, false);
        line.clear();
        if (!said.is_object()) continue;
        const std::lock_guard guard(mutex_);
        tell({RunEvent::Kind::stage,
              instance.id,
              said.value("stage", ""),
              said.value("detail", ""),
              {},
              snapshot_locked()});
      }
    };
    const auto ran = run_process(process, cancel_);
    auto status = read_status(folder);
    WorkStatus result = status ? *status : WorkStatus{};
    result.id = instance.id;
    const bool ended_itself =
        status && status->state != WorkState::running && !status->ended.empty();
    if (ran && ended_itself) return result;
    result.ended = utc_now();
    if (!ran && ran.error().code != ErrorCode::cancelled) {
      result.state = WorkState::infra;
      result.reason = ran.error().message;
    } else if (!ran || ran->cancelled) {
      result.state = WorkState::interrupted;
      result.reason = "stopped";
    } else {
      result.state = WorkState::infra;
      result.reason = reason_of_end(*ran, folder);
    }
    (void)write_status(result, folder);  // a full disk is met again below
    return result;
  }

  Status merge() {
    // The threads of this process queue here; the lock of the folder is for other processes.
    const std::lock_guard lock(merge_mutex_);
    return merge_predictions(all_, options_.folder, options_.settings.model_id, options_.out);
  }

  void count_skip(const std::string& note) {
    const std::lock_guard guard(mutex_);
    ++counts_.n_skipped;
    notes_.push_back(note);
  }

  void add(const WorkStatus& status) {
    if (status.state == WorkState::done) ++counts_.n_done;
    if (status.state == WorkState::infra) ++counts_.n_infra;
    if (status.state == WorkState::interrupted) ++counts_.n_interrupted;
    if (status.patch_bytes > 0) ++counts_.n_patches;
    if (status.outcome == "resolved") ++counts_.n_verified;
    counts_.tokens += status.prompt_tokens + status.completion_tokens;
    counts_.cost += status.cost;
  }

  RunCounts snapshot() {
    const std::lock_guard guard(mutex_);
    return snapshot_locked();
  }
  RunCounts snapshot_locked() const {
    RunCounts counts = counts_;
    counts.elapsed_s = std::chrono::duration<double>(Clock::now() - start_).count();
    const size_t ended = counts.n_done + counts.n_infra + counts.n_interrupted;
    if (n_ended_here_ > 0 && counts.n_all > ended)
      counts.left_s = counts.elapsed_s / static_cast<double>(n_ended_here_) *
                      static_cast<double>(counts.n_all - ended);
    return counts;
  }
  void tell(const RunEvent& event) const {
    if (options_.on_event) options_.on_event(event);
  }

  const std::vector<Instance>&all_, &mine_;
  const RunOptions& options_;
  const CancelToken cancel_;
  const Clock::time_point start_;
  std::mutex mutex_;        // guards what follows, and the calls of on_event
  std::mutex merge_mutex_;  // one writer of the predictions
  RunCounts counts_;
  size_t n_ended_here_ = 0;
  std::vector<std::string> notes_;
  std::optional<Error> error_;
};

}  // namespace

std::string to_json_line(const RunEvent& event) {
  json out = {{"event", event.kind == RunEvent::Kind::started ? "started"
                        : event.kind == RunEvent::Kind::stage ? "stage"
                                                              : "ended"},
              {"instance_id", event.id}};
  if (event.kind == RunEvent::Kind::stage) {
    out["stage"] = event.stage;
    out["detail"] = event.detail;
  }
  if (event.kind == RunEvent::Kind::ended)
    out.update({{"state", std::string(to_string(event.status.state))},
                {"outcome", event.status.outcome},
                {"exit", event.status.exit},
                {"reason", event.status.reason},
                {"patch_bytes", event.status.patch_bytes},
                {"wall_s", event.status.wall_s}});
  out["counts"] = counts_json(event.counts);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::string> digest_of_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ErrorCode::not_found, "cannot read " + file.string());
  std::string piece(kPieceBytes, '\0'), digests;
  while (in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (in.gcount() > 0)
      digests += hash128_hex(std::string_view(piece).substr(0, static_cast<size_t>(in.gcount())));
  }
  return hash128_hex(digests);
}

Status merge_predictions(const std::vector<Instance>& all, const fs::path& folder,
                         const std::string& model_id, const fs::path& out) {
  std::optional<FileLock> lock;
  for (int i = 0; i < kMergeTries && !lock; ++i) {
    auto tried = FileLock::try_acquire(folder / "merge.lock");
    if (tried)
      lock = *std::move(tried);
    else if (tried.error().code != ErrorCode::unavailable)
      return fail(tried.error());
    else
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  if (!lock)
    return fail(ErrorCode::unavailable, (folder / "merge.lock").string() +
                                            " is held by another process for more than a minute");
  std::vector<Prediction> predictions;
  for (const Instance& instance : all) {
    const auto status = read_status(folder / instance.id);
    if (!status || (status->state != WorkState::done && status->state != WorkState::infra))
      continue;
    const auto patch = read_file(folder / instance.id / "patch.diff", kMaxPatchBytes);
    predictions.push_back({instance.id, model_id, patch ? *patch : std::string()});
  }
  return write_predictions(predictions, out);
}

Result<RunSummary> run_instances(const std::vector<Instance>& all,
                                 const std::vector<Instance>& mine, const RunOptions& options,
                                 const CancelToken& cancel) {
  return Coordinator(all, mine, options, cancel).run();
}

}  // namespace engramd::agent::swebench
