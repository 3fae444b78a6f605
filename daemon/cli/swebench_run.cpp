// engramd swebench run, and the hidden work: the agent on instances, one process for each.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/model/prices.h"
#include "agent/swebench/compare.h"
#include "agent/swebench/run.h"
#include "agent/swebench/work.h"
#include "base/environment.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "daemon/cli/swebench_commands.h"
#include "daemon/cli/swebench_flags.h"
#include "daemon/cli/swebench_models.h"
#include "daemon/cli/test_flags.h"

namespace engramd::daemon::cli {
namespace {

namespace fs = std::filesystem;
namespace sb = agent::swebench;
using nlohmann::json;

constexpr int64_t kStopMs = 700, kSaveMs = 20'000;

std::string minutes(double seconds) {
  const auto s = static_cast<long>(seconds);
  if (s < 60) return std::to_string(s) + " s";
  if (s < 3600) return std::to_string(s / 60) + " min";
  return std::to_string(s / 3600) + " h " + std::to_string(s % 3600 / 60) + " min";
}

// One line that is rewritten on a terminal; ends of instances as lines of their own everywhere.
class RunProgress {
 public:
  explicit RunProgress(bool as_json) : json_(as_json), terminal_(::isatty(STDERR_FILENO) == 1) {}
  ~RunProgress() { clear(); }

  void show(const sb::RunEvent& event) {
    if (json_) {
      std::printf("%s\n", to_json_line(event).c_str());
      std::fflush(stdout);
      return;
    }
    if (event.kind == sb::RunEvent::Kind::ended) {
      clear();
      running_.erase(event.id);
      std::fprintf(stderr, "%s\n", line_of(event.status).c_str());
    } else {
      running_[event.id] = event.stage;
    }
    if (!terminal_) return;
    const sb::RunCounts& c = event.counts;
    std::string line = std::to_string(c.n_done + c.n_infra) + "/" + std::to_string(c.n_all) +
                       " done, " + std::to_string(c.n_verified) + " resolved by their own tests, " +
                       std::to_string(c.n_running) + " running";
    if (c.n_infra > 0) line += ", " + std::to_string(c.n_infra) + " failed";
    if (c.left_s > 0) line += ", about " + minutes(c.left_s) + " left";
    if (c.tokens > 0) line += ", " + fixed(static_cast<double>(c.tokens) / 1e6, 2) + " M tokens";
    if (c.cost > 0) line += ", cost " + fixed(c.cost, 2);
    for (const auto& [id, stage] : running_)
      line += " | " + id + (stage.empty() ? "" : " " + stage);
    std::fprintf(stderr, "\r%s\033[K", line.substr(0, 160).c_str());
    shown_ = true;
  }

