// The agent, headless: fix.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "agent/loop/trajectory.h"
#include "agent/model/replay.h"
#include "agent/solve/solve.h"
#include "base/environment.h"
#include "base/file.h"
#include "daemon/cli/ask_permission.h"
#include "daemon/cli/chat_flags.h"
#include "daemon/cli/command.h"
#include "daemon/cli/fix_runs.h"
#include "daemon/cli/fix_view.h"
#include "daemon/cli/task_flags.h"
#include "daemon/cli/test_flags.h"
#include "daemon/lsp_client/sandboxed_server.h"
#include "daemon/wiring/chat_model.h"
#include "daemon/wiring/parse_hosts.h"
#include "daemon/wiring/permissions.h"
#include "daemon/wiring/repair_model.h"

namespace engramd::daemon::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kSampleTemperature = 0.7;  // of further samples when none is said

struct FixCommand : CommonOptions {
  TaskText task;
  std::string test, test_report, out, report, sandbox, strategy = "auto";
  std::string trajectory, mode, price, minimise = "scratch", candidates;
  std::vector<std::string> transcripts;
  ChatModelOptions chat;
  bool apply = false, resume = false, no_model = false, verbose = false, allow_protected = false;
  bool skip_tests_before = false, try_all = false;
  double seconds = 0, test_seconds = 0, max_cost = 0, min_confidence = 0.5, cpu_seconds = 0;
  int max_steps = 50;
  int64_t max_tokens = 2'000'000;
  size_t samples = 1;
};

// The model is a help, not a need: without one the order of the candidates is the templates' own.
void add_repair_model(agent::SolveOptions& options, const FixCommand& command,
                      const Settings& settings, FixView& view) {
  if (command.no_model) return;
  const auto said = [&](const Error& error) {
    options.notes.push_back("candidates are not ranked by a model: " + error.message);
    view.line(options.notes.back());
  };
  const auto reference = model_for(settings, "agent");
  if (!reference) return said(reference.error());
  if (reference->is_endpoint()) return;
  auto model = engine::Model::load(reference->file);
  if (!model) return said(model.error());
  auto repair = make_repair_model(*model);
  if (!repair) return said(repair.error());
  options.ranker = std::move(repair->ranker);
  options.infill = std::move(repair->infill);
}

int status_of(const agent::Report& report) {
  switch (report.outcome) {
    case agent::Outcome::unverified:
      return report.patch.empty() ? 1 : 0;  // suggestions are no patch
    case agent::Outcome::resolved:
    case agent::Outcome::nothing_to_fix:
      return 0;
    case agent::Outcome::infra:
    case agent::Outcome::model:
      return 3;
    default:
      return 1;
  }
}

Result<fs::path> trajectory_file(const FixCommand& command, const fs::path& repo) {
  if (!command.trajectory.empty()) return fs::path(command.trajectory);
  if (command.resume) return newest_open_run(repo);
  return agent::new_trajectory_path(state_folder());
}

// Who answers: a transcript, an endpoint, or a local file that can chat; nobody when the model only
// continues text.
struct Answerer {
  std::shared_ptr<agent::ChatModel> model;
  std::function<Result<std::shared_ptr<agent::ChatModel>>(size_t sample)> for_sample;
};

Answerer recorded(const std::vector<std::string>& transcripts,
                  std::shared_ptr<agent::ChatModel> first) {
  Answerer answerer{std::move(first), {}};
  if (transcripts.size() < 2) return answerer;
  answerer.for_sample = [transcripts](size_t sample) -> Result<std::shared_ptr<agent::ChatModel>> {
    return agent::open_replay_model(transcripts[std::min(sample, transcripts.size() - 1)]);
  };
  return answerer;
}

Result<Answerer> answerer_for(const FixCommand& command, const Settings& settings, FixView& view) {
  if (!command.transcripts.empty()) {
    ENGRAMD_TRY(auto first, agent::open_replay_model(command.transcripts.front()));
    return recorded(command.transcripts, std::move(first));
  }
  if (command.strategy == "repair" || (command.strategy == "auto" && command.no_model))
    return Answerer{};
  auto models = std::make_shared<ChatModelSource>(settings);
  const AgentAbility& ability = models->ability();
  if (command.strategy == "auto") {
    view.line("strategy " + std::string(ability.calls_tools ? "tools" : "repair") + ": " +
              ability.why);
    if (!ability.calls_tools) return Answerer{};
  } else if (!ability.calls_tools) {
    view.line("note: " + ability.why + "; its calls are held to a grammar, their sense is not");
  }
  Answerer answerer;
  ENGRAMD_TRY(answerer.model, models->open(command.chat));
  // Samples must differ, or one would do: each has a seed of its own, and something to draw from.
  answerer.for_sample = [models, chat = command.chat](size_t sample) {
    ChatModelOptions own = chat;
    own.seed = chat.seed.value_or(0) + sample;
    if (sample > 0 && chat.temperature.value_or(0) == 0) own.temperature = kSampleTemperature;
    return models->open(own);
  };
  return answerer;
}

