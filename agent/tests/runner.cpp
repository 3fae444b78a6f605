#include "agent/tests/runner.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The words of a shell line that needs no shell; nothing when it does (pipes, globs, variables).
std::optional<std::vector<std::string>> plain_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else if (quote == '"' && (c == '$' || c == '`' || c == '\\'))
        return std::nullopt;
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else if (std::string_view(";&|<>$`()*?{}\\\n#~!").find(c) != std::string_view::npos) {
      return std::nullopt;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return std::nullopt;
  if (in_word) words.push_back(std::move(word));
  return words;
}

bool is_assignment(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  return std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool file_has(const fs::path& path, std::string_view part) {
  const auto text = read_file(path, 1u << 20);
  return text && has(*text, part);
}

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

TestStatus status_of(const std::string& outcome) {
  if (outcome == "passed" || outcome == "xfailed") return TestStatus::passed;
  if (outcome == "skipped") return TestStatus::skipped;
  if (outcome == "timed_out") return TestStatus::timed_out;
  return outcome == "error" ? TestStatus::error : TestStatus::failed;
}

struct PluginReport {
  std::vector<TestCase> tests;
  bool finished = false;
};

PluginReport read_plugin_report(const fs::path& path) {
  PluginReport report;
  const auto text = read_file(path, 64u << 20);
  if (!text) return report;
  std::string running;
  std::map<std::string, size_t> index;
  for (const std::string_view line : split_lines(*text)) {
    const json record = json::parse(line, nullptr, false);
    if (!record.is_object()) continue;
    if (record.contains("start")) {
      running = record.value("start", "");
    } else if (record.contains("id")) {
      TestCase test;
      test.id = record.value("id", "");
      test.status = status_of(record.value("outcome", "failed"));
      test.seconds = record.value("seconds", 0.0);
      test.message = record.value("message", "");
      for (const json& frame : record.value("frames", json::array()))
        if (frame.is_array() && frame.size() == 2 && frame[0].is_string() &&
            frame[1].is_number_unsigned())
          test.frames.push_back({frame[0].get<std::string>(), frame[1].get<uint32_t>()});
      if (test.id == running) running.clear();
      const auto [place, added] = index.try_emplace(test.id, report.tests.size());
      if (added)
        report.tests.push_back(std::move(test));
      else
        report.tests[place->second] = std::move(test);
    } else if (record.contains("done")) {
      report.finished = true;
      running.clear();
    }
  }
  if (!running.empty()) {
    // The process went away in the middle of this one: killed by the wall limit, or a crash.
    TestCase test;
    test.id = running;
    test.status = TestStatus::timed_out;
    test.message = "the test run ended inside this test";
    report.tests.push_back(std::move(test));
  }
  return report;
}

std::string describe_problem(const TestCommand& command, const ProcessResult& ran) {
  const std::string tail(
      trim(std::string_view(ran.stdout_text)
               .substr(ran.stdout_text.size() - std::min<size_t>(ran.stdout_text.size(), 300))));
  const std::string last = tail.substr(tail.rfind('\n') + 1);
  if (ran.exit_code == 127) return "test command not found: " + command.text + " (" + last + ")";
  if (ran.exit_code == 126)
    return "test command is not executable: " + command.text + " (" + last + ")";
  if (command.framework == Framework::pytest) {
    if (ran.exit_code == 5) return "pytest collected no tests: " + command.text;
    if (ran.exit_code == 4 || ran.exit_code == 3)
      return "pytest could not run: " + command.text + " (" + last + ")";
    if (has(ran.stdout_text, "No module named pytest"))
      return "pytest is not installed for this Python: " + command.text;
  }
  if (has(ran.stdout_text, "ReserveShadowMemoryRange failed"))
    return "a sanitizer could not reserve its shadow memory in the sandbox";
  return {};
}

}  // namespace

std::string_view to_string(TestStatus status) {
  switch (status) {
    case TestStatus::passed:
      return "passed";
    case TestStatus::failed:
      return "failed";
    case TestStatus::error:
      return "error";
    case TestStatus::skipped:
      return "skipped";
    case TestStatus::timed_out:
      return "timed out";
  }
  return "failed";
}

std::string_view to_string(Framework framework) {
  switch (framework) {
    case Framework::pytest:
      return "pytest";
    case Framework::unittest:
      return "unittest";
    case Framework::node:
      return "node:test";
    case Framework::tap:
      return "tap";
    case Framework::ctest:
      return "ctest";
    case Framework::go:
      return "go test";
    case Framework::cargo:
      return "cargo test";
    case Framework::gtest:
      return "googletest";
    case Framework::unknown:
      return "command";
  }
  return "command";
}

