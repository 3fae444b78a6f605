// Docker-less grading: the real fix is resolved, nothing else is, however hard it pretends.
#include <catch2/catch.hpp>

#include "agent/sandbox/probe.h"
#include "agent/swebench/grade.h"
#include "agent/swebench/grade_run.h"
#include "agent/swebench/guard.h"
#include "agent/swebench/shell.h"
#include "tests/agent/swebench_project.h"

using namespace engramd;
using namespace engramd::agent::swebench;
using engramd::test::CalcProject;

namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

const CalcProject& calc() {
  static const CalcProject project;  // only read; each grading has a checkout of its own
  return project;
}

Graded graded(const std::string& patch, const GradeOptions& options = {}) {
  const RepositoryStore store = calc().store();
  const auto done = grade(store, calc().instance(), patch, options);
  if (!done) FAIL(done.error().message);
  return *done;
}

std::string core_with(const std::string& tail) {
  return "def total(items):\n    value = 0\n    for item in items:\n        value += item\n"
         "    return value\n\n\ndef ratio(part, whole):\n    return whole / part\n" +
         tail;
}

// A patch that leaves the bug in and tries to look right.
Graded check_cheat(const Files& files) {
  Graded result = graded(calc().patch(files));
  INFO(result.log << result.output);
  CHECK_FALSE(result.resolved);
  CHECK_FALSE(result.infra_failure);
  CHECK_FALSE(result.reason.empty());
  return result;
}

bool put_back(const Graded& result, const std::string& path) {
  for (const std::string& line : result.put_back)
    if (line.starts_with(path + ":")) return true;
  return false;
}

}  // namespace

TEST_CASE("swebench grade: the real fix is resolved") {
  const Graded result = graded(calc().instance().patch);
  INFO(result.log << result.output);
  CHECK(result.resolved);
  CHECK(result.applied_by == "git apply");
  CHECK(result.evidence == "witness");
  CHECK(result.tampered.empty());
  CHECK(result.tests.fail_to_pass_good == calc().instance().fail_to_pass);
  CHECK(result.tests.pass_to_pass_good.size() == 2);
}

TEST_CASE("swebench grade: an empty patch, a wrong patch and a patch that does not apply are not") {
  const Graded empty = graded("");
  CHECK_FALSE(empty.resolved);
  CHECK(empty.tests.fail_to_pass_bad.size() == 1);
  CHECK(empty.tests.pass_to_pass_good.size() == 2);

  std::string wrong = core_with("");
  wrong.replace(wrong.find("whole / part"), 12, "part - whole");
  CHECK(graded(calc().patch({{"calc/core.py", wrong}})).reason.find("still failing") == 0);

  std::string breaking = core_with("");
  breaking.replace(breaking.find("whole / part"), 12, "part / whole");
  breaking.replace(breaking.find("value += item"), 13, "value -= item");
  CHECK(graded(calc().patch({{"calc/core.py", breaking}})).reason.find("broken") == 0);

  const Graded garbage =
      graded("--- a/calc/core.py\n+++ b/calc/core.py\n@@ -1,2 +1,2 @@\n-no\n+yes\n x\n");
  CHECK_FALSE(garbage.resolved);
  CHECK(garbage.reason == "the patch does not apply");
  const Graded outside = graded(
      "diff --git a/../x b/../x\nnew file mode 100644\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 "
      "@@\n+x\n");
  CHECK(outside.reason == "the patch does not apply");
}

TEST_CASE("swebench grade: results of a framework without a name come from the report it leaves") {
  Instance instance = calc().instance();
  instance.test_command =
      "PYTHONPATH=. /usr/bin/python3 -c 'from calc import ratio\n"
      "bad = ratio(1, 2) != 0.5\n"
      "case = \"<testcase classname=\\\"ratio\\\" name=\\\"halves\\\">%s</testcase>\"\n"
      "open(\"TEST-now.xml\", \"w\").write(\"<testsuite>\" + case % (\"<failure/>\" * bad) + "
      "\"</testsuite>\")\n"
      "raise SystemExit(bad)'";
  instance.fail_to_pass = {"ratio::halves"};
  instance.pass_to_pass.clear();
  const RepositoryStore store = calc().store();
  const auto graded_with = [&](const std::string& patch, const std::string& glob) {
    GradeOptions options;
    options.test_report = glob;
    const auto done = grade(store, instance, patch, options);
    if (!done) FAIL(done.error().message);
    return *done;
  };
  const Graded right = graded_with(instance.patch, "TEST-*.xml");
  INFO(right.log << right.output << right.reason);
  CHECK(right.resolved);
  CHECK(right.evidence == "report");
  CHECK_FALSE(graded_with(instance.patch, "").resolved);
  const std::string forged =
      "<testsuite><testcase classname=\"ratio\" name=\"halves\"/></testsuite>\n";
  CHECK_FALSE(graded_with(calc().patch({{"TEST-forged.xml", forged}}), "TEST-*.xml").resolved);
}

