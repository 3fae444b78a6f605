#include "agent/loop/loop.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "agent/loop/trajectory_view.h"
#include "agent/model/replay.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;

namespace {

namespace fs = std::filesystem;

constexpr const char* kTests = "/usr/bin/python3 -m pytest -q";

// A private copy of the fixture's project, with its transcript beside it.
struct LoopProject {
  TemporaryFolder folder = *TemporaryFolder::make("engramd-loop");
  fs::path repo = folder.path() / "project";
  fs::path trajectory = folder.path() / "run.jsonl";

  LoopProject() {
    fs::copy(test::fixtures() / "agent/loop/project", repo, fs::copy_options::recursive);
  }
  LoopOptions options() const {
    LoopOptions options;
    options.repo = repo;
    options.task = "Adding an article to the basket twice counts it once.";
    options.workbench.tests.command = kTests;
    options.trajectory = trajectory;
    return options;
  }
  std::string basket() const { return *read_file(repo / "shop/basket.py"); }
};

std::unique_ptr<ChatModel> scripted() {
  auto model = open_replay_model(test::fixtures() / "agent/loop/transcript.jsonl");
  REQUIRE(model);
  return std::move(*model);
}

std::unique_ptr<ChatModel> scripted(const fs::path& folder, const std::string& lines) {
  REQUIRE(write_file_atomic(folder / "script.jsonl", lines));
  auto model = open_replay_model(folder / "script.jsonl");
  REQUIRE(model);
  return std::move(*model);
}

LoopReport run(ChatModel& model, const LoopOptions& options, const CancelToken& cancel = {}) {
  auto report = run_loop(model, options, cancel);
  if (!report) FAIL(report.error().message);
  return *report;
}

std::string call(const std::string& name, const std::string& arguments) {
  std::string escaped;
  for (const char c : arguments) escaped += c == '"' ? std::string("\\\"") : std::string(1, c);
  return R"({"role":"assistant","content":"","tool_calls":[{"id":"c","type":"function","function":{"name":")" +
         name + R"(","arguments":")" + escaped + "\"}}]}\n";
}

}  // namespace

TEST_CASE("a recorded transcript goes through locate, open, replace, test and finish to a patch") {
  const LoopProject project;
  const std::string before = project.basket();
  const auto model = scripted();
  const LoopReport report = run(*model, project.options());
  CHECK(report.exit == "resolved");
  CHECK(report.tests_pass);
  CHECK(report.n_steps == 5);
  CHECK(report.patch.find("--- a/shop/basket.py\n+++ b/shop/basket.py") != std::string::npos);
  CHECK(
      report.patch.find("+        self._counts[article] = self._counts.get(article, 0) + count") !=
      std::string::npos);
  CHECK(project.basket() == before);

  const auto saved = load_trajectory(project.trajectory);
  REQUIRE(saved);
  CHECK(saved->exit == "resolved");
  CHECK(readable(*saved).find("  3 ✓ replace_symbol shop/basket.py: Basket.add") !=
        std::string::npos);
}

TEST_CASE("a run killed after its second step is resumed to the same patch") {
  const LoopProject undisturbed, killed;
  const std::string expected = run(*scripted(), undisturbed.options()).patch;

  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    LoopOptions options = killed.options();
    options.on_event = [](const LoopEvent& event) {
      if (event.kind == LoopEvent::Kind::step && event.step == 2) ::kill(::getpid(), SIGKILL);
    };
    auto model = open_replay_model(test::fixtures() / "agent/loop/transcript.jsonl");
    (void)run_loop(**model, options);
    ::_exit(0);  // not reached when the kill works
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  const auto saved = load_trajectory(killed.trajectory);
  REQUIRE(saved);
  CHECK(saved->exit.empty());
  CHECK_FALSE(saved->steps.empty());

  LoopOptions options = killed.options();
  options.resume = true;
  const LoopReport report = run(*scripted(), options);
  CHECK(report.exit == "resolved");
  CHECK(report.n_steps == 5);
  CHECK(report.patch == expected);
}

