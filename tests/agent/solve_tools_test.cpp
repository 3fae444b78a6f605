// From a task to a judged patch with a scripted model: evidence, reproduction, candidates.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "agent/solve/solve.h"
#include "base/process.h"
#include "tests/agent/script.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::quoted;
using engramd::test::Script;
using engramd::test::Workspace;

namespace {

constexpr const char* kShop = R"(#init git
//- /.gitignore
__pycache__/
//- /shop.py
def total(prices):
    return sum(prices[1:])

def count(prices):
    return len(prices)
//- /test_shop.py
from shop import total, count
def test_total():
    assert total([1, 2]) == 3
def test_count():
    assert count([1, 2]) == 2
)";

std::string replaced(const std::string& path, const std::string& from, const std::string& to) {
  return "{\"path\": " + quoted(path) + ", \"search\": " + quoted(from) +
         ", \"replace\": " + quoted(to) + "}";
}

const std::string kGood =
    replaced("shop.py", "    return sum(prices[1:])", "    return sum(prices)");

SolveOptions options_for(const Workspace& ws, std::shared_ptr<ChatModel> model,
                         const std::string& test) {
  SolveOptions options;
  options.repo = ws.root();
  options.task = "total forgets the first price";
  options.tests.command = test;
  options.model = std::move(model);
  options.limits.wall_s = 200;  // generous: the machine may be busy
  return options;
}

Report solved(const SolveOptions& options) {
  auto report = solve(options);
  if (!report) FAIL(report.error().message);
  return *report;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool have_pytest() {
  if (!find_program("pytest").empty()) return true;
  WARN("skipped: no pytest");
  return false;
}

}  // namespace

TEST_CASE("evidence: what failed before passes after, by name, and what broke is refused") {
  if (!have_pytest()) return;
  const Workspace ws(kShop);
  auto model = std::make_shared<Script>();
  model->call("replace_text", kGood)
      .call("replace_text", replaced("shop.py", "    return len(prices)", "    return 7"))
      .finish("too much")
      .call("replace_text", replaced("shop.py", "    return 7", "    return len(prices)"))
      .finish("total sums all prices");
  const Report report = solved(options_for(ws, model, "pytest -q"));
  INFO(to_json_text(report));
  CHECK(report.outcome == Outcome::resolved);
  CHECK(report.fixed == std::vector<std::string>{"test_shop.py::test_total"});
  CHECK(report.broken.empty());
  REQUIRE(report.tests.size() == 1);
  CHECK(report.tests[0].before == "failed");
  CHECK(report.tests[0].after == "passed");
  CHECK(report.n_passed_before == 1);
  CHECK(report.n_passed_after == 2);
  CHECK(holds(model->everything_sent, "these are red:\n  test_shop.py::test_total"));
  CHECK(holds(model->everything_sent,
              "1 tests passed before your change and fail now:\n"
              "  test_shop.py::test_count"));
  CHECK(report.reused > 0.7);
}

TEST_CASE("evidence: a test that fails now and then proves nothing") {
  if (!have_pytest()) return;
  const Workspace outside("//- /empty\n");
  const Workspace ws(kShop);
  // Fails on every second run of the tests: the counter lies outside of the private copies, in a
  // folder that only this container-mode run can reach.
  const std::string counter = outside.path("n").string();
  ws.write("test_flaky.py", "def test_flaky():\n    path = " + quoted(counter) +
                                "\n    n = len(open(path).read())\n    open(path, 'a').write('x')\n"
                                "    assert n % 2 == 1\n");
  outside.write("n", "");
  auto model = std::make_shared<Script>();
  model->call("replace_text", kGood).finish();
  SolveOptions options = options_for(ws, model, "pytest -q");
  options.sandbox = SandboxMode::container;
  const Report report = solved(options);
  INFO(to_json_text(report));
  CHECK(report.flaky == std::vector<std::string>{"test_flaky.py::test_flaky"});
  CHECK(report.fixed == std::vector<std::string>{"test_shop.py::test_total"});
}

