// agent/swebench/run.h - many instances: a child process and a folder for each, resumable.
//
//   preds.jsonl                what the harness grades; rewritten whole after each instance
//   preds.run/manifest.json    what made it: binary, model, settings, node, sandbox, time
//            /<id>/            see work.h
//
// Several coordinators (shards, on several machines) may share one folder: each instance has a
// lock, and each writes the predictions of all that are done. Runs on the caller's thread and one
// more for each job.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/swebench/instance.h"
#include "agent/swebench/work.h"

namespace engramd::agent::swebench {

struct RunCounts {
  size_t n_all = 0, n_done = 0, n_skipped = 0, n_running = 0, n_infra = 0, n_interrupted = 0;
  size_t n_patches = 0, n_verified = 0;  // with a patch; resolved by the agent's own tests
  int64_t tokens = 0;
  double cost = 0, elapsed_s = 0, left_s = 0;  // left: a guess, 0 when there is none
};

struct RunEvent {
  enum class Kind { started, stage, ended } kind = Kind::stage;
  std::string id, stage, detail;
  WorkStatus status;  // of ended
  RunCounts counts;
};
std::string to_json_line(const RunEvent& event);

struct RunOptions {
  WorkSettings settings;
  std::filesystem::path out, folder;
  size_t n_jobs = 1;
  bool resume = false;
  Shard shard;
  std::vector<std::string> worker;  // the command that takes "--job FILE"
  std::vector<std::pair<std::string, std::string>> variables;  // set for the workers
  std::string version, manifest_extra;  // of this program; a JSON object of the caller's
  // Asked before each instance, from several threads; an error ends the run. For what all of them
  // need: a model server that died would make every instance that is left a failure.
  std::function<Status()> ready;
  // How long workers may take to save once they are told to end.
  std::function<int64_t()> grace_ms;
  std::function<void(const RunEvent&)> on_event;  // one call at a time, from several threads
};

struct RunSummary {
  RunCounts counts;
  bool interrupted = false;
  std::vector<std::string> notes;
};

// `all`: every instance of the file, in its order, for the predictions; `mine`: this shard's.
// An error when the folder holds a run and resume was not said, or the disk is full.
Result<RunSummary> run_instances(const std::vector<Instance>& all,
                                 const std::vector<Instance>& mine, const RunOptions& options,
                                 const CancelToken& cancel = {});

// Rows for every instance whose folder has an end. Under a lock of the folder.
Status merge_predictions(const std::vector<Instance>& all, const std::filesystem::path& folder,
                         const std::string& model_id, const std::filesystem::path& out);

// A digest of a file of any size: xxh3-128 over the digests of its 64 MiB pieces.
Result<std::string> digest_of_file(const std::filesystem::path& file);

}  // namespace engramd::agent::swebench
