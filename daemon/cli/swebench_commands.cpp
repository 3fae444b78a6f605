// engramd swebench run | grade | report: benchmarks in SWE-bench's shape, headless.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "agent/model/prices.h"
#include "agent/swebench/compare.h"
#include "agent/swebench/grade_run.h"
#include "agent/swebench/place.h"
#include "agent/swebench/run.h"
#include "agent/swebench/shell.h"
#include "agent/swebench/work.h"
#include "base/environment.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "daemon/cli/command.h"
#include "daemon/cli/swebench_models.h"
#include "daemon/cli/test_flags.h"

namespace engramd::daemon::cli {
namespace {

namespace fs = std::filesystem;
namespace sb = agent::swebench;
using nlohmann::json;

// "put me back into the queue", as Slurm and others read it (EX_TEMPFAIL).
constexpr int kRequeue = 75;
constexpr int64_t kStopMs = 700, kSaveMs = 20'000;

// What run and grade have in common.
struct Selection : CommonOptions {
  std::string instances, repos, environment = "host", sandbox, test, test_report;
  std::vector<std::string> filters;
  double timeout_s = 1800, cache_gb = 20;
  size_t n_jobs = 1;
};

void add_selection(CLI::App& app, Selection& options) {
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

// Prepared repositories: in the cache folder, or below TMPDIR when that is on the network.
fs::path repository_cache() {
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

Result<sb::RepositoryStore> store_for(const Selection& options) {
  std::error_code error;
  if (!fs::is_directory(options.repos, error))
    return fail(ErrorCode::not_found, "--repos " + options.repos + " is not a folder");
  if (find_program("git").empty())
    return fail(ErrorCode::unavailable, "the program git is not on PATH; install it");
  sb::RepositoryOptions repositories;
  repositories.sources = fs::absolute(options.repos, error);
  repositories.cache = repository_cache();
  repositories.max_cache_bytes = static_cast<uint64_t>(options.cache_gb * 1e9);
  return sb::RepositoryStore(repositories);
}

Result<sb::Environment> environment_for(const Selection& options) {
  ENGRAMD_TRY(sb::Environment environment, sb::Environment::read(options.environment));
  if (!environment.program().empty() && find_program(environment.program()).empty())
    return fail(ErrorCode::unavailable, "--env " + environment.text() + " needs the program " +
                                            environment.program() + ", which is not on PATH");
  return environment;
}

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

// --- run -------------------------------------------------------------------------------------

struct RunCommand : Selection {
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
  ENGRAMD_TRY(const sb::Environment environment, environment_for(command));
  ENGRAMD_TRY(const sb::RepositoryStore store, store_for(command));
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
  work.cache = repository_cache();
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

Action define_run(CLI::App& app) {
  auto options = std::make_shared<RunCommand>();
  add_selection(app, *options);
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

// --- work: one instance, started by run -------------------------------------------------------

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

Action define_work(CLI::App& app) {
  auto job = std::make_shared<std::string>();
  app.add_option("--job", *job, "job.json")->required();
  return [job] { return run_work(*job); };
}

// --- grade -----------------------------------------------------------------------------------

struct GradeCommand : Selection {
  std::string predictions, out, run_id = "run", with = "auto", dataset, split = "test";
  bool gold = false, empty = false;
};

bool docker_answers() {
  if (find_program("docker").empty()) return false;
  ProcessOptions ask;
  ask.argv = {"docker", "info", "--format", "{{.ServerVersion}}"};
  ask.wall_ms = 10'000;
  const auto ran = run_process(ask);
  return ran && ran->ok() && !trim(ran->stdout_text).empty();
}

std::vector<std::string> harness_command(const GradeCommand& command) {
  std::vector<std::string> argv = {"swebench", "eval",
                                   command.dataset.empty() ? command.instances : command.dataset};
  if (command.gold)
    argv.push_back("--gold");
  else
    argv.insert(argv.end(), {"-p", command.predictions});
  argv.insert(argv.end(), {"--run-id", command.run_id, "-s", command.split, "-j",
                           std::to_string(command.n_jobs), "-t",
                           std::to_string(static_cast<long>(command.timeout_s))});
  return argv;
}

// With docker the official harness judges; its status, or nothing when it cannot be had.
Result<std::optional<int>> hand_over(const GradeCommand& command,
                                     const std::vector<sb::Instance>& wanted) {
  if (command.with == "engramd" || command.empty) return std::optional<int>();
  std::vector<std::string> argv = harness_command(command);
  if (!command.filters.empty())
    for (const sb::Instance& instance : wanted) argv.insert(argv.end(), {"-i", instance.id});
  std::string line;
  for (const std::string& word : argv) line += (line.empty() ? "" : " ") + sb::shell_word(word);
  const bool docker = docker_answers(), program = !find_program("swebench").empty();
  if (!docker || !program) {
    const std::string lacks = !docker ? "docker does not answer" : "swebench is not on PATH";
    if (command.with == "harness") {
      std::printf("%s\n", line.c_str());
      return fail(ErrorCode::unavailable, lacks + "; the command above is what would have run");
    }
    if (docker)
      std::fprintf(stderr, "note: %s; with it, this would grade in docker: %s\n", lacks.c_str(),
                   line.c_str());
    return std::optional<int>();
  }
  std::fprintf(stderr, "docker is here, so the official harness grades: %s\n", line.c_str());
  ProcessOptions harness;
  harness.argv = argv;
  harness.cwd = command.out.empty() ? fs::path() : fs::path(command.out);
  if (!harness.cwd.empty()) ENGRAMD_CHECK(make_directories(harness.cwd));
  harness.on_stdout = [](std::string_view piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
  };
  ENGRAMD_TRY(const ProcessResult ran, run_process(harness, interrupt_token()));
  std::fputs(ran.stderr_text.c_str(), stderr);
  return std::optional<int>(ran.ok() ? 0 : 1);
}

Result<std::vector<sb::Prediction>> predictions_for(const GradeCommand& command,
                                                    const std::vector<sb::Instance>& instances,
                                                    const sb::RepositoryStore& store) {
  if (int(command.gold) + int(command.empty) + int(!command.predictions.empty()) != 1)
    return fail(ErrorCode::invalid_input, "give one of --predictions FILE, --gold and --empty");
  std::vector<sb::Prediction> predictions;
  if (command.empty) {
    for (const sb::Instance& instance : instances)
      predictions.push_back({instance.id, "empty", ""});
    return predictions;
  }
  if (command.gold) {
    for (const sb::Instance& instance : instances) {
      auto complete = store.completed(instance, interrupt_token());
      predictions.push_back({instance.id, "gold", complete ? complete->patch : instance.patch});
    }
    return predictions;
  }
  return sb::read_predictions(command.predictions);
}

Result<int> run_grade(const GradeCommand& command) {
  const CancelToken interrupted = interrupt_token();
  ENGRAMD_TRY(const auto all, sb::read_instances(command.instances));
  ENGRAMD_TRY(const auto wanted, sb::select_instances(all, command.filters));
  ENGRAMD_TRY(const std::optional<int> handed, hand_over(command, wanted));
  if (handed) return *handed;
  ENGRAMD_TRY(const sb::RepositoryStore store, store_for(command));
  sb::GradeRunOptions options;
  ENGRAMD_TRY(options.grade.environment, environment_for(command));
  ENGRAMD_TRY(options.grade.sandbox, agent::read_sandbox_mode(command.sandbox));
  options.grade.timeout_s = command.timeout_s;
  if (!command.test.empty()) options.grade.test_command = command.test;
  ENGRAMD_CHECK(agent::check_report_glob(command.test_report));
  options.grade.test_report = command.test_report;
  ENGRAMD_TRY(auto predictions, predictions_for(command, wanted, store));
  std::erase_if(predictions, [&](const sb::Prediction& prediction) {
    return std::none_of(wanted.begin(), wanted.end(),
                        [&](const sb::Instance& instance) { return instance.id == prediction.id; });
  });
  options.out = command.out;
  if (options.out.empty())
    options.out = command.predictions.empty()
                      ? fs::path(command.gold ? "gold.graded" : "empty.graded")
                      : sb::beside(command.predictions, ".graded");
  options.run_id = command.run_id;
  options.n_jobs = command.n_jobs;
  warn_about_places(options.out);
  options.on_graded = [&](const sb::Graded& graded, size_t n_done, size_t n_all) {
    if (command.json) {
      std::printf("%s\n", json{{"event", "graded"},
                               {"instance_id", graded.id},
                               {"resolved", graded.resolved},
                               {"reason", graded.reason},
                               {"infra_failure", graded.infra_failure},
                               {"done", n_done},
                               {"all", n_all}}
                              .dump(-1, ' ', false, json::error_handler_t::replace)
                              .c_str());
      std::fflush(stdout);
      return;
    }
    std::fprintf(stderr, "%zu/%zu %s: %s%s%s (%.1f s)\n", n_done, n_all, graded.id.c_str(),
                 graded.resolved ? "resolved" : "not resolved",
                 graded.infra_failure ? ", failure of the machine" : "",
                 graded.reason.empty() ? "" : (": " + graded.reason).c_str(), graded.wall_s);
  };
  auto run = sb::grade_predictions(store, wanted, predictions, command.empty, options, interrupted);
  if (!run) {
    if (interrupted.cancelled()) {
      std::fprintf(stderr, "stopped; the same command goes on\n");
      return interrupt_signal() == SIGTERM ? kRequeue : 130;
    }
    return fail(run.error());
  }
  const size_t n = wanted.size(), good = run->n_resolved();
  const sb::Interval interval = sb::wilson_interval(good, n);
  if (!command.json)
    std::printf(
        "%zu of %zu resolved (95 %% interval %.1f to %.1f %%)%s: %s\n", good, n, 100 * interval.low,
        100 * interval.high,
        run->without_prediction.empty()
            ? ""
            : (", " + std::to_string(run->without_prediction.size()) + " without a prediction")
                  .c_str(),
        run->summary.string().c_str());
  size_t n_infra = 0;
  for (const sb::Graded& graded : run->graded) n_infra += graded.infra_failure;
  return n_infra > 0 ? 3 : 0;
}

Action define_grade(CLI::App& app) {
  auto options = std::make_shared<GradeCommand>();
  add_selection(app, *options);
  app.add_option("--predictions,-p", options->predictions, "what `run` (or any agent) wrote");
  app.add_flag("--gold", options->gold, "grade the real fixes: all should be resolved");
  app.add_flag("--empty", options->empty, "grade no change at all: none should be resolved");
  app.add_option("--out", options->out,
                 "folder of logs and summary; default: PREDICTIONS with .graded");
  app.add_option("--run-id", options->run_id, "a new one grades anew")->capture_default_str();
  app.add_option("--test", options->test,
                 "in place of the instances' test command; {files} stands for the test files");
  app.add_option("--with", options->with,
                 "engramd (no docker), harness (the official one), auto (the harness when docker "
                 "and swebench are here)")
      ->check(CLI::IsMember({"auto", "engramd", "harness"}))
      ->capture_default_str();
  app.add_option("--dataset", options->dataset, "harness: the dataset's name");
  app.add_option("--split", options->split, "harness: the dataset's split")->capture_default_str();
  return [options] { return run_grade(*options); };
}

// --- report ----------------------------------------------------------------------------------

Action define_report(CLI::App& app) {
  auto files = std::make_shared<std::vector<std::string>>();
  auto options = std::make_shared<CommonOptions>();
  app.add_option("runs", *files,
                 "one or two of: predictions (with .run and .graded beside them), a summary of a "
                 "grading, a folder with one")
      ->required()
      ->expected(1, 2);
  add_json_option(app, *options);
  return [files, options]() -> Result<int> {
    ENGRAMD_TRY(const sb::RunResult a, sb::read_run(files->front()));
    std::optional<sb::RunResult> b;
    if (files->size() == 2) {
      ENGRAMD_TRY(b, sb::read_run(files->back()));
    }
    std::cout << (options->json ? report_json(a, b ? &*b : nullptr)
                                : report_text(a, b ? &*b : nullptr));
    return 0;
  };
}

}  // namespace

Action define_swebench(CLI::App& app) {
  app.require_subcommand(1);
  struct Row {
    const char *name, *summary;
    Action (*define)(CLI::App&);
  };
  static constexpr Row kRows[] = {
      {"run", "let the agent work on instances; resumable", define_run},
      {"grade", "which patches resolve their instance; without docker", define_grade},
      {"report", "figures of one run, or of two with a paired test", define_report},
      {"work", "", define_work}};
  auto chosen = std::make_shared<Action>();
  for (const Row& row : kRows) {
    CLI::App* command = app.add_subcommand(row.name, row.summary);
    if (*row.summary == '\0') command->group("");
    command->callback([chosen, action = row.define(*command)] { *chosen = action; });
  }
  return [chosen] { return (*chosen)(); };
}

}  // namespace engramd::daemon::cli