TEST_CASE("a reproduction test counts when it fails before, and must pass after") {
  const Workspace ws("#init git\n//- /a.txt\nbroken\n");
  auto model = std::make_shared<Script>();
  const auto reproduce = [](const std::string& path, const std::string& text) {
    return "{\"path\": " + quoted(path) + ", \"text\": " + quoted(text) + "}";
  };
  model->call("reproduce", "{}")
      .call("reproduce", reproduce("ok.sh", "grep -q broken a.txt"))
      .call("reproduce", reproduce("../x.sh", "exit 1"))
      .call("reproduce", reproduce("a.txt", "exit 1"))
      .call("reproduce", reproduce("x.unknown", "exit 1"))
      .call("reproduce", reproduce("repro.sh", "grep fixed a.txt"))
      .finish("nothing done")
      .call("replace_text", replaced("a.txt", "broken", "half"))
      .finish("half")
      .call("replace_text", replaced("a.txt", "half", "fixed"))
      .call("reproduce", "{}")
      .finish("fixed");
  SolveOptions options = options_for(ws, model, "test -f a.txt");
  const Workspace results("//- /empty\n");
  options.trajectory = results.path("run.jsonl");
  const Report report = solved(options);
  INFO(to_json_text(report));
  CHECK(report.outcome == Outcome::resolved);
  CHECK(report.reproduction.path == "repro.sh");
  CHECK(report.reproduction.before == "failed");
  CHECK(report.reproduction.after == "passed");
  CHECK(report.changed_files == std::vector<std::string>{"a.txt"});
  CHECK(holds(model->everything_sent, "there is no reproduction test yet"));
  CHECK(holds(model->everything_sent, "passes on the code as it is, so it does not show"));
  CHECK(holds(model->everything_sent, "is not a path inside the repository"));
  CHECK(holds(model->everything_sent, "a reproduction test is a new file"));
  CHECK(holds(model->everything_sent, "say in `command` how x.unknown is run"));
  CHECK(holds(model->everything_sent, "your reproduction test repro.sh still fails"));
  CHECK(holds(model->everything_sent, "the reproduction test passes now"));
  const auto saved = load_trajectory(options.trajectory);
  REQUIRE(saved);
  CHECK(holds(saved->reproduction_json, "repro.sh"));
}

TEST_CASE("of several candidates the one that the tests like is kept, and the bill is for all") {
  const Workspace ws("#init git\n//- /a.txt\nbroken\n");
  SolveOptions options = options_for(ws, nullptr, "grep -q fixed a.txt");
  options.samples = 3;
  const Workspace results("//- /empty\n");
  options.trajectory = results.path("run.jsonl");
  options.model_for_sample = [](size_t sample) -> Result<std::shared_ptr<ChatModel>> {
    auto model = std::make_shared<Script>();
    model->usage({100, 0, 10});
    model->call("replace_text",
                replaced("a.txt", "broken", sample == 0 ? "fixed and\nmore" : "fixed"));
    model->finish("candidate " + std::to_string(sample));
    return model;
  };
  const Report report = solved(options);
  INFO(to_json_text(report));
  CHECK(report.outcome == Outcome::resolved);
  CHECK(report.n_samples == 3);
  CHECK(report.n_agreeing == 2);
  CHECK(report.summary == "candidate 1");
  CHECK(report.usage.prompt_tokens == 600);
  CHECK(std::filesystem::exists(results.path("run.3.jsonl")));
}

TEST_CASE("scratch files that no test needs are dropped from a patch that passes") {
  const Workspace ws("#init git\n//- /a.txt\nbroken\n");
  auto model = std::make_shared<Script>();
  model->call("create_file", R"({"path": "debug.txt", "text": "tried this\n"})")
      .call("create_file", R"({"path": "needed.txt", "text": "x\n"})")
      .call("replace_text", replaced("a.txt", "broken", "fixed"))
      .finish();
  const Report report = solved(options_for(ws, model, "grep -q fixed a.txt && test -f needed.txt"));
  CHECK(report.outcome == Outcome::resolved);
  CHECK(report.changed_files == std::vector<std::string>{"a.txt", "needed.txt"});
}

