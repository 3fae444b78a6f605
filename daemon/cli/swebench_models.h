// daemon/cli/swebench_models.h - which model a run of swebench uses, and how its processes share
// it.
//
// Main thread of a coordinator or of a worker.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "agent/swebench/work.h"
#include "daemon/config/settings.h"
#include "daemon/wiring/model_server.h"

namespace engramd::daemon::cli {

struct SharedModel {
  std::string reference;       // what the workers are given as --model; may be empty
  std::string strategy;        // of the workers
  std::string why;             // this strategy, one sentence for the user; may be empty
  std::string name;            // for the predictions
  std::filesystem::path file;  // local weights
  std::string hash;
  std::unique_ptr<ModelServer> server;  // when local weights chat: one for all workers
};

// tools with a local file, or auto with a file that has a chat template: one server is started.
Result<SharedModel> share_model(const Settings& settings, const std::string& strategy,
                                size_t n_jobs, const CancelToken& cancel);

// Of one worker: the endpoint's chat model, or the ranker of a repair. A ranker that cannot be had
// is only said.
Status prepare_model(agent::SolveOptions& options, const agent::swebench::WorkSettings& settings,
                     int sample, const std::function<void(const std::string&)>& say);

}  // namespace engramd::daemon::cli
