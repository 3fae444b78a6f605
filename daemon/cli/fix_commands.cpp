// The agent, headless: fix, undo, trajectory.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "agent/edit/apply.h"
#include "agent/fix.h"
#include "agent/loop/loop.h"
#include "agent/model/replay.h"
#include "base/environment.h"
#include "base/file.h"
#include "daemon/cli/command.h"
#include "daemon/wiring/ask.h"
#include "daemon/wiring/parse_hosts.h"
#include "daemon/wiring/repair_model.h"

namespace engramd::daemon::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct FixCommand : CommonOptions {
  std::string task_file, issue, test, out, report, sandbox, strategy = "auto";
  std::string transcript, trajectory;
  bool apply = false, resume = false, no_model = false;
  double seconds = 60;
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

// --- repair ---------------------------------------------------------------------------------

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

void print_report(const agent::FixReport& report) {
  std::printf("%s: %s", std::string(to_string(report.state)).c_str(), report.test_command.c_str());
  if (!report.problem.empty()) std::printf(" (%s)", report.problem.c_str());
  std::printf("\n");
  print_patch(report.patch);
  for (const agent::TestEvidence& test : report.tests)
    std::printf("  %s: %s -> %s\n", test.id.c_str(), test.before.c_str(),
                test.after.empty() ? "(not run)" : test.after.c_str());
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
void add_repair_model(agent::FixOptions& options, const FixCommand& command,
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

int status_of(agent::FixState state) {
  switch (state) {
    case agent::FixState::resolved:
    case agent::FixState::nothing_to_fix:
      return 0;
    case agent::FixState::infra:
      return 3;
    default:
      return 1;
  }
}

Result<int> run_repair(const FixCommand& command, const Settings& settings) {
  EventLines events(command.json);
  agent::FixOptions options;
  ENGRAMD_TRY(options.repo, repository_root(command.repo));
  ENGRAMD_TRY(options.task, task_text(command));
  const std::string test = command.test.empty() ? settings.text("agent.test") : command.test;
  if (!test.empty()) options.test_command = test;
  options.apply = command.apply;
  options.parse_hosts = make_parse_hosts();
  options.out = command.out;
  options.report = command.report;
  options.sandbox = command.sandbox.empty() ? settings.text("agent.sandbox") : command.sandbox;
  options.limits.wall_s = command.seconds;
  std::string stage;
  options.progress = [&](const agent::FixProgress& p) {
    if (p.stage != stage) events.line(p.stage + (p.detail.empty() ? "" : ": " + p.detail));
    stage = p.stage;
    if (p.total > 0)
      events.counter(p.stage + " " + std::to_string(p.done) + " of " + std::to_string(p.total));
  };
  add_repair_model(options, command, settings, events);
  ENGRAMD_TRY(const agent::FixReport report, agent::fix(options, interrupt_token()));
  if (command.json)
    std::cout << to_json_text(report) << '\n';
  else
    print_report(report);
  return status_of(report.state);
}

// --- tools ----------------------------------------------------------------------------------

Result<std::unique_ptr<agent::ChatModel>> chat_model_for(const FixCommand& command,
                                                         const Settings& settings) {
  if (!command.transcript.empty()) return agent::open_replay_model(command.transcript);
  return configured_chat_model(settings);
}

json loop_json(const agent::LoopReport& report, const fs::path& trajectory) {
  return {{"state", report.exit},
          {"patch", report.patch},
          {"summary", report.summary},
          {"tests_pass", report.tests_pass},
          {"steps", report.n_steps},
          {"prompt_tokens", report.usage.prompt_tokens},
          {"completion_tokens", report.usage.completion_tokens},
          {"wall_s", report.wall_s},
          {"trajectory", trajectory.string()}};
}

// The patch is applied through the same checks and the same journal as a repair's.
Result<fs::path> apply_patch(const fs::path& repo, const std::string& patch) {
  const auto read = [&](const std::string& path) -> std::optional<std::string> {
    auto text = read_file(repo / path);
    return text ? std::optional<std::string>(std::move(*text)) : std::nullopt;
  };
  ENGRAMD_TRY(const auto changes, agent::apply_unified_diff(patch, read));
  ENGRAMD_TRY(const agent::Applied applied,
              agent::apply_changes(repo, changes, state_folder() / "journal"));
  return applied.journal;
}

Result<int> run_tools(const FixCommand& command, const Settings& settings) {
  EventLines events(command.json);
  agent::LoopOptions options;
  ENGRAMD_TRY(options.repo, repository_root(command.repo));
  ENGRAMD_TRY(options.task, task_text(command));
  if (options.task.empty()) options.task = "Make the failing tests pass.";
  options.workbench.parse_hosts = make_parse_hosts();
  options.workbench.test_command =
      command.test.empty() ? settings.text("agent.test") : command.test;
  ENGRAMD_TRY(options.workbench.sandbox,
              agent::read_sandbox_mode(command.sandbox.empty() ? settings.text("agent.sandbox")
                                                               : command.sandbox));
  options.limits.max_steps = command.max_steps;
  options.limits.wall_ms = static_cast<int64_t>(std::max(command.seconds, 1800.0) * 1000);
  options.resume = command.resume;
  options.trajectory = command.trajectory;
  if (options.trajectory.empty()) {
    if (command.resume)
      return fail(ErrorCode::invalid_input,
                  "--resume needs --trajectory FILE of the run to continue");
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    options.trajectory =
        state_folder() / "trajectories" /
        (std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) +
         ".json");
  }
  options.on_progress = [&](const std::string& line) { events.line(line); };
  ENGRAMD_TRY(const auto model, chat_model_for(command, settings));
  events.line("trajectory: " + options.trajectory.string());
  ENGRAMD_TRY(const agent::LoopReport report, agent::run_loop(*model, options, interrupt_token()));
  if (!command.out.empty()) ENGRAMD_CHECK(write_file_atomic(command.out, report.patch));
  const json as_json = loop_json(report, options.trajectory);
  if (!command.report.empty())
    ENGRAMD_CHECK(write_file_atomic(
        command.report, as_json.dump(2, ' ', false, json::error_handler_t::replace) + "\n"));
  const bool good = report.exit == "resolved" || report.exit == "finished";
  fs::path journal;
  if (command.apply && good && !report.patch.empty()) {
    ENGRAMD_TRY(journal, apply_patch(options.repo, report.patch));
  }
  if (command.json) {
    std::cout << as_json.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
    return good ? 0 : 1;
  }
  std::printf("%s after %zu steps, %.1f s%s%s\n", report.exit.c_str(), report.n_steps,
              report.wall_s, report.summary.empty() ? "" : ": ", report.summary.c_str());
  print_patch(report.patch);
  if (!journal.empty()) std::printf("applied; `engramd undo %s` takes it back\n", journal.c_str());
  return good ? 0 : 1;
}

Result<int> run_fix(const FixCommand& command) {
  ENGRAMD_TRY(const Settings settings, settings_for(command));
  std::string strategy = command.strategy;
  if (strategy == "auto") {
    const auto reference = model_for(settings, "agent");
    const bool chats = !command.transcript.empty() || (reference && reference->is_endpoint());
    strategy = chats ? "tools" : "repair";
  }
  return strategy == "tools" ? run_tools(command, settings) : run_repair(command, settings);
}

// The newest journal entry: names begin with the time.
Result<fs::path> newest_journal() {
  fs::path newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(state_folder() / "journal", error))
    if (entry.is_directory(error) &&
        (newest.empty() || entry.path().filename() > newest.filename()))
      newest = entry.path();
  if (newest.empty()) return fail(ErrorCode::not_found, "there is no applied change to take back");
  return newest;
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
  app.add_option("--sandbox", options->sandbox, "auto, bwrap, or container when you are in one");
  app.add_option("--seconds", options->seconds, "wall time for a repair")->capture_default_str();
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
  add_json_option(app, *options);
  return [options] { return run_fix(*options); };
}

Action define_undo(CLI::App& app) {
  auto journal = std::make_shared<std::string>();
  app.add_option("journal", *journal, "the entry `fix --apply` printed; the newest when not given");
  return [journal]() -> Result<int> {
    fs::path entry = *journal;
    if (entry.empty()) {
      ENGRAMD_TRY(entry, newest_journal());
    }
    ENGRAMD_TRY(const agent::Applied undone, agent::undo_changes(entry));
    for (const std::string& path : undone.paths) std::printf("restored %s\n", path.c_str());
    return 0;
  };
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