TEST_CASE("unsaved texts of an editor stand for the files, in the run and in the judgement") {
  const Workspace ws("#init git\n//- /a.txt\non disk\n");
  auto model = std::make_shared<Script>();
  model->call("replace_text", replaced("a.txt", "broken", "fixed")).finish();
  SolveOptions options = options_for(ws, model, "grep -q buffer a.txt && grep -q fixed a.txt");
  options.unsaved["a.txt"] = "buffer\nbroken\n";
  const Report report = solved(options);
  CHECK(report.outcome == Outcome::resolved);
  CHECK(holds(report.patch, " buffer\n-broken\n+fixed"));
  CHECK(ws.read("a.txt") == "on disk\n");
}

TEST_CASE("read-only: nothing is changed, and the answer is the summary") {
  const Workspace ws("#init git\n//- /a.txt\nbroken\n");
  auto model = std::make_shared<Script>();
  model->call("replace_text", replaced("a.txt", "broken", "fixed"))
      .call("open", R"({"path": "a.txt"})")
      .finish("a.txt:1 says broken");
  SolveOptions options = options_for(ws, model, "grep -q fixed a.txt");
  PermissionOptions permissions;
  permissions.mode = PermissionMode::read_only;
  options.permissions = std::make_shared<Permissions>(permissions);
  const Report report = solved(options);
  CHECK(report.patch.empty());
  CHECK(report.summary == "a.txt:1 says broken");
  CHECK(holds(model->everything_sent, "there is no tool named replace_text"));
}

TEST_CASE("ask: a refused edit is an answer that the model can work with") {
  const Workspace ws("#init git\n//- /a.txt\nbroken\n");
  auto model = std::make_shared<Script>();
  model->call("replace_text", replaced("a.txt", "broken", "bad"))
      .call("replace_text", replaced("a.txt", "broken", "fixed"))
      .finish();
  SolveOptions options = options_for(ws, model, "grep -q fixed a.txt");
  PermissionOptions permissions;
  permissions.mode = PermissionMode::ask;
  permissions.ask = [](const PermissionQuestion& question) {
    return question.detail.find("+bad") != std::string::npos ? PermissionAnswer::no
                                                             : PermissionAnswer::once;
  };
  options.permissions = std::make_shared<Permissions>(permissions);
  CHECK(solved(options).outcome == Outcome::resolved);
  CHECK(holds(model->everything_sent, "changing a.txt was refused by the user"));
}

TEST_CASE("a budget that ran out with a patch that passes is resolved all the same") {
  const Workspace ws("#init git\n//- /a.txt\nbroken\n");
  auto model = std::make_shared<Script>();
  model->call("replace_text", replaced("a.txt", "broken", "fixed")).finish();
  SolveOptions options = options_for(ws, model, "grep -q fixed a.txt");
  options.limits.max_steps = 1;
  const Report report = solved(options);
  CHECK(report.exit == "steps");
  CHECK(report.outcome == Outcome::resolved);
}

TEST_CASE("a run is resumed in its own folder only, and nobody has to repeat the task") {
  const Workspace ws("#init git\n//- /a.txt\nbroken\n"), other("//- /a.txt\nbroken\n");
  const Workspace results("//- /empty\n");
  const auto script = [] {
    auto model = std::make_shared<Script>();
    model->call("replace_text", replaced("a.txt", "broken", "half"))
        .call("replace_text", replaced("a.txt", "half", "fixed"))
        .finish();
    return model;
  };
  SolveOptions options = options_for(ws, script(), "grep -q fixed a.txt");
  options.trajectory = results.path("run.jsonl");
  options.limits.max_steps = 1;
  CHECK(solved(options).outcome == Outcome::budget);
  SolveOptions resumed;
  resumed.repo = other.root();
  resumed.model = script();
  resumed.trajectory = options.trajectory;
  resumed.resume = true;
  const auto refused = solve(resumed);
  REQUIRE_FALSE(refused);
  CHECK(holds(refused.error().message, "is a run in"));
  resumed.repo = ws.root();
  CHECK(solved(resumed).outcome == Outcome::resolved);
}
