#include "daemon/cli/swebench_flags.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "agent/swebench/place.h"
#include "base/environment.h"
#include "base/process.h"
#include "daemon/cli/test_flags.h"

namespace engramd::daemon::cli {

namespace fs = std::filesystem;
namespace sb = agent::swebench;

void add_swebench_flags(CLI::App& app, SwebenchFlags& options) {
  app.add_option("--instances", options.instances,
                 "FILE.jsonl, FILE.json or a task folder (sweb.yaml)")
      ->required();
  app.add_option("--repos", options.repos,
                 "folder with the repositories: owner/name, owner__name, owner+name or name, bare "
                 "or not; only read")
      ->required();
  app.add_option("--filter", options.filters, "only ids that match this shell pattern; repeatable");
  app.add_option("--env", options.environment,
                 "where commands run: host, venv[:DIR], conda:NAME, apptainer:SIF, docker:IMAGE, "
                 "cmd:TEMPLATE")
      ->capture_default_str();
  app.add_option("--sandbox", options.sandbox,
                 "auto, bwrap, landlock, or container when you are in one");
  add_test_report_option(app, options.test_report);
  app.add_option("--jobs", options.n_jobs, "instances at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  app.add_option("--timeout", options.timeout_s, "seconds for one instance")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--cache-gb", options.cache_gb, "bound of the prepared repositories on disk")
      ->capture_default_str();
  add_json_option(app, options);
}

fs::path swebench_cache() {
  const fs::path usual = cache_folder() / "swebench";
  const std::string network = sb::network_file_system_at(usual);
  if (network.empty()) return usual;
  std::error_code error;
  const fs::path local =
      fs::temp_directory_path(error) / ("engramd-swebench-" + std::to_string(::geteuid()));
  std::fprintf(stderr, "note: %s is on %s: prepared repositories go to %s\n",
               usual.string().c_str(), network.c_str(), local.string().c_str());
  return local;
}

void warn_about_places(const fs::path& out) {
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  if (const std::string name = sb::network_file_system_at(temporary); !name.empty())
    std::fprintf(stderr, "warning: the temporary folder %s is on %s: set TMPDIR to a local disk\n",
                 temporary.string().c_str(), name.c_str());
  if (const std::string name = sb::network_file_system_at(out); !name.empty())
    std::fprintf(stderr, "note: results go to %s on %s; checkouts and sockets stay in %s\n",
                 out.string().c_str(), name.c_str(), temporary.string().c_str());
}

Result<sb::RepositoryStore> repository_store(const SwebenchFlags& options) {
  std::error_code error;
  if (!fs::is_directory(options.repos, error))
    return fail(ErrorCode::not_found, "--repos " + options.repos + " is not a folder");
  if (find_program("git").empty())
    return fail(ErrorCode::unavailable, "the program git is not on PATH; install it");
  sb::RepositoryOptions repositories;
  repositories.sources = fs::absolute(options.repos, error);
  repositories.cache = swebench_cache();
  repositories.max_cache_bytes = static_cast<uint64_t>(options.cache_gb * 1e9);
  return sb::RepositoryStore(repositories);
}

Result<sb::Environment> run_environment(const SwebenchFlags& options) {
  ENGRAMD_TRY(sb::Environment environment, sb::Environment::read(options.environment));
  if (!environment.program().empty() && find_program(environment.program()).empty())
    return fail(ErrorCode::unavailable, "--env " + environment.text() + " needs the program " +
                                            environment.program() + ", which is not on PATH");
  return environment;
}

}  // namespace engramd::daemon::cli
