// The agent, headless: fix, trajectory.
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
#include "daemon/cli/chat_flags.h"
#include "daemon/cli/command.h"
#include "daemon/lsp_client/sandboxed_server.h"
#include "daemon/wiring/parse_hosts.h"
#include "daemon/wiring/repair_model.h"

namespace engramd::daemon::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct FixCommand : CommonOptions {
  std::string task_file, issue, test, out, report, sandbox, strategy = "auto";
  std::string transcript, trajectory;
  ChatModelOptions chat;
  bool apply = false, resume = false, no_model = false;
  double seconds = 0;
  int max_steps = 50;
};

// Events as lines on stderr: a person can follow, a script can ignore them.
class EventLines {
 public:
  explicit EventLines(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}
  ~EventLines() { end_counter(); }
  void line(const std::string& text) {
    if (quiet_) return;
    end_counter();
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  void counter(const std::string& text) {
    if (quiet_ || !terminal_) return;
    std::fprintf(stderr, "\r%s\033[K", text.c_str());
    counting_ = true;
  }

 private:
  void end_counter() {
    if (counting_) std::fputs("\r\033[K", stderr);
    counting_ = false;
  }
  const bool quiet_, terminal_;
  bool counting_ = false;
};

Result<std::string> task_text(const FixCommand& options) {
  if (!options.task_file.empty() && !options.issue.empty())
    return fail(ErrorCode::invalid_input, "give one of --task FILE and --issue TEXT");
  if (options.task_file.empty()) return options.issue;
  return read_file(options.task_file, 4u << 20);
}

void print_patch(const std::string& patch) {
  const bool colour = ::isatty(STDOUT_FILENO) == 1;
  for (size_t begin = 0; begin < patch.size();) {
    const size_t end = std::min(patch.find('\n', begin), patch.size() - 1) + 1;
    const std::string line = patch.substr(begin, end - begin);
    const char* code = line.starts_with('+') ? "\033[32m" : line.starts_with('-') ? "\033[31m" : "";
    std::fputs(((colour ? code : "") + line + (colour && *code != '\0' ? "\033[0m" : "")).c_str(),
               stdout);
    begin = end;
  }
}

void print_report(const agent::Report& report) {
  std::printf("%s", std::string(to_string(report.outcome)).c_str());
  if (!report.test_command.empty()) std::printf(": %s", report.test_command.c_str());
  if (!report.problem.empty()) std::printf(" (%s)", report.problem.c_str());
  std::printf("\n");
  if (!report.summary.empty()) std::printf("%s\n", report.summary.c_str());
  print_patch(report.patch);
  for (const agent::TestEvidence& test : report.tests)
    std::printf("  %s: %s -> %s\n", test.id.c_str(), test.before.c_str(),
                test.after.empty() ? "(not run)" : test.after.c_str());
  if (report.strategy == "tools")
    std::printf("%zu steps, %lld prompt and %lld completion tokens, %.1f s (%s)\n", report.n_steps,
                static_cast<long long>(report.usage.prompt_tokens),
                static_cast<long long>(report.usage.completion_tokens), report.wall_s,
                report.exit.c_str());
  else
    std::printf(
        "%zu red and %zu green before, %zu red and %zu green after; "
        "%zu of %zu candidates tried, %.1f s\n",
        report.n_red_before, report.n_passed_before, report.n_red_after, report.n_passed_after,
        report.n_tried, report.n_candidates, report.wall_s);
  for (const std::string& note : report.notes) std::printf("note: %s\n", note.c_str());
  if (report.applied)
    std::printf("applied; `engramd undo %s` takes it back\n", report.journal.c_str());
  else if (!report.patch.empty())
    std::printf("the work tree is as it was; --apply writes the change\n");
}

// The model is a help, not a need: without one the order of the candidates is the templates' own.
void add_repair_model(agent::SolveOptions& options, const FixCommand& command,
                      const Settings& settings, EventLines& events) {
  if (command.no_model) return;
  const auto said = [&](const Error& error) {
    events.line("candidates are not ranked by a model: " + error.message);
  };
  const auto reference = model_for(settings, "agent");
  if (!reference) return said(reference.error());
  if (reference->is_endpoint()) return;
  auto model = engine::Model::load(reference->file);
  if (!model) return said(model.error());
  auto opened = open_index(command, settings);
  if (!opened) return said(opened.error());
  auto repair = make_repair_model(*model, opened->view, "", interrupt_token());
  if (!repair) return said(repair.error());
  options.ranker = std::move(repair->ranker);
  options.propose_lines = std::move(repair->propose_lines);
}

int status_of(agent::Outcome outcome) {
  switch (outcome) {
    case agent::Outcome::resolved:
    case agent::Outcome::unverified:
    case agent::Outcome::nothing_to_fix:
      return 0;
    case agent::Outcome::infra:
      return 3;
    default:
      return 1;
  }
}

Result<fs::path> trajectory_file(const FixCommand& command) {
  if (!command.trajectory.empty()) return fs::path(command.trajectory);
  if (command.resume)
    return fail(ErrorCode::invalid_input,
                "--resume needs --trajectory FILE of the run to continue");
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return state_folder() / "trajectories" /
         (std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) +
          ".json");
}

