// engramd swebench as a user meets it: the real program, real git, real pytest, a small repository.
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/swebench/predictions.h"
#include "agent/swebench/work.h"
#include "base/process.h"
#include "tests/agent/swebench_project.h"

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
  CHECK(holds(error_of({"run", "--price", "x"}, 2), "expected IN,OUT"));
  CHECK(holds(error_of({"report", bench.at("nothing")}, 2), "nothing"));
}
