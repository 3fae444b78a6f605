// engramd swebench as a user meets it: the real program, real git, real pytest, a small repository.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/swebench/predictions.h"
#include "agent/swebench/work.h"
#include "base/process.h"
#include "tests/agent/swebench_project.h"
#include "tests/engine/model_writer.h"
#include "tests/support/processes.h"

using namespace engramd;
using engramd::test::CalcProject;
using nlohmann::json;
namespace fs = std::filesystem;
namespace sb = engramd::agent::swebench;

namespace {

const std::string kEngramd = std::string(ENGRAMD_BINARY_DIR) + "/engramd";

struct Bench {
  CalcProject calc;
  std::string path = "/usr/local/bin:/usr/bin:/bin";

  Bench() {
    sb::Instance second = calc.slim();
    second.id = "acme__calc-2";
    write({calc.slim(), second});
  }
  void write(const std::vector<sb::Instance>& instances) const {
    std::ofstream out(calc.folder("instances.jsonl"));
    for (const sb::Instance& instance : instances) out << to_json_line(instance) << "\n";
  }
  std::string at(const std::string& name) const { return calc.folder(name).string(); }
  ProcessOptions options(std::vector<std::string> arguments) const {
    ProcessOptions process;
    process.argv = {kEngramd, "swebench"};
    process.argv.insert(process.argv.end(), arguments.begin(), arguments.end());
    const std::string command = arguments.front();
    if (command == "run" || command == "grade")
      process.argv.insert(process.argv.end(), {"--instances", at("instances.jsonl"), "--repos",
                                               calc.sources().string()});
    process.env = {{{"HOME", at("home")},
                    {"PATH", path},
                    {"XDG_CACHE_HOME", at("home/cache")},
                    {"XDG_STATE_HOME", at("home/state")},
                    {"XDG_RUNTIME_DIR", at("home")}}};
    process.wall_ms = 240'000;
    process.cwd = calc.folder("");
    return process;
  }
  ProcessResult run(std::vector<std::string> arguments) const {
    auto ran = run_process(options(std::move(arguments)));
    if (!ran) FAIL(ran.error().message);
    REQUIRE_FALSE(ran->timed_out);
    INFO(ran->stderr_text);
    REQUIRE(ran->signal == 0);
    return *ran;
  }
  // A program on PATH that records how it was called and, given a shell line at its end, runs it.
  void add_stub(const std::string& name, const std::string& body) {
    fs::create_directories(at("bin"));
    std::ofstream(at("bin/" + name))
        << "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '" << at(name + ".calls") << "'\n"
        << body << "\n";
    fs::permissions(at("bin/" + name), fs::perms::owner_all);
    if (path.find(at("bin")) == std::string::npos) path = at("bin") + ":" + path;
  }
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Running processes whose command line holds all of these words.
std::vector<pid_t> processes_with(const std::vector<std::string>& words) {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0 || pid == ::getpid()) continue;
    const std::string arguments = test::arguments_of(entry.path());
    if (std::all_of(words.begin(), words.end(),
                    [&](const std::string& word) { return holds(arguments, word); }))
      found.push_back(pid);
  }
  return found;
}

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 1200; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