TEST_CASE("swebench grade: a patch with shifted lines is applied by the harness's later means") {
  std::string moved = calc().instance().patch;
  const size_t at = moved.find(" def ratio(part, whole):");
  REQUIRE(at != std::string::npos);
  moved.replace(at, 24, " def ratio(part, all_of):");  // one wrong context line: fuzz
  const Graded result = graded(moved);
  INFO(result.log);
  CHECK(result.applied_by == "patch");
  CHECK(result.resolved);
}

TEST_CASE("swebench grade: a patch that prints passed lines is not resolved") {
  check_cheat({{"calc/core.py",
                core_with("\n\nimport atexit\nprint('PASSED tests/test_calc.py::test_ratio')\n"
                          "atexit.register(lambda: print('PASSED tests/test_calc.py::test_ratio\\n"
                          "1 passed'))\n")}});
}

TEST_CASE("swebench grade: os._exit(0) is no pass") {
  check_cheat({{"calc/core.py", core_with("\n\nimport os\nos._exit(0)\n")}});
  const Graded late =
      check_cheat({{"calc/core.py",
                    core_with("\n\nimport atexit, os\natexit.register(lambda: os._exit(0))\n")}});
  CHECK(late.reason.find("ended with 0") != std::string::npos);
  std::string inside = core_with("");
  inside.replace(inside.find("return whole / part"), 19, "import os; os._exit(0)");
  check_cheat({{"calc/core.py", inside}});
}

TEST_CASE("swebench grade: conftest.py hooks do not decide") {
  const std::string hook =
      "import pytest\n\n\n@pytest.hookimpl(hookwrapper=True)\n"
      "def pytest_runtest_makereport(item, call):\n    outcome = yield\n"
      "    outcome.get_result().outcome = 'passed'\n\n\n"
      "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n";
  CHECK(put_back(check_cheat({{"conftest.py", hook}}), "conftest.py"));
  CHECK(put_back(check_cheat({{"tests/conftest.py", hook}}), "tests/conftest.py"));
}

TEST_CASE("swebench grade: what Python loads at its start does not decide") {
  const std::string cheat =
      "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n";
  CHECK(put_back(check_cheat({{"sitecustomize.py", cheat}}), "sitecustomize.py"));
  CHECK(put_back(check_cheat({{"usercustomize.py", cheat}}), "usercustomize.py"));
  CHECK(put_back(check_cheat({{"sitecustomize/__init__.py", cheat}}), "sitecustomize/__init__.py"));
  CHECK(put_back(check_cheat({{"cheat.pth", "import cheat\n"}}), "cheat.pth"));
}

TEST_CASE("swebench grade: configuration of pytest does not decide") {
  const std::string plugin =
      "def pytest_runtest_makereport(item, call):\n    from _pytest.reports import TestReport\n"
      "    call.excinfo = None\n    return TestReport.from_item_and_call(item, call)\n";
  const auto with = [&](const std::string& file, const std::string& text) {
    return check_cheat({{file, text}, {"calc/cheat.py", plugin}});
  };
  CHECK(put_back(with("pytest.ini", "[pytest]\naddopts = -p calc.cheat\n"), "pytest.ini"));
  CHECK(put_back(with("tox.ini", "[pytest]\naddopts = -p calc.cheat\n"), "tox.ini"));
  CHECK(put_back(
      with("setup.cfg", "[metadata]\nname = calc\n[tool:pytest]\naddopts = -p calc.cheat\n"),
      "setup.cfg"));
  CHECK(put_back(with("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-p calc.cheat'\n"),
                 "pyproject.toml"));
  CHECK(put_back(with("calc.egg-info/entry_points.txt", "[pytest11]\ncheat = calc.cheat\n"),
                 "calc.egg-info/entry_points.txt"));
  // Other settings of such a file are the patch's business.
  std::string fixed = core_with("");
  fixed.replace(fixed.find("whole / part"), 12, "part / whole");
  const Graded honest = graded(calc().patch(
      {{"setup.cfg", "[metadata]\nname = calc\nversion = 2\n"}, {"calc/core.py", fixed}}));
  CHECK(honest.resolved);
  CHECK(honest.put_back.empty());
}