std::string_view pytest_driver_source() {
  static constexpr char text[] =
#include "engramd_pytest.inc"
      ;
  return {text, sizeof(text) - 1};
}

TestCommand read_test_command(std::string_view text) {
  TestCommand command;
  command.text = std::string(trim(text));
  if (const auto words = plain_words(command.text)) {
    TestCommand::Pytest pytest;
    size_t at = 0;
    for (; at < words->size() && is_assignment((*words)[at]); ++at) {
      const size_t equals = (*words)[at].find('=');
      pytest.env.push_back({(*words)[at].substr(0, equals), (*words)[at].substr(equals + 1)});
    }
    if (at < words->size()) {
      pytest.program = (*words)[at];
      const std::string name = fs::path(pytest.program).filename().string();
      if (name == "pytest" || name == "py.test" || name == "pytest-3") {
        ++at;
        command.framework = Framework::pytest;
      } else if (name.substr(0, 6) == "python" && at + 2 < words->size() &&
                 (*words)[at + 1] == "-m" && (*words)[at + 2] == "pytest") {
        at += 3;
        pytest.as_module = true;
        command.framework = Framework::pytest;
      }
    }
    if (command.framework == Framework::pytest) {
      pytest.arguments.assign(words->begin() + static_cast<std::ptrdiff_t>(at), words->end());
      command.pytest = std::move(pytest);
      return command;
    }
  }
  const std::string& line = command.text;
  if (has(line, "pytest") || has(line, "py.test"))
    command.framework = Framework::pytest;
  else if (has(line, "unittest"))
    command.framework = Framework::unittest;
  else if (has(line, "node ") && has(line, "--test"))
    command.framework = Framework::node;
  else if (has(line, "ctest"))
    command.framework = Framework::ctest;
  else if (has(line, "cargo test"))
    command.framework = Framework::cargo;
  else if (has(line, "go test"))
    command.framework = Framework::go;
  return command;
}

std::optional<TestCommand> detect_test_command(const fs::path& root) {
  std::error_code error;
  const auto present = [&](const char* name) { return fs::exists(root / name, error); };
  bool python_tests = present("pytest.ini") || present("conftest.py") ||
                      file_has(root / "pyproject.toml", "[tool.pytest") ||
                      file_has(root / "setup.cfg", "[tool:pytest]") ||
                      file_has(root / "tox.ini", "[pytest]");
  bool unittest_only = false, node_tests = false;
  size_t seen = 0;
  auto entries =
      fs::recursive_directory_iterator(root, fs::directory_options::skip_permission_denied, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    if (++seen > 20000) break;  // large trees declare their tests in a file above
    const std::string name = entries->path().filename().string();
    if (entries->is_directory(error)) {
      if (name == "node_modules" || name[0] == '.' || name == "venv" || entries.depth() > 5)
        entries.disable_recursion_pending();
      continue;
    }
    const std::string extension = entries->path().extension().string();
    if (extension == ".py" && (name.substr(0, 5) == "test_" || name.ends_with("_test.py"))) {
      if (!python_tests && !unittest_only && file_has(entries->path(), "unittest"))
        unittest_only = !file_has(entries->path(), "import pytest");
      else
        python_tests = true;
    }
    if ((extension == ".js" || extension == ".mjs" || extension == ".cjs") && has(name, ".test."))
      node_tests = true;
  }
  if (python_tests || unittest_only) {
    ProcessOptions probe;
    probe.argv = {"python3", "-c", "import pytest"};
    probe.wall_ms = 20000;
    const auto ran = run_process(probe);
    if (ran && ran->ok()) return read_test_command("python3 -m pytest");
    if (!find_program("pytest").empty()) return read_test_command("pytest");
    return read_test_command("python3 -m unittest discover -v");
  }
  if (file_has(root / "package.json", "\"test\"") &&
      !file_has(root / "package.json", "no test specified")) {
    TestCommand command = read_test_command("npm test --silent");
    if (file_has(root / "package.json", "node --test") || file_has(root / "package.json", "--test"))
      command.framework = Framework::node;
    return command;
  }
  if (node_tests) return read_test_command("node --test");
  if (present("Cargo.toml")) return read_test_command("cargo test --offline");
  if (present("go.mod")) return read_test_command("go test -v ./...");
  for (const char* makefile : {"Makefile", "makefile", "GNUmakefile"}) {
    const auto text = read_file(root / makefile, 1u << 20);
    if (!text) continue;
    for (const char* target : {"test", "check"})
      if (has("\n" + *text, "\n" + std::string(target) + ":"))
        return read_test_command(std::string("make ") + target);
  }
  if (file_has(root / "CMakeLists.txt", "enable_testing") ||
      file_has(root / "CMakeLists.txt", "include(CTest)"))
    return read_test_command(
        "cmake -S . -B build/engramd-tests >/dev/null && cmake --build build/engramd-tests "
        "&& ctest --test-dir build/engramd-tests --output-on-failure");
  return std::nullopt;
}