// Weights that say nothing of sense, in a file that says it calls tools.
struct ChatBench : Bench {
  ChatBench() {
    engine::test::RandomModel shape;
    shape.n_layers = 1;
    shape.d_model = 32;
    shape.n_heads = 2;
    shape.n_kv_heads = 1;
    shape.head_dim = 16;
    shape.n_experts = 4;
    shape.width = shape.shared_width = 32;
    shape.context_length = 65536;
    auto writer = engine::test::random_model(shape);
    writer.key_string("tokenizer.chat_template", "<|im_start|> <tool_call> <think>");
    std::ofstream(at("chat.gguf"), std::ios::binary) << writer.bytes();
  }
  std::vector<std::string> work(std::vector<std::string> more) const {
    std::vector<std::string> arguments = {
        "run",    "--model", at("chat.gguf"), "--out", at("p.jsonl"), "--max-steps", "2",
        "--seed", "3",       "--timeout",     "120"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  std::vector<pid_t> servers() const { return processes_with({"serve", at("chat.gguf")}); }
  std::optional<sb::WorkStatus> status(int number) const {
    auto read = sb::read_status(at("p.run/acme__calc-" + std::to_string(number)));
    if (!read) return std::nullopt;
    return *read;
  }
};

// The program beside the test, so that the test can look at it and signal it.
class Beside {
 public:
  explicit Beside(ProcessOptions options) : options_(std::move(options)) {
    thread_ = std::thread([this] {
      auto ran = run_process(options_);
      if (ran) result_ = *std::move(ran);
      ended_ = true;
    });
  }
  ~Beside() {
    if (thread_.joinable()) thread_.join();
  }
  bool ended() const { return ended_; }
  const ProcessResult& wait() {
    thread_.join();
    return result_;
  }

 private:
  const ProcessOptions options_;
  ProcessResult result_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace

TEST_CASE("swebench on the command line: gold patches are resolved, empty ones are not") {
  const Bench bench;
  const auto gold = bench.run({"grade", "--gold", "--out", bench.at("gold"), "--with", "engramd"});
  INFO(gold.stderr_text << gold.stdout_text);
  CHECK(gold.exit_code == 0);
  CHECK(holds(gold.stdout_text, "2 of 2 resolved"));
  const auto empty = bench.run({"grade", "--empty", "--out", bench.at("empty"), "--filter",
                                "acme__calc-1", "--with", "engramd"});
  CHECK(empty.exit_code == 0);
  CHECK(holds(empty.stdout_text, "0 of 1 resolved"));
  const auto report = bench.run({"report", bench.at("gold"), bench.at("empty"), "--json"});
  CHECK(report.exit_code == 0);
  const json figures = json::parse(report.stdout_text);
  CHECK(figures.at("a").at("resolved") == 2);
  CHECK(figures.at("paired").at("only_a") == json::array({"acme__calc-1"}));
}

TEST_CASE("swebench on the command line: a run, its grading and its report") {
  const Bench bench;
  const std::vector<std::string> run = {
      "run",    "--strategy", "repair",    "--out", bench.at("p.jsonl"), "--reveal-tests",
      "--jobs", "2",          "--timeout", "120"};
  const auto done = bench.run(run);
  INFO(done.stderr_text << done.stdout_text);
  CHECK(done.exit_code == 0);
  const auto predictions = sb::read_predictions(bench.at("p.jsonl"));
  REQUIRE(predictions);
  REQUIRE(predictions->size() == 2);
  CHECK(holds(predictions->front().model, "+revealed-tests"));
  CHECK(holds(predictions->front().patch, "+    return part / whole"));
  CHECK(fs::exists(bench.at("p.run/acme__calc-1/status.json")));
  const json manifest = json::parse(*read_file(bench.at("p.run/manifest.json")));
  CHECK(manifest.at("settings").at("reveal_tests") == true);
  CHECK(bench.run(run).exit_code == 2);  // there is a run already

  const auto graded = bench.run({"grade", "-p", bench.at("p.jsonl"), "--with", "engramd"});
  CHECK(holds(graded.stdout_text, "2 of 2 resolved"));
  const auto report = bench.run({"report", bench.at("p.jsonl")});
  CHECK(holds(report.stdout_text, "2 of 2 (100.0 %"));
  CHECK(holds(report.stdout_text, "exits     resolved 2"));
}

TEST_CASE("swebench on the command line: SIGTERM saves and says requeue, --resume goes on") {
  const Bench bench;
  sb::Instance slow = bench.calc.slim();
  slow.test_command = "sleep 20; " + slow.test_command;
  bench.write({slow});
  ProcessOptions process = bench.options(
      {"run", "--strategy", "repair", "--reveal-tests", "--out", bench.at("p.jsonl"), "--json"});
  CancelSource source;
  process.grace_ms = 30'000;
  std::string seen;
  process.on_stdout = [&](std::string_view piece) {
    seen += piece;
    // run_process ends it with SIGTERM.
    if (holds(seen, "\"stage\":\"tests\"")) source.cancel();
  };
  const auto ran = run_process(process, source.token());
  REQUIRE(ran);
  INFO(ran->stderr_text << seen);
  CHECK(ran->exit_code == 75);
  CHECK(sb::read_status(bench.at("p.run/acme__calc-1"))->state == sb::WorkState::interrupted);
  bench.write({bench.calc.slim()});
  const auto again = bench.run(
      {"run", "--strategy", "repair", "--reveal-tests", "--out", bench.at("p.jsonl"), "--resume"});
  CHECK(again.exit_code == 0);
  CHECK(sb::read_status(bench.at("p.run/acme__calc-1"))->attempts == 2);
}

TEST_CASE("swebench on the command line: a local chat file is loaded once for all jobs") {
  const ChatBench bench;
  size_t most_servers = 0, most_workers = 0;
  Beside run(bench.options(bench.work({"--jobs", "100"})));  // more than the server has slots
  while (!run.ended()) {
    most_servers = std::max(most_servers, bench.servers().size());
    most_workers =
        std::max(most_workers, processes_with({"swebench", "work", bench.at("p.run")}).size());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const ProcessResult& ran = run.wait();
  INFO(ran.stderr_text << ran.stdout_text);
  CHECK(ran.exit_code == 0);
  CHECK(most_servers == 1);
  CHECK(most_workers >= 2);  // a process that is being forked counts, too
  CHECK(bench.servers().empty());
  for (const int number : {1, 2}) {
    const auto status = bench.status(number);
    REQUIRE(status);
    INFO(status->reason);
    CHECK(status->state == sb::WorkState::done);
    CHECK(status->strategy == "tools");
    CHECK(status->completion_tokens > 0);
  }
  const json manifest = json::parse(*read_file(bench.at("p.run/manifest.json")));
  CHECK(manifest.at("settings").at("model").get<std::string>().starts_with("http://127.0.0.1:"));
  CHECK(manifest.at("model_file") == bench.at("chat.gguf"));
}

TEST_CASE("swebench on the command line: Ctrl-C ends workers and model, keeps what is finished") {
  const ChatBench bench;
  sb::Instance slow = bench.calc.slim();
  slow.id = "acme__calc-2";
  slow.test_command = "sleep 7731; " + slow.test_command;
  bench.write({bench.calc.slim(), slow});
  Beside run(bench.options(bench.work({"--jobs", "2"})));
  REQUIRE(eventually([&] {
    const auto first = bench.status(1), second = bench.status(2);
    return run.ended() || (first && first->state == sb::WorkState::done && second &&
                           !processes_with({"sleep", "7731"}).empty());
  }));
  const auto coordinators = processes_with({"swebench", "run", bench.at("p.jsonl")});
  REQUIRE(coordinators.size() == 1);
  const Clock::time_point told = Clock::now();
  ::kill(coordinators.front(), SIGINT);
  const ProcessResult& ran = run.wait();
  INFO(ran.stderr_text << ran.stdout_text);
  CHECK(Clock::now() - told < std::chrono::seconds(5));
  CHECK(ran.exit_code == 130);
  CHECK(holds(ran.stderr_text, "--resume goes on"));
  CHECK(eventually([&] {
    return bench.servers().empty() && processes_with({"sleep", "7731"}).empty() &&
           processes_with({"swebench", "work", bench.at("p.run")}).empty();
  }));
  CHECK(sb::read_predictions(bench.at("p.jsonl"))->size() == 1);
  CHECK(bench.status(2)->state == sb::WorkState::interrupted);

  sb::Instance quick = bench.calc.slim();
  quick.id = "acme__calc-2";
  bench.write({bench.calc.slim(), quick});
  const auto again = bench.run(bench.work({"--resume"}));
  INFO(again.stderr_text);
  CHECK(again.exit_code == 0);
  CHECK(bench.status(1)->attempts == 1);
  CHECK(bench.status(2)->attempts == 2);
  CHECK(sb::read_predictions(bench.at("p.jsonl"))->size() == 2);
}

TEST_CASE(
    "swebench on the command line: a run ends with its model server, and so does the server") {
  const ChatBench bench;
  std::vector<sb::Instance> three(3, bench.calc.slim());
  for (size_t i = 0; i < three.size(); ++i) three[i].id = "acme__calc-" + std::to_string(i + 1);
  three[1].test_command = "sleep 4; " + three[1].test_command;
  bench.write(three);
  {
    Beside run(bench.options(bench.work({})));
    REQUIRE(eventually([&] { return run.ended() || bench.status(2); }));
    REQUIRE(bench.servers().size() == 1);
    ::kill(bench.servers().front(), SIGKILL);
    const ProcessResult& ran = run.wait();
    INFO(ran.stderr_text << ran.stdout_text);
    CHECK(ran.exit_code == 3);
    CHECK(holds(ran.stderr_text, "the model server ended: by signal 9"));
    CHECK_FALSE(bench.status(3));  // not one failure for each instance that is left
  }
  // Nobody can tell the server when its run is killed: the kernel does.
  Beside run(bench.options(bench.work({"--resume"})));
  REQUIRE(eventually([&] { return run.ended() || !bench.servers().empty(); }));
  const auto coordinators = processes_with({"swebench", "run", bench.at("p.jsonl")});
  REQUIRE(coordinators.size() == 1);
  ::kill(coordinators.front(), SIGKILL);
  CHECK(run.wait().signal == 9);
  CHECK(eventually([&] { return bench.servers().empty(); }));
}

TEST_CASE("swebench on the command line: containers and conda are called as they want to be") {
  // None of these programs is here: a stub records its words and really runs the command.
  Bench bench;
  bench.add_stub("docker",
                 "[ \"$1\" = run ] || exit 1\nfor last; do :; done\nexec /bin/sh -c \"$last\"");
  bench.add_stub("apptainer", "for last; do :; done\nexec /bin/sh -c \"$last\"");
  bench.add_stub("conda", "for last; do :; done\nexec /bin/sh -c \"$last\"");
  for (const std::string name : {"docker", "apptainer", "conda"}) {
    const auto graded =
        bench.run({"grade", "--gold", "--filter", "acme__calc-1", "--with", "engramd", "--env",
                   name + ":thing", "--sandbox", "container", "--out", bench.at("out-" + name)});
    INFO(name << graded.stderr_text);
    CHECK(holds(graded.stdout_text, "1 of 1 resolved"));
    const auto calls = read_file(bench.at(name + ".calls"));
    REQUIRE(calls);
    CHECK(holds(*calls, " thing /bin/sh -c "));
  }
  CHECK(holds(*read_file(bench.at("docker.calls")), "--network none"));
  CHECK(holds(*read_file(bench.at("conda.calls")), "run --no-capture-output -n thing"));
}

TEST_CASE("swebench on the command line: with docker the official harness is started") {
  Bench bench;
  bench.add_stub("docker", "echo 24.0");
  bench.add_stub("swebench", "echo harness ran");
  std::ofstream(bench.at("p.jsonl"))
      << "{\"instance_id\": \"acme__calc-1\", \"model_patch\": \"x\"}\n";
  const auto graded = bench.run({"grade", "-p", bench.at("p.jsonl"), "--dataset", "verified",
                                 "--run-id", "r7", "--filter", "acme__calc-1"});
  CHECK(graded.exit_code == 0);
  CHECK(holds(graded.stdout_text, "harness ran"));
  const auto calls = read_file(bench.at("swebench.calls"));
  REQUIRE(calls);
  CHECK(holds(*calls, "eval verified -p " + bench.at("p.jsonl") +
                          " --run-id r7 -s test -j 1 -t 1800 -i acme__calc-1"));
  fs::remove(bench.at("bin/swebench"));
  const auto printed = bench.run({"grade", "-p", bench.at("p.jsonl"), "--with", "harness"});
  CHECK(printed.exit_code == 3);
  CHECK(holds(printed.stdout_text, "swebench eval"));
}

TEST_CASE("swebench on the command line: bad usage is one clear line") {
  const Bench bench;
  const auto error_of = [&](std::vector<std::string> arguments, int status) {
    const auto ran = bench.run(std::move(arguments));
    CHECK(ran.exit_code == status);
    return ran.stderr_text;
  };
  CHECK(holds(error_of({"grade"}, 2), "give one of --predictions FILE, --gold and --empty"));
  CHECK(holds(error_of({"run", "--shard", "3/2"}, 2), "expected i/n"));
  CHECK(holds(error_of({"run", "--filter", "none"}, 2), "names no instance"));
  CHECK(holds(error_of({"run", "--env", "podman:x"}, 2), "expected host"));
  CHECK(holds(error_of({"run", "--price", "x"}, 2), "expected INPUT,CACHED,OUTPUT"));
  const auto named = bench.run({"run", "--model", "/no/such.gguf"});
  CHECK(named.exit_code != 0);
  CHECK(holds(named.stderr_text, "/no/such.gguf does not exist"));
  CHECK(holds(error_of({"report", bench.at("nothing")}, 2), "nothing"));
}