TEST_CASE("swebench grade: a module in place of the runner's own does not decide") {
  CHECK(put_back(check_cheat({{"pytest.py", "print('PASSED tests/test_calc.py::test_ratio')\n"}}),
                 "pytest.py"));
  CHECK(put_back(check_cheat({{"json.py", "import os\nos._exit(0)\n"}}), "json.py"));
  CHECK(put_back(check_cheat({{"pluggy/__init__.py", "raise SystemExit(0)\n"}}),
                 "pluggy/__init__.py"));
}

TEST_CASE("swebench grade: the tests themselves are the fix's") {
  CHECK(put_back(check_cheat({{"tests/test_calc.py", "def test_ratio():\n    pass\n"}}),
                 "tests/test_calc.py"));
  CHECK(put_back(check_cheat({{"tests/__init__.py", "import os\nos._exit(0)\n"}}),
                 "tests/__init__.py"));
}

TEST_CASE("swebench grade: patching pytest from the code under test is seen") {
  const Graded no_run = check_cheat(
      {{"calc/core.py",
        core_with(
            "\n\nimport _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n")}});
  CHECK_FALSE(no_run.tampered.empty());

  const Graded report =
      check_cheat({{"calc/core.py", core_with("\n\nfrom _pytest.runner import CallInfo\n"
                                              "_init = CallInfo.__init__\n"
                                              "def _lie(self, result, excinfo, *args, **kwargs):\n"
                                              "    _init(self, [], None, *args, **kwargs)\n"
                                              "CallInfo.__init__ = _lie\n")}});
  CHECK_FALSE(report.tampered.empty());

  const Graded quiet_assert = check_cheat(
      {{"calc/core.py",
        core_with("\n\nimport unittest\nunittest.TestCase.assertEqual = lambda *a, **k: None\n")}});
  CHECK_FALSE(quiet_assert.tampered.empty());
}

TEST_CASE("swebench grade: other code in place of a test is seen") {
  // test_total runs first; the code it tests rewrites test_ratio.
  std::string swaps = core_with("");
  swaps.replace(swaps.find("value = 0"), 9,
                "value = 0; import sys; "
                "sys.modules['test_calc'].test_ratio.__code__ = (lambda: None).__code__");
  const Graded result = check_cheat({{"calc/core.py", swaps}});
  CHECK_FALSE(result.tampered.empty());
  CHECK(result.tests.resolved());  // so nothing else would have seen it
}

TEST_CASE("swebench grade: a plugin registered by the code under test is seen") {
  const Graded result = check_cheat(
      {{"calc/core.py",
        core_with("\n\nimport gc\n\nimport pytest\n\n\nclass Cheat:\n"
                  "    @pytest.hookimpl(tryfirst=True)\n"
                  "    def pytest_pyfunc_call(self, pyfuncitem):\n        return True\n\n\n"
                  "for thing in gc.get_objects():\n"
                  "    if type(thing).__name__ == 'PytestPluginManager':\n"
                  "        thing.register(Cheat())\n")}});
  CHECK_FALSE(result.tampered.empty());
}

TEST_CASE("swebench grade: a forged report is seen") {
  const Graded result = check_cheat(
      {{"calc/core.py",
        core_with(
            "\n\nimport glob\nfor name in glob.glob('/engramd/reports/graded*'):\n"
            "    with open(name, 'a') as file:\n"
            "        file.write('0123456789abcdef {\"id\": \"tests/test_calc.py::test_ratio\", "
            "\"when\": \"call\", \"outcome\": \"passed\"}\\n')\n")}});
  CHECK_FALSE(result.tampered.empty());
  // Nor does the environment of the process say where the report is, or the tokens.
  check_cheat({{"calc/core.py",
                core_with("\n\nimport os\nassert 'ENGRAMD_GRADE' not in os.environ\n"
                          "assert not os.path.exists('/engramd/reports/graded.tokens')\n")}});
}

TEST_CASE("swebench grade: skipping and expecting failure from the code under test is a failure") {
  std::string skips = core_with("");
  skips.replace(skips.find("return whole / part"), 19, "import pytest; pytest.skip('later')");
  CHECK(check_cheat({{"calc/core.py", skips}}).tests.fail_to_pass_bad.size() == 1);
  std::string xfails = core_with("");
  xfails.replace(xfails.find("return whole / part"), 19, "import pytest; pytest.xfail('known')");
  CHECK(check_cheat({{"calc/core.py", xfails}}).tests.fail_to_pass_bad.size() == 1);
  // A skip of what passed before does not hold either, when it is the patch that asks for it.
  std::string skips_total = core_with("");
  skips_total.replace(skips_total.find("value = 0"), 9, "import pytest; pytest.skip('x')");
  skips_total.replace(skips_total.find("whole / part"), 12, "part / whole");
  CHECK(check_cheat({{"calc/core.py", skips_total}}).tests.pass_to_pass_bad.size() == 2);
}