 private:
  static std::string line_of(const sb::WorkStatus& status) {
    std::string line = status.id + ": ";
    if (status.state == sb::WorkState::done)
      line += status.outcome + (status.exit == status.outcome ? "" : " (" + status.exit + ")") +
              ", " +
              (status.patch_bytes > 0 ? "patch of " + human_bytes(status.patch_bytes)
                                      : std::string("no patch"));
    else
      line += std::string(to_string(status.state)) + ": " + status.reason;
    return line + ", " + minutes(status.wall_s);
  }
  void clear() {
    if (shown_) std::fputs("\r\033[K", stderr);
    shown_ = false;
  }
  const bool json_, terminal_;
  bool shown_ = false;
  std::map<std::string, std::string> running_;
};

struct RunCommand : SwebenchFlags {
  std::string out = "preds.jsonl", folder, shard = "0/1", strategy = "auto", name, price;
  bool resume = false, reveal = false;
  int64_t seed = 0, max_tokens = 2'000'000;
  double temperature = -1;
  int n_samples = 1, max_steps = 100;
};

Status read_price(const std::string& text, sb::WorkSettings& settings) {
  ENGRAMD_TRY(const auto prices, agent::parse_prices(text));
  if (!prices) return {};
  settings.price_in = prices->input;
  settings.price_cached = prices->cached;
  settings.price_out = prices->output;
  return {};
}

Result<int> run_run(const RunCommand& command) {
  const CancelToken interrupted = interrupt_token();
  ENGRAMD_TRY(const sb::Shard shard, sb::read_shard(command.shard));
  ENGRAMD_TRY(const auto all, sb::read_instances(command.instances));
  ENGRAMD_TRY(const auto wanted, sb::select_instances(all, command.filters));
  ENGRAMD_TRY(auto mine, sb::select_instances(wanted, {}, shard));
  ENGRAMD_TRY(const sb::Environment environment, run_environment(command));
  ENGRAMD_TRY(const sb::RepositoryStore store, repository_store(command));
  ENGRAMD_TRY(const Settings settings, settings_for(command));
  std::error_code error;
  sb::RunOptions options;
  options.out = fs::absolute(command.out, error);
  options.folder = command.folder.empty() ? sb::beside(options.out, ".run")
                                          : fs::absolute(command.folder, error);
  warn_about_places(options.folder);
  // Slim instances get their statement (and, when asked for, their tests) here: the workers' copies
  // of the repository end before the fix.
  for (sb::Instance& instance : mine) {
    auto complete = store.completed(instance, interrupted);
    if (complete)
      instance = *std::move(complete);
    else if (interrupted.cancelled())
      return fail(complete.error());
    // A source that is not there is this instance's failure: its worker says so.
  }
  sb::WorkSettings& work = options.settings;
  work.repos = fs::absolute(command.repos, error);
  work.cache = swebench_cache();
  work.cache_bytes = static_cast<uint64_t>(command.cache_gb * 1e9);
  work.strategy = command.strategy;
  work.environment = command.environment;
  work.sandbox = command.sandbox.empty() ? settings.text("agent.sandbox") : command.sandbox;
  ENGRAMD_TRY(work.test_report, test_report(settings, command.test_report));
  work.reveal_tests = command.reveal;
  work.timeout_s = command.timeout_s;
  work.max_steps = command.max_steps;
  work.max_tokens = command.max_tokens;
  work.n_samples = command.n_samples;
  work.seed = command.seed;
  work.temperature = command.temperature;
  ENGRAMD_CHECK(read_price(command.price, work));
  // A run without the model that was named would be taken for one with it.
  if (!command.model.empty()) {
    ENGRAMD_TRY([[maybe_unused]] const ModelReference named, model_for(settings, "agent"));
  }
  ENGRAMD_TRY(const SharedModel model,
              share_model(settings, command.strategy, command.n_jobs, interrupted));
  if (!model.why.empty() && !command.json)
    std::fprintf(stderr, "strategy %s: %s\n", model.strategy.c_str(), model.why.c_str());
  work.model = model.reference;
  work.strategy = model.strategy;
  work.model_id = command.name.empty() ? model.name : command.name;
  if (command.reveal) work.model_id += "+revealed-tests";

  ENGRAMD_TRY(const TemporaryFolder scratch, TemporaryFolder::make("engramd-swebench"));
  options.variables = {{"XDG_CACHE_HOME", (scratch.path() / "cache").string()},
                       {"XDG_STATE_HOME", (scratch.path() / "state").string()},
                       {"XDG_RUNTIME_DIR", (scratch.path() / "run").string()}};
  if (!environment.venv_folder().empty())
    options.variables.push_back({"VIRTUAL_ENV", environment.venv_folder()});
  options.worker = {executable_path().string(), "swebench", "work"};
  options.n_jobs = command.n_jobs;
  options.resume = command.resume;
  options.shard = shard;
  options.version = ENGRAMD_VERSION;
  options.manifest_extra = json{
      {"model_file", model.file.string()},
      {"model_hash", model.hash},
      {"instances_file", fs::absolute(command.instances, error).string()},
      {"instances_hash", sb::digest_of_file(command.instances).value_or("")},
      {"filters",
       command.filters}}.dump(-1, ' ', false, json::error_handler_t::replace);
  if (model.server) options.ready = [&model] { return model.server->alive(); };
  options.grace_ms = [] { return interrupt_signal() == SIGTERM ? kSaveMs : kStopMs; };
  RunProgress progress(command.json);
  options.on_event = [&](const sb::RunEvent& event) { progress.show(event); };
  ENGRAMD_TRY(const sb::RunSummary summary, sb::run_instances(wanted, mine, options, interrupted));
  for (const std::string& note : summary.notes) std::fprintf(stderr, "note: %s\n", note.c_str());
  const sb::RunCounts& c = summary.counts;
  if (!command.json)
    std::printf(
        "%zu of %zu instances done, %zu patches, %zu resolved by their own tests, %zu "
        "failures of the machine: %s\n",
        c.n_done, c.n_all, c.n_patches, c.n_verified, c.n_infra, options.out.string().c_str());
  if (summary.interrupted) {
    std::fprintf(stderr, "stopped; --resume goes on\n");
    return interrupt_signal() == SIGTERM ? kRequeue : 130;
  }
  return c.n_infra > 0 ? 1 : 0;
}

}  // namespace

Action define_swebench_run(CLI::App& app) {
  auto options = std::make_shared<RunCommand>();
  add_swebench_flags(app, *options);
  add_model_option(app, *options);
  app.add_option("--out", options->out, "the predictions")->capture_default_str();
  app.add_option("--folder", options->folder,
                 "what each instance leaves; default: OUT with .run in place of .jsonl");
  app.add_option("--shard", options->shard, "i/n, from 0: every n-th instance from the i-th")
      ->capture_default_str();
  app.add_flag("--resume", options->resume,
               "go on with the run in the folder: finished instances are skipped, cut ones go on, "
               "failed ones are tried again");
  app.add_option("--strategy", options->strategy, "auto, tools or repair")
      ->check(CLI::IsMember({"auto", "tools", "repair"}))
      ->capture_default_str();
  app.add_option("--name", options->name, "model_name_or_path of the predictions");
  app.add_option("--seed", options->seed, "of sampling; sample k uses seed+k")
      ->capture_default_str();
  app.add_option("--temperature", options->temperature, "of sampling; the model's when not given");
  app.add_option("--samples", options->n_samples,
                 "attempts an instance; tests, then agreement, then size choose")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--max-steps", options->max_steps, "tools: turns of the model")
      ->capture_default_str();
  app.add_option("--max-tokens", options->max_tokens, "tools: tokens of one attempt")
      ->capture_default_str();
  app.add_option("--price", options->price,
                 "INPUT,CACHED,OUTPUT: of a million tokens each, for the cost");
  app.add_flag("--reveal-tests", options->reveal,
               "show the agent the fix's tests: what repair needs, and no benchmark result");
  return [options] { return run_run(*options); };
}

namespace {

// One instance, started by run.
Result<int> run_work(const std::string& file) {
  // Not to outlive whoever started us, and the sandbox not us.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const CancelToken interrupted = interrupt_token();
  ENGRAMD_TRY(const sb::Job job, sb::read_job(file));
  const fs::path folder = fs::path(file).parent_path();
  const fs::path log_path = folder / "log.txt";
  std::ofstream log(log_path, std::ios::app);
  sb::WorkHooks hooks;
  hooks.prepare_model = [&](agent::SolveOptions& options, const sb::WorkSettings& settings,
                            int sample) {
    return prepare_model(options, settings, sample,
                         [&](const std::string& line) { log << line << std::endl; });
  };
  std::string stage_before;
  hooks.progress = [&](const std::string& stage, const std::string& detail) {
    if (stage == stage_before && detail.empty()) return;
    stage_before = stage;
    log << sb::utc_now() << " " << stage << (detail.empty() ? "" : ": " + detail) << std::endl;
    std::printf("%s\n", json{{"stage", stage}, {"detail", detail}}
                            .dump(-1, ' ', false, json::error_handler_t::replace)
                            .c_str());
    std::fflush(stdout);
  };
  auto status = sb::run_job(job, folder, hooks, interrupted);
  if (!status) {
    log << status.error().message << std::endl;
    return fail(status.error());
  }
  if (!status->reason.empty()) log << status->reason << std::endl;
  if (status->state == sb::WorkState::interrupted) return kRequeue;
  return status->state == sb::WorkState::infra ? 3 : 0;
}

}  // namespace

Action define_swebench_work(CLI::App& app) {
  auto job = std::make_shared<std::string>();
  app.add_option("--job", *job, "job.json")->required();
  return [job] { return run_work(*job); };
}

}  // namespace engramd::daemon::cli
