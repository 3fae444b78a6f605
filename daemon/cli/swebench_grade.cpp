// engramd swebench grade: which patches resolve their instance, without docker, or by the official
// harness where that is here.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/swebench/compare.h"
#include "agent/swebench/grade_run.h"
#include "agent/swebench/run.h"
#include "agent/swebench/shell.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "daemon/cli/swebench_commands.h"
#include "daemon/cli/swebench_flags.h"

namespace engramd::daemon::cli {
namespace {

namespace fs = std::filesystem;
namespace sb = agent::swebench;
using nlohmann::json;

struct GradeCommand : SwebenchFlags {
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
  ENGRAMD_TRY(const sb::RepositoryStore store, repository_store(command));
  sb::GradeRunOptions options;
  ENGRAMD_TRY(options.grade.environment, run_environment(command));
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

}  // namespace

Action define_swebench_grade(CLI::App& app) {
  auto options = std::make_shared<GradeCommand>();
  add_swebench_flags(app, *options);
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

}  // namespace engramd::daemon::cli