Status set_limits(const FixCommand& command, const Settings& settings,
                  agent::SolveOptions& options) {
  options.limits.wall_s = command.seconds;
  options.limits.max_steps = command.max_steps;
  options.limits.max_tokens = command.max_tokens;
  options.limits.max_cost = command.max_cost;
  if (command.price.empty()) {
    ENGRAMD_TRY(options.limits.prices, prices_of(settings));
  } else {
    ENGRAMD_TRY(options.limits.prices, agent::parse_prices(command.price));
  }
  if (command.max_cost > 0 && !options.limits.prices)
    return fail(ErrorCode::invalid_input,
                "--max-cost needs the prices of tokens: --price INPUT,CACHED,OUTPUT, or the "
                "setting agent.prices");
  return {};
}

// What to do when a run has ended before its work had.
void say_how_to_go_on(const agent::Report& report, const FixCommand& command) {
  using agent::Outcome;
  // A model that goes round in circles would go on doing so.
  if (report.trajectory.empty() || report.ok() || report.outcome == Outcome::infra ||
      report.exit == "unresolved" || report.exit == "stuck")
    return;
  std::string more;
  if (report.exit == "steps") more = " --max-steps " + std::to_string(2 * command.max_steps);
  if (report.exit == "tokens") more = " --max-tokens " + std::to_string(2 * command.max_tokens);
  if (report.exit == "wall") more = " --seconds N";
  if (report.exit == "cost") more = " --max-cost N";
  std::fflush(stdout);
  std::fprintf(stderr,
               "the run and its patch are kept; to go on: engramd fix --repo %s --resume "
               "--trajectory %s%s\n",
               command.repo.c_str(), report.trajectory.c_str(), more.c_str());
}

Result<int> run_fix(const FixCommand& command) {
  // From here on Ctrl-C stops the work, and not the process.
  const CancelToken interrupted = interrupt_token();
  ENGRAMD_TRY(const Settings settings, settings_for(command));
  FixView view(command.json, command.verbose);
  agent::SolveOptions options;
  ENGRAMD_TRY(options.repo, repository_root(command.repo));
  ENGRAMD_TRY(options.task, read_task(command.task));
  const std::string test = command.test.empty() ? settings.text("agent.test") : command.test;
  if (!test.empty()) options.tests.command = test;
  ENGRAMD_TRY(options.tests.report_glob, test_report(settings, command.test_report));
  options.tests.run_s = command.test_seconds;
  ENGRAMD_TRY(options.sandbox,
              agent::read_sandbox_mode(command.sandbox.empty() ? settings.text("agent.sandbox")
                                                               : command.sandbox));
  options.verify.diagnostics_source = language_server_factory();
  options.apply = command.apply;
  options.out = command.out;
  options.report = command.report;
  options.resume = command.resume;
  options.samples = std::max(command.samples, command.transcripts.size());
  options.allow_protected = command.allow_protected;
  options.look_before = !command.skip_tests_before;
  options.minimise = command.minimise == "hunks"  ? agent::Minimise::hunks
                     : command.minimise == "none" ? agent::Minimise::nothing
                                                  : agent::Minimise::scratch_files;
  ENGRAMD_CHECK(set_limits(command, settings, options));
  options.limits.min_confidence = command.min_confidence;
  options.limits.cpu_s = command.cpu_seconds;
  options.limits.try_all = command.try_all;
  options.candidates = command.candidates;
  options.parse_hosts = make_parse_hosts();
  options.progress = [&](const agent::FixProgress& p) { view.on_progress(p); };
  options.on_event = [&](const agent::LoopEvent& event) { view.on_event(event); };
  // A help that was asked for by name and is not there is a mistake.
  if (!command.model.empty() && command.transcripts.empty() && !command.no_model) {
    ENGRAMD_TRY([[maybe_unused]] const ModelReference named, model_for(settings, "agent"));
  }
  ENGRAMD_TRY(Answerer answerer, answerer_for(command, settings, view));
  options.model = answerer.model;
  if (options.model) {
    if (options.samples > 1) options.model_for_sample = answerer.for_sample;
    agent::AskPermission ask;
    if (!command.json) ask = terminal_permission([&view] { view.pause(); });
    ENGRAMD_TRY(options.permissions,
                make_permissions(settings, command.mode, options.repo, std::move(ask)));
    ENGRAMD_TRY(options.trajectory, trajectory_file(command, options.repo));
    view.line("trajectory: " + options.trajectory.string());
  } else {
    if (command.resume)
      return fail(
          ErrorCode::invalid_input,
          "--resume goes on with a run of the tools strategy, and this one is a repair: give "
          "a model that calls tools, or say --strategy tools");
    options.strategy = agent::Strategy::repair;
    add_repair_model(options, command, settings, view);
  }
  ENGRAMD_TRY(const agent::Report report, agent::solve(options, interrupted));
  view.pause();
  if (command.json)
    std::cout << to_json_text(report);
  else
    print_report(report, command.verbose);
  // What the machine lacks is an error like any other, besides the report.
  if (status_of(report) == 3 && !report.problem.empty())
    std::fprintf(stderr, "engramd: %s\n", report.problem.c_str());
  say_how_to_go_on(report, command);
  return status_of(report);
}

}  // namespace