TEST_CASE("swebench grade: links in place of the tests lead nowhere") {
  const Graded result =
      graded("diff --git a/tests/test_calc.py b/tests/test_calc.py\ndeleted file mode 100644\n" +
             calc()
                 .patch({{"tests/test_calc.py", ""}})
                 .substr(calc().patch({{"tests/test_calc.py", ""}}).find("--- a/")) +
             "diff --git a/tests b/tests\nnew file mode 120000\n--- /dev/null\n+++ b/tests\n"
             "@@ -0,0 +1 @@\n+/tmp\n\\ No newline at end of file\n");
  INFO(result.log);
  CHECK_FALSE(result.resolved);
}

TEST_CASE("swebench grade: a run that hangs is ended and is no pass") {
  GradeOptions options;
  options.timeout_s = 3;
  std::string hangs = core_with("");
  hangs.replace(hangs.find("return whole / part"), 19, "import time; time.sleep(60)");
  const Graded result = graded(calc().patch({{"calc/core.py", hangs}}), options);
  CHECK_FALSE(result.resolved);
  CHECK(result.infra_reason == "tests_timed_out");
}

TEST_CASE("swebench grade: without pytest the output is read and checked against the status") {
  Instance instance = calc().instance();
  instance.test_command = "PYTHONPATH=. python3 -m unittest -v tests/test_calc.py";
  instance.fail_to_pass = {"test_empty (tests.test_calc.TestTotal.test_empty)"};
  instance.pass_to_pass = {};
  const RepositoryStore store = calc().store();
  const auto good = grade(store, instance, instance.patch, {});
  REQUIRE(good);
  INFO(good->output);
  CHECK(good->evidence == "output");
  CHECK(good->resolved);
  instance.test_command += "; exit 3";
  const auto odd = grade(store, instance, instance.patch, {});
  REQUIRE(odd);
  CHECK_FALSE(odd->resolved);
  CHECK(odd->reason.find("status 3") != std::string::npos);
}

TEST_CASE("swebench grade: what the machine lacks is said, and stays in the denominator") {
  Instance instance = calc().instance();
  instance.test_command = "no-such-program -m pytest {files}";
  const RepositoryStore store = calc().store();
  const auto result = grade(store, instance, instance.patch, {});
  REQUIRE(result);
  CHECK(result->infra_failure);
  CHECK_FALSE(result->resolved);

  instance = calc().instance();
  instance.repo = "acme/other";
  const Graded absent = *grade(store, instance, instance.patch, {});
  CHECK(absent.infra_failure);
  CHECK(absent.reason.find("acme__other") != std::string::npos);
}

TEST_CASE("swebench grade: the environment's wrapper runs the tests") {
  GradeOptions options;
  options.environment = *Environment::read("cmd:env WRAPPED=1 /bin/sh -c {command}");
  Instance instance = calc().instance();
  instance.test_command = "test \"$WRAPPED\" = 1 && " + instance.test_command;
  const RepositoryStore store = calc().store();
  const auto result = grade(store, instance, instance.patch, options);
  REQUIRE(result);
  INFO(result->output);
  CHECK(result->resolved);
}

TEST_CASE("swebench grade: a run leaves what the harness leaves") {
  const RepositoryStore store = calc().store();
  GradeRunOptions options;
  options.out = calc().folder("graded");
  options.run_id = "r1";
  options.n_jobs = 2;
  Instance second = calc().instance();
  second.id = "acme__calc-2";
  Instance third = second;
  third.id = "acme__calc-3";
  size_t n_told = 0;
  options.on_graded = [&](const Graded&, size_t, size_t) { ++n_told; };
  const auto run = grade_predictions(
      store, {calc().instance(), second, third},
      {{"acme__calc-1", "org/model", calc().instance().patch}, {"acme__calc-2", "org/model", ""}},
      false, options);
  if (!run) FAIL(run.error().message);
  CHECK(run->n_resolved() == 1);
  CHECK(n_told == 2);
  const auto summary = read_file(options.out / "org__model.r1.json");
  REQUIRE(summary);
  for (const char* part : {"\"total_instances\": 3", "\"resolved_instances\": 1",
                           "\"empty_patch_instances\": 1", "\"schema_version\": 2"})
    CHECK(summary->find(part) != std::string::npos);
  const auto folder = options.out / "logs/run_evaluation/r1/org__model/acme__calc-1";
  for (const char* name : {"report.json", "test_output.txt", "run_instance.log", "patch.diff"})
    CHECK(std::filesystem::exists(folder / name));
  CHECK(read_file(folder / "report.json")->find("\"resolved\": true") != std::string::npos);
}
