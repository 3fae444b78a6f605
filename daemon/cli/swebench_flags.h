// daemon/cli/swebench_flags.h - what `engramd swebench run` and `grade` have in common: which
// instances, out of which repositories, in what surroundings. The command line's own thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/swebench/environment.h"
#include "agent/swebench/repository.h"
#include "daemon/cli/command.h"

namespace engramd::daemon::cli {

// "put me back into the queue", as Slurm and others read it (EX_TEMPFAIL).
constexpr int kRequeue = 75;

struct SwebenchFlags : CommonOptions {
  std::string instances, repos, environment = "host", sandbox, test, test_report;
  std::vector<std::string> filters;
  double timeout_s = 1800, cache_gb = 20;
  size_t n_jobs = 1;
};
void add_swebench_flags(CLI::App& app, SwebenchFlags& options);

// Prepared repositories: in the cache folder, or below TMPDIR when that is on the network.
std::filesystem::path swebench_cache();
// To standard error, when results or temporary files would lie on a network's file system.
void warn_about_places(const std::filesystem::path& out);
// Errors: no such folder, a program that is missing, an environment that cannot be read.
Result<agent::swebench::RepositoryStore> repository_store(const SwebenchFlags& options);
Result<agent::swebench::Environment> run_environment(const SwebenchFlags& options);

}  // namespace engramd::daemon::cli