// A transcript, an endpoint, or a local file that can chat; null when the model only continues
// text.
Result<std::shared_ptr<agent::ChatModel>> chat_model_for(const FixCommand& command,
                                                         const Settings& settings,
                                                         EventLines& events) {
  const std::shared_ptr<agent::ChatModel> none;
  if (!command.transcript.empty()) return agent::open_replay_model(command.transcript);
  if (command.strategy == "repair" || (command.strategy == "auto" && command.no_model)) return none;
  ChatModelSource models(settings);
  const AgentAbility& ability = models.ability();
  if (command.strategy == "auto") {
    events.line("strategy " + std::string(ability.calls_tools ? "tools" : "repair") + ": " +
                ability.why);
    if (!ability.calls_tools) return none;
  } else if (!ability.calls_tools) {
    events.line("note: " + ability.why + "; its calls are held to a grammar, their sense is not");
  }
  return models.open(command.chat);
}

Result<int> run_fix(const FixCommand& command) {
  ENGRAMD_TRY(const Settings settings, settings_for(command));
  EventLines events(command.json);
  agent::SolveOptions options;
  ENGRAMD_TRY(options.repo, repository_root(command.repo));
  ENGRAMD_TRY(options.task, task_text(command));
  const std::string test = command.test.empty() ? settings.text("agent.test") : command.test;
  if (!test.empty()) options.test_command = test;
  ENGRAMD_TRY(options.sandbox,
              agent::read_sandbox_mode(command.sandbox.empty() ? settings.text("agent.sandbox")
                                                               : command.sandbox));
  options.verify.diagnostics_source = language_server_factory();
  options.apply = command.apply;
  options.out = command.out;
  options.report = command.report;
  options.resume = command.resume;
  options.limits.wall_s = command.seconds;
  options.limits.max_steps = command.max_steps;
  options.parse_hosts = make_parse_hosts();
  std::string stage;
  options.progress = [&](const agent::FixProgress& p) {
    if (p.stage != stage) events.line(p.stage + (p.detail.empty() ? "" : ": " + p.detail));
    stage = p.stage;
    if (p.total > 0)
      events.counter(p.stage + " " + std::to_string(p.done) + " of " + std::to_string(p.total));
  };
  ENGRAMD_TRY(options.model, chat_model_for(command, settings, events));
  if (options.model) {
    ENGRAMD_TRY(options.trajectory, trajectory_file(command));
    events.line("trajectory: " + options.trajectory.string());
  } else {
    options.strategy = agent::Strategy::repair;
    add_repair_model(options, command, settings, events);
  }
  ENGRAMD_TRY(const auto prices, prices_of(settings));
  ENGRAMD_TRY(const agent::Report report, agent::solve(options, interrupt_token()));
  if (prices && report.strategy == "tools")
    events.line("cost: " + fixed(agent::cost_of(report.usage, *prices), 4) +
                (report.usage.estimated ? " (tokens are estimated)" : ""));
  if (command.json)
    std::cout << to_json_text(report);
  else
    print_report(report);
  return status_of(report.outcome);
}

}  // namespace

Action define_fix(CLI::App& app) {
  auto options = std::make_shared<FixCommand>();
  add_repo_option(app, *options);
  app.add_option("--task", options->task_file, "file with the issue text");
  app.add_option("--issue", options->issue, "the issue text itself");
  app.add_option("--test", options->test, "the test command; found in the project when not given");
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
  app.add_flag("--no-model", options->no_model, "repair: do not rank candidates by a model");
  app.add_option("--max-steps", options->max_steps, "tools: turns of the model")
      ->capture_default_str();
  app.add_option("--trajectory", options->trajectory, "tools: where the run is saved");
  app.add_flag("--resume", options->resume, "tools: continue the run saved in --trajectory");
  app.add_option("--transcript", options->transcript,
                 "tools: answer from a recorded transcript in place of a model");
  add_model_option(app, *options);
  add_chat_flags(app, options->chat);
  add_json_option(app, *options);
  return [options] { return run_fix(*options); };
}

Action define_trajectory(CLI::App& app) {
  auto file = std::make_shared<std::string>();
  app.add_option("file", *file, "a saved run")->required();
  return [file]() -> Result<int> {
    ENGRAMD_TRY(const agent::Trajectory trajectory, agent::load_trajectory(*file));
    const std::string text = readable(trajectory);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return 0;
  };
}

}  // namespace engramd::daemon::cli
