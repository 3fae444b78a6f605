// `engramd fix` with a model that calls tools, as a process: stopped by Ctrl-C, killed, resumed,
// and its saved run read. The model is a recorded transcript.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/cancel.h"
#include "base/process.h"
#include "tests/support/processes.h"
#include "tests/support/workspace.h"

using namespace engramd;

namespace {

namespace fs = std::filesystem;
using engramd::test::Workspace;
using nlohmann::json;

std::string call(const std::string& tool, const json& arguments) {
  return json{{"role", "assistant"},
              {"content", ""},
              {"tool_calls",
               {{{"id", "c"},
                 {"type", "function"},
                 {"function", {{"name", tool}, {"arguments", arguments.dump()}}}}}}}
             .dump() +
         "\n";
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Desk {
  Workspace ws{"#init git\n//- /a.txt\nbroken\n"};
  Workspace home{"//- /empty\n"};
  std::string run_file = home.path("run.jsonl").string();

  Desk() {
    home.write(
        "script.jsonl",
        call("replace_text", {{"path", "a.txt"}, {"search", "broken"}, {"replace", "half"}}) +
            call("run_tests", json::object()) +
            call("replace_text", {{"path", "a.txt"}, {"search", "half"}, {"replace", "fixed"}}) +
            call("finish", {{"summary", "said fixed"}}));
  }
  std::vector<std::string> fix(std::vector<std::string> more) const {
    std::vector<std::string> argv = {std::string(ENGRAMD_BINARY_DIR) + "/engramd",
                                     "fix",
                                     "--repo",
                                     ws.root().string(),
                                     "--transcript",
                                     home.path("script.jsonl").string(),
                                     "--trajectory",
                                     run_file};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
  std::vector<std::pair<std::string, std::string>> env() const {
    const std::string root = home.root().string();
    return {{"HOME", root},
            {"PATH", "/usr/local/bin:/usr/bin:/bin"},
            {"XDG_CACHE_HOME", root + "/cache"},
            {"XDG_STATE_HOME", root + "/state"},
            {"XDG_CONFIG_HOME", root + "/config"},
            {"XDG_RUNTIME_DIR", root}};
  }
  ProcessResult run(std::vector<std::string> argv) const {
    ProcessOptions options;
    options.argv = std::move(argv);
    options.env = env();
    options.wall_ms = 120'000;
    auto ran = run_process(options);
    if (!ran) FAIL(ran.error().message);
    return *ran;
  }
  ProcessResult engramd(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), std::string(ENGRAMD_BINARY_DIR) + "/engramd");
    return run(std::move(arguments));
  }
};

// The program in the background, its stderr in a file.
class Running {
 public:
  Running(const std::vector<std::string>& argv,
          const std::vector<std::pair<std::string, std::string>>& env, const fs::path& errors) {
    std::vector<std::string> variables;
    for (const auto& [name, value] : env) variables.push_back(name + "=" + value);
    pid_ = ::fork();
    if (pid_ != 0) return;
    std::vector<char*> args, envp;
    for (const std::string& arg : argv) args.push_back(const_cast<char*>(arg.c_str()));
    for (const std::string& variable : variables)
      envp.push_back(const_cast<char*>(variable.c_str()));
    args.push_back(nullptr);
    envp.push_back(nullptr);
    (void)!std::freopen(errors.c_str(), "w", stderr);
    (void)!std::freopen("/dev/null", "w", stdout);
    ::execve(args[0], args.data(), envp.data());
    ::_exit(127);
  }
  void signal(int number) const { ::kill(pid_, number); }
  // The exit status; 128 + the signal for a killed one.
  int wait() const {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_ = -1;
};

size_t n_sleeping(const std::string& seconds) {
  size_t n = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string arguments = engramd::test::arguments_of(entry.path());
    n += arguments == std::string("sleep") + '\0' + seconds + '\0';
  }
  return n;
}

bool wait_for(const std::function<bool()>& condition) {
  for (int i = 0; i < 600; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

}  // namespace

TEST_CASE("fix: steps are lines on stderr, the outcome on stdout, the run can be read") {
  const Desk desk;
  const auto ran = desk.run(desk.fix({"--issue", "say fixed", "--test", "grep -q fixed a.txt"}));
  INFO(ran.stdout_text << ran.stderr_text);
  CHECK(ran.exit_code == 0);
  CHECK(holds(ran.stdout_text, "resolved: grep -q fixed a.txt\nsaid fixed\n"));
  CHECK(holds(ran.stdout_text, "+fixed"));
  CHECK(holds(ran.stderr_text, "  1 ✓ replace_text   a.txt +1 -1"));
  CHECK(holds(ran.stderr_text, "  4 ✓ finish"));
  CHECK_FALSE(holds(ran.stdout_text + ran.stderr_text, "\x1b"));  // no terminal, no colours

  const auto shown = desk.engramd({"trajectory", desk.run_file});
  CHECK(shown.exit_code == 0);
  CHECK(holds(shown.stdout_text, "  3 ✓ replace_text a.txt"));
  CHECK(holds(shown.stdout_text, "\nresolved\n"));
  CHECK(holds(desk.engramd({"trajectory", desk.run_file, "--step", "1"}).stdout_text,
              "search: broken"));
  CHECK(desk.engramd({"trajectory", desk.run_file, "--step", "9"}).exit_code == 2);
  const auto diff = desk.engramd({"trajectory", desk.run_file, "--diff"});
  desk.ws.write("patch.diff", diff.stdout_text);
  CHECK_NOTHROW(desk.ws.git({"apply", "--check", "patch.diff"}));
  const json all = json::parse(desk.engramd({"trajectory", desk.run_file, "--json"}).stdout_text,
                               nullptr, false);
  REQUIRE(all.is_object());
  CHECK(all["steps"].size() == 4);
  CHECK(desk.engramd({"trajectory", desk.home.path("empty").string()}).exit_code != 0);
}

TEST_CASE("fix: quiet with --json, and runs are listed") {
  const Desk desk;
  auto argv = desk.fix({"--issue", "say fixed", "--test", "grep -q fixed a.txt", "--json"});
  argv.erase(argv.begin() + 6, argv.begin() + 8);  // saved where runs are saved
  const auto ran = desk.run(argv);
  CHECK(ran.exit_code == 0);
  CHECK(ran.stderr_text.empty());
  const json report = json::parse(ran.stdout_text, nullptr, false);
  REQUIRE(report.is_object());
  CHECK(report["state"] == "resolved");
  CHECK(report["fixed"].size() == 1);
  const auto list = desk.engramd({"trajectory"});
  INFO(list.stdout_text << list.stderr_text);
  CHECK(holds(list.stdout_text, "resolved"));
  CHECK(holds(list.stdout_text, "4 steps, 1 file +1 -1"));
}

TEST_CASE(
    "fix: Ctrl-C stops within a second, leaves no process, keeps the diff, and says how to go on") {
  const Desk desk;
  // The first run of the tests is quick, the one that the model asks for hangs.
  const std::string test = "grep -q half a.txt && sleep 83114; grep -q fixed a.txt";
  const Running running(desk.fix({"--issue", "say fixed", "--test", test}), desk.env(),
                        desk.home.path("errors"));
  REQUIRE(wait_for([] { return n_sleeping("83114") > 0; }));
  const Clock::time_point start = Clock::now();
  running.signal(SIGINT);
  CHECK(running.wait() == 1);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  WARN("stopped in " << seconds << " s");
  CHECK(seconds < 15);  // a second on a quiet machine; this one may be busy
  CHECK(wait_for([] { return n_sleeping("83114") == 0; }));
  const std::string errors = desk.home.read("errors");
  INFO(errors);
  CHECK(holds(errors, "to go on: engramd fix --repo"));
  CHECK(holds(desk.engramd({"trajectory", desk.run_file, "--diff"}).stdout_text, "+half"));
  CHECK(desk.ws.read("a.txt") == "broken\n");
  const auto resumed = desk.run(desk.fix({"--resume", "--test", "grep -q fixed a.txt"}));
  INFO(resumed.stdout_text << resumed.stderr_text);
  CHECK(resumed.exit_code == 0);
  CHECK(holds(resumed.stdout_text, "+fixed"));
}

TEST_CASE("fix: kill -9 of the real program, and --resume goes on to the same patch") {
  const Desk desk;
  const std::string test = "grep -q half a.txt && sleep 83115; grep -q fixed a.txt";
  const Running running(desk.fix({"--issue", "say fixed", "--test", test}), desk.env(),
                        desk.home.path("errors"));
  REQUIRE(wait_for([] { return n_sleeping("83115") > 0; }));
  running.signal(SIGKILL);
  CHECK(running.wait() == 128 + SIGKILL);
  // What ran in the sandbox dies with its parent.
  CHECK(wait_for([] { return n_sleeping("83115") == 0; }));
  CHECK(
      holds(desk.engramd({"trajectory", desk.run_file}).stdout_text, "cut off; --resume goes on"));
  const auto resumed = desk.run(desk.fix({"--resume", "--test", "grep -q fixed a.txt"}));
  INFO(resumed.stdout_text << resumed.stderr_text);
  CHECK(resumed.exit_code == 0);
  CHECK(holds(resumed.stderr_text, "resumed after step 1"));
  CHECK(holds(resumed.stdout_text, "-broken\n+fixed"));
}

TEST_CASE("fix: limits and modes that make no sense are said in one line") {
  const Desk desk;
  const auto error_of = [&](std::vector<std::string> more) {
    const auto ran = desk.run(desk.fix(std::move(more)));
    CHECK(ran.exit_code == 2);
    return ran.stderr_text;
  };
  CHECK(holds(error_of({"--max-cost", "3"}), "--max-cost needs the prices"));
  CHECK(holds(error_of({"--price", "cheap"}), "expected INPUT,CACHED,OUTPUT"));
  CHECK(holds(error_of({"--mode", "yolo"}), "unknown permission mode \"yolo\""));
  CHECK(holds(error_of({"--task", "x", "--issue", "y"}), "one of --task FILE and --issue TEXT"));
  CHECK(holds(error_of({"--test-seconds", "-3"}), "--test-seconds"));
  const std::string repo = desk.ws.root().string();
  const auto resumed =
      desk.engramd({"fix", "--repo", repo, "--strategy", "repair", "--resume", "--test", "false"});
  CHECK(resumed.exit_code == 2);
  CHECK(holds(resumed.stderr_text, "--resume goes on with a run of the tools strategy"));
  // A model that is named and not there is no reason to go on without one.
  const auto named =
      desk.engramd({"fix", "--repo", repo, "--model", "/no/such.gguf", "--test", "false"});
  CHECK(named.exit_code != 0);
  CHECK(named.exit_code != 1);
  CHECK(holds(named.stderr_text, "/no/such.gguf does not exist"));
}

TEST_CASE("fix: what was not sure enough is shown with the way to get it") {
  const Desk desk;
  desk.ws.write("calc.py", "def two():\n    return 3\n");
  desk.ws.write("check.py", "from calc import two\nassert two() == 2\n");
  const auto fix = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {
        "fix",       "--repo", desk.ws.root().string(), "--test", "/usr/bin/python3 check.py",
        "--no-model"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return desk.engramd(arguments);
  };
  const auto unsure = fix({"--min-confidence", "0.99"});
  INFO(unsure.stdout_text << unsure.stderr_text);
  CHECK(unsure.exit_code == 1);
  CHECK(holds(unsure.stdout_text, "to get the first as the patch: --min-confidence 0."));
  CHECK_FALSE(holds(unsure.stdout_text, "(not run)"));
  const size_t at = unsure.stdout_text.find("--min-confidence ");
  REQUIRE(at != std::string::npos);
  const auto sure = fix({"--min-confidence", unsure.stdout_text.substr(at + 17, 4)});
  INFO(sure.stdout_text);
  CHECK(sure.exit_code == 0);
  CHECK(holds(sure.stdout_text, "+    return 2"));
}