size_t TestRun::count(TestStatus status) const {
  return static_cast<size_t>(std::count_if(
      tests.begin(), tests.end(), [&](const TestCase& test) { return test.status == status; }));
}

std::vector<std::string> TestRun::red_ids() const {
  std::vector<std::string> ids;
  for (const TestCase& test : tests)
    if (test.red()) ids.push_back(test.id);
  return ids;
}

Result<TestRun> run_tests(const Sandbox& sandbox, const TestCommand& command,
                          const TestRunOptions& options, const CancelToken& cancel) {
  if (command.text.empty()) return fail(ErrorCode::invalid_input, "the test command is empty");
  SandboxCommand shell;
  shell.limits = options.limits;
  const bool is_pytest = command.framework == Framework::pytest;
  const bool with_plugin = is_pytest && options.detailed;
  static std::atomic<unsigned> counter{0};
  const std::string report_name = "run-" + std::to_string(counter.fetch_add(1)) + ".jsonl";
  // A command that sets PYTHONPATH itself would hide the plugin, so it is put in front of both.
  std::string prefix;
  if (is_pytest) {
    std::string addopts = "-rA --tb=short -p no:cacheprovider";
    if (with_plugin) {
      addopts += " -p engramd_pytest";
      const std::string helpers = fs::path(sandbox.helper_path(kPytestDriverName)).parent_path();
      prefix = "PYTHONPATH=" + shell_quoted(helpers) +
               "${PYTHONPATH:+:$PYTHONPATH}; export PYTHONPATH; ";
      shell.env.push_back({"ENGRAMD_REPORT", sandbox.report_path(report_name)});
      if (options.test_seconds > 0)
        shell.env.push_back({"ENGRAMD_TEST_SECONDS", std::to_string(options.test_seconds)});
      if (options.run_seconds > 0)
        shell.env.push_back({"ENGRAMD_RUN_SECONDS", std::to_string(options.run_seconds)});
    }
    shell.env.push_back({"PYTEST_ADDOPTS", addopts});
  }
  shell.argv = {"/bin/sh", "-c", prefix + command.text};
  ENGRAMD_TRY(ProcessResult ran, sandbox.run(shell, cancel));

  TestRun run;
  run.timed_out = ran.timed_out;
  run.cancelled = ran.cancelled;
  run.exit_code = ran.exit_code;
  run.signal = ran.signal;
  run.wall_s = ran.wall_s;
  run.cpu_s = ran.cpu_s;
  bool have_report = false;
  if (with_plugin) {
    const fs::path file = sandbox.report_file(report_name);
    PluginReport report = read_plugin_report(file);
    std::error_code error;
    fs::remove(file, error);
    have_report = report.finished || !report.tests.empty();
    run.tests = std::move(report.tests);
    if (!have_report && !ran.timed_out && !ran.cancelled && ran.exit_code != 0 &&
        has(ran.stdout_text, "engramd_pytest")) {
      // The runner cleaned PYTHONPATH (tox, nox): once more, without the plugin.
      TestRunOptions plain = options;
      plain.detailed = false;
      return run_tests(sandbox, command, plain, cancel);
    }
  }
  if (!have_report) run.tests = parse_test_output(command.framework, ran.stdout_text);
  if (!ran.timed_out && !ran.cancelled && ran.signal == 0)
    run.problem = describe_problem(command, ran);
  const bool any_red = std::any_of(run.tests.begin(), run.tests.end(),
                                   [](const TestCase& test) { return test.red(); });
  run.green = ran.exit_code == 0 && !ran.timed_out && !ran.cancelled && !any_red;
  run.frames = find_frames(ran.stdout_text, sandbox.tree_host(), sandbox.tree_path());
  run.output = std::move(ran.stdout_text);
  return run;
}

}  // namespace engramd::agent