Action define_fix(CLI::App& app) {
  auto options = std::make_shared<FixCommand>();
  add_repo_option(app, *options);
  add_task_options(app, options->task);
  app.add_option("--test", options->test, "the test command; found in the project when not given");
  add_test_report_option(app, options->test_report);
  app.add_option("--test-seconds", options->test_seconds,
                 "one run of the tests; when not given, half of the wall time for a repair and a "
                 "third with tools")
      ->check(CLI::PositiveNumber);
  app.add_flag("--apply", options->apply, "write the accepted change to the work tree");
  app.add_option("--out", options->out, "write the patch here");
  app.add_option("--report", options->report, "write a JSON report here");
  app.add_option("--sandbox", options->sandbox,
                 "auto, bwrap, landlock, or container when you are in one");
  app.add_option("--seconds", options->seconds,
                 "wall time; 60 for a repair and 1800 with tools when not given");
  app.add_option("--strategy", options->strategy,
                 "repair (no chat model), tools (a chat model), auto")
      ->check(CLI::IsMember({"auto", "repair", "tools"}))
      ->capture_default_str();
  app.add_option("--min-confidence", options->min_confidence,
                 "repair: what passes and is less sure is a suggestion, 0 to 1")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--cpu-seconds", options->cpu_seconds,
                 "repair: processor time of the trials; no limit when not given");
  app.add_flag("--try-all", options->try_all,
               "repair: go on after an edit passes, until time or candidates run out");
  app.add_option("--candidates", options->candidates,
                 "repair: write every candidate in the order of trial, and what came of it, here");
  app.add_flag("--no-model", options->no_model, "repair: do not rank candidates by a model");
  app.add_option("--max-steps", options->max_steps, "tools: turns of the model")
      ->capture_default_str();
  app.add_option("--max-tokens", options->max_tokens, "tools: prompt and completion tokens")
      ->capture_default_str();
  app.add_option("--max-cost", options->max_cost, "tools: in the money of --price");
  app.add_option("--price", options->price, "INPUT,CACHED,OUTPUT: of a million tokens each");
  app.add_option("--mode", options->mode,
                 "tools: read-only, ask, accept-edits, or auto (what no rule denies, sandboxed)");
  app.add_option("--samples", options->samples,
                 "tools: independent runs, of which the best patch is kept")
      ->capture_default_str();
  app.add_flag("--allow-protected", options->allow_protected,
               "tools: tests, CI, lock and hook files may change; asked for each unless auto");
  app.add_option("--minimise", options->minimise,
                 "tools: drop what no test needs from the patch: none, scratch (new files), hunks")
      ->check(CLI::IsMember({"none", "scratch", "hunks"}))
      ->capture_default_str();
  app.add_flag("--skip-tests-before", options->skip_tests_before,
               "tools: ask the model before the tests have run once");
  app.add_flag("-v,--verbose", options->verbose, "all that the model says, and every test");
  app.add_option("--trajectory", options->trajectory, "tools: where the run is saved");
  app.add_flag(
      "--resume", options->resume,
      "tools: continue the run in --trajectory, or the last unfinished one of this folder");
  app.add_option("--transcript", options->transcripts,
                 "tools: answer from a recorded transcript in place of a model; several: samples");
  add_model_option(app, *options);
  add_chat_flags(app, options->chat);
  add_json_option(app, *options);
  return [options] { return run_fix(*options); };
}

}  // namespace engramd::daemon::cli