TEST_CASE("a resumed run refuses a file that has changed since") {
  const LoopProject project;
  const std::string edit = call(
      "replace_text",
      R"j({"path": "shop/basket.py", "search": "self._counts = {}", "replace": "self._counts = dict()"})j");
  LoopOptions options = project.options();
  options.limits.max_steps = 1;
  CHECK(run(*scripted(project.folder.path(), edit), options).exit == "steps");
  REQUIRE(write_file_atomic(project.repo / "shop/basket.py", project.basket() + "# more\n"));
  options.resume = true;
  const auto refused = run_loop(*scripted(), options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("cannot resume: shop/basket.py has changed since the run") !=
        std::string::npos);
}

TEST_CASE("a patch that does not pass the tests is said to be unresolved") {
  const LoopProject project;
  const auto model = scripted(project.folder.path(), call("finish", R"({"summary": "done"})"));
  LoopOptions options = project.options();
  options.limits.max_false_finishes = 0;
  const LoopReport report = run(*model, options);
  CHECK(report.exit == "unresolved");
  CHECK_FALSE(report.tests_pass);
  CHECK(report.patch.empty());
}

TEST_CASE("replies without a usable call end the run after three in a row") {
  const LoopProject project;
  std::string script;
  for (int i = 0; i < 5; ++i)
    script += R"({"role":"assistant","content":"I think about it."})"
              "\n";
  CHECK(run(*scripted(project.folder.path(), script), project.options()).exit == "format");
}

TEST_CASE("the loop answers wrong calls with sentences and goes on") {
  const LoopProject project;
  const auto model = scripted(
      project.folder.path(),
      call("no_such_tool", "{}") + call("open", R"({"path": "../outside"})") +
          call("replace_text", R"({"path": "test_shop.py", "search": "360", "replace": "240"})") +
          call(
              "replace_text",
              R"({"path": "shop/basket.py", "search": "def total(self):", "replace": "def total(self:"})") +
          call("finish", R"({"summary": "gave up"})"));
  LoopOptions options = project.options();
  options.limits.max_false_finishes = 0;
  options.limits.max_malformed = 9;
  const LoopReport report = run(*model, options);
  CHECK(report.exit == "unresolved");
  CHECK(report.patch.empty());
  const auto saved = load_trajectory(project.trajectory);
  REQUIRE(saved);
  std::string answers;
  for (const Message& message : saved->messages)
    if (message.role == Message::Role::tool) answers += message.text + "\n";
  CHECK(answers.find("there is no tool named no_such_tool") != std::string::npos);
  CHECK(answers.find("needs consent") != std::string::npos);
  CHECK(answers.find("would no longer parse") != std::string::npos);
  for (size_t i = 0; i < 4; ++i) CHECK_FALSE(saved->steps[i].ok);
}

TEST_CASE("a cancelled run keeps its diff and can be resumed") {
  const LoopProject project;
  CancelSource source;
  LoopOptions options = project.options();
  options.on_event = [&](const LoopEvent& event) {
    if (event.kind == LoopEvent::Kind::step && event.step == 3) source.cancel();
  };
  const LoopReport report = run(*scripted(), options, source.token());
  CHECK(report.exit == "cancelled");
  CHECK(report.patch.find("self._counts.get(article, 0)") != std::string::npos);
  options.resume = true;
  options.on_event = {};
  CHECK(run(*scripted(), options).exit == "resolved");
}

TEST_CASE("a file that is no trajectory is refused with its name") {
  const LoopProject project;
  for (
      const char* text :
      {"", "{}", "[1]", "{}\n{}\n", R"({"type":"start","format":"engramd-trajectory-1"})",
       R"({"type":"start","format":"engramd-trajectory-2","task":3})"
       "\n",
       R"({"type":"start","format":"engramd-trajectory-2","task":"","repo":"","model":"","messages":[]})"}) {
    REQUIRE(write_file_atomic(project.trajectory, text));
    const auto loaded = load_trajectory(project.trajectory);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().message.find("run.jsonl is not a trajectory") != std::string::npos);
  }
}
