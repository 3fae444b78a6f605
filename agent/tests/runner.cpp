#include "agent/tests/runner.h"

#include <algorithm>
#include <atomic>

#include "agent/tests/framework.h"
#include "agent/tests/named_reports.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

// A run that did not end: what was running is red.
void settle_running(Findings& findings, bool timed_out) {
  for (const std::string& id : findings.running)
    findings.cases.set(id, timed_out ? TestStatus::timed_out : TestStatus::error,
                       "the test run ended inside this test");
}

struct Understood {
  Findings findings;
  Framework framework = Framework::unknown;
  bool from_report = false, named_report = false;
};

size_t weight(const Findings& findings) {
  return findings.cases.size() + findings.running.size();
}

Understood understand_output(Framework framework, std::string_view text) {
  Understood best;
  const auto attempt = [&](Framework candidate) {
    const FrameworkRow& row = row_of(candidate);
    if (row.read_output == nullptr) return;
    Findings found;
    row.read_output(text, found);
    if (weight(found) > weight(best.findings) ||
        (weight(found) == 0 && candidate == framework && found.no_tests)) {
      best.findings = std::move(found);
      best.framework = candidate;
    }
  };
  if (framework != Framework::unknown) attempt(framework);
  if (weight(best.findings) > 0 || best.findings.no_tests) return best;
  // A shell line or a Makefile may run anything: the format that explains most tests is taken.
  for (const Framework candidate : all_frameworks())
    if (candidate != framework) attempt(candidate);
  return best;
}

Understood understand(const TestCommand& command, const RunFiles& files,
                      const NamedReports& named) {
  Understood best;
  if (named.read(files.tree_inside, best.findings)) {
    best.framework = Framework::junit;
    best.named_report = true;
    return best;
  }
  best = {};
  for (const Framework framework : all_frameworks()) {
    if (command.framework != Framework::unknown && framework != command.framework) continue;
    const FrameworkRow& row = row_of(framework);
    if (row.read_report == nullptr) continue;
    Findings found;
    if (!row.read_report(files, found)) continue;
    if (best.from_report && weight(found) <= weight(best.findings)) continue;
    best.findings = std::move(found);
    best.framework = framework;
    best.from_report = true;
  }
  if (best.from_report) return best;
  best = understand_output(command.framework, files.output);
  // Some name a file that could not be loaded by its full path.
  const std::string prefix = std::string(files.tree_inside) + "/";
  best.findings.cases.rename([&](const std::string& id) {
    return id.starts_with(prefix) ? id.substr(prefix.size()) : id;
  });
  return best;
}

class Run {
 public:
  Run(const Sandbox& sandbox, const TestCommand& command, const TestRunOptions& options,
      const CancelToken& cancel)
      : sandbox_(sandbox), command_(command), options_(options), cancel_(cancel) {}

  Result<TestRun> run() {
    if (command_.framework == Framework::unknown) {
      const TestCommand seen = read_test_command(command_.text, sandbox_.tree_host());
      command_.framework = seen.framework;
      command_.script = seen.script;
      command_.argument_separator = seen.argument_separator;
    }
    if (options_.only.empty()) return with_report();
    const TestCommand whole = command_;
    auto selected = select_command(command_, options_.only);
    if (!selected) return with_report();
    command_ = std::move(*selected);
    selected_ = true;
    ENGRAMD_TRY(TestRun chosen, with_report());
    if (!row_of(command_.framework).guesses || chosen.timed_out || chosen.cancelled) return chosen;
    std::vector<std::string> files;
    bool missed = false;
    for (const std::string& id : options_.only) {
      missed = missed || chosen.find(id) == nullptr;
      const std::string file(split_id(id).first);
      if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    }
    if (!missed) return chosen;
    if (auto wider = select_command(whole, files)) command_ = std::move(*wider);
    ENGRAMD_TRY(TestRun all, with_report());
    all.wall_s += chosen.wall_s;
    all.cpu_s += chosen.cpu_s;
    return all;
  }

 private:
  Result<TestRun> with_report() {
    ENGRAMD_TRY(TestRun first, once(true));
    if (!refused_) return first;
    ENGRAMD_TRY(TestRun plain, once(false));
    plain.notes.push_back("the test program refused to write a report (" + refused_by_ +
                          "): its output was read");
    plain.wall_s += first.wall_s;
    plain.cpu_s += first.cpu_s;
    return plain;
  }

  Result<TestRun> once(bool ask_for_report) {
    static std::atomic<unsigned> counter{0};
    const std::string folder = "run-" + std::to_string(counter.fetch_add(1));
    const fs::path reports = sandbox_.report_file(folder);
    std::error_code error;
    fs::create_directories(reports, error);
    if (error)
      return fail(ErrorCode::unavailable,
                  "cannot make a folder for test reports: " + error.message());
    // Another user may be who runs the tests (a container's root, a mapped one).
    fs::permissions(reports, fs::perms::owner_all | fs::perms::group_all, error);

    Ask ask;
    ask.reports = sandbox_.report_path(folder);
    ask.helper = [&](std::string_view name) { return sandbox_.helper_path(name); };
    ask.own_code = options_.detailed && ask_for_report;
    ask.test_seconds = options_.test_seconds;
    ask.run_seconds = options_.run_seconds;
    ask.only = options_.only.empty() || selected_ ? nullptr : &options_.only;
    std::string line = command_.text;
    if (ask_for_report)
      line = asked(ask);
    else if (command_.framework == Framework::pytest)
      row_of(Framework::pytest).ask_by_environment(ask);

    const NamedReports named(sandbox_.tree_host(),
                             command_.report_glob.empty()
                                 ? std::string(row_of(command_.framework).report_glob)
                                 : command_.report_glob);
    SandboxCommand shell;
    shell.limits = options_.limits;
    shell.argv = {"/bin/sh", "-c", in_wrapper(command_.wrapper, exports(ask) + line, sandbox_)};
    auto result = sandbox_.run(shell, cancel_);
    if (!result) {
      fs::remove_all(reports, error);
      return fail(std::move(result).error());
    }
    ProcessResult& ran = *result;
    const std::string text = plain_text(ran.stdout_text);
    RunFiles files{reports, sandbox_.tree_path(), text};
    Understood seen = understand(command_, files, named);
    fs::remove_all(reports, error);

    refused_ = false;
    if (ask_for_report && !seen.from_report && !ran.timed_out && !ran.cancelled &&
        ran.exit_code != 0)
      for (const std::string& mark : ask.marks)
        if (has(text, mark)) {
          refused_ = true;
          refused_by_ = mark;
        }
    return judged(ran, seen, text, ask);
  }

  // The line with what it takes to get a report.
  std::string asked(Ask& ask) {
    for (const Framework framework : all_frameworks()) {
      const FrameworkRow& row = row_of(framework);
      const bool known = command_.framework != Framework::unknown;
      if (row.ask_by_environment == nullptr || (known && framework != command_.framework)) continue;
      // A call of our own row is changed there; NODE_OPTIONS and the like are for hidden ones.
      row.ask_by_environment(ask);
    }
    if (command_.framework == Framework::unknown) return command_.text;
    const FrameworkRow& row = row_of(command_.framework);
    auto edit = edit_of(command_);
    if (!edit || row.ask_by_arguments == nullptr) return command_.text;
    row.ask_by_arguments(ask, *edit);
    return edit->result();
  }

  std::string exports(const Ask& ask) const {
    std::string text;
    for (const auto& list : {ask.env, options_.env})
      for (const auto& [name, value] : list)
        text += "export " + name + "=" + shell_quoted(value) + "; ";
    // In front of what the user has: a command that sets PYTHONPATH itself would hide ours.
    for (const std::string& path : ask.paths)
      text +=
          "PYTHONPATH=" + shell_quoted(path) + "${PYTHONPATH:+:$PYTHONPATH}; export PYTHONPATH; ";
    return text;
  }

  TestRun judged(ProcessResult& ran, Understood& seen, const std::string& text, const Ask& ask) {
    Findings& findings = seen.findings;
    const FrameworkRow& row = row_of(seen.framework);
    TestRun run;
    run.timed_out = ran.timed_out;
    run.cancelled = ran.cancelled;
    run.exit_code = ran.exit_code;
    run.signal = ran.signal;
    run.wall_s = ran.wall_s;
    run.cpu_s = ran.cpu_s;
    run.framework = seen.framework;
    if (ran.cancelled && seen.from_report) findings.running.clear();  // nobody's fault
    settle_running(findings, ran.timed_out);
    run.truncated =
        findings.truncated || findings.cases.full() || (ran.output_truncated && !seen.from_report);
    run.trusted = seen.from_report && findings.complete && !run.truncated;
    run.source = seen.from_report    ? std::string(row.name) + " report"
                 : seen.named_report ? "the project's report"
                                     : "output";
    if (run.truncated)
      run.notes.push_back(seen.from_report
                              ? "the test report is too long: tests may be missing in the list"
                              : "the output is too long: tests may be missing in the list");
    if (ask.only != nullptr && !ask.selects)
      run.notes.push_back("single tests cannot be chosen for this command: all were run");
    run.tests = std::move(findings.cases.list());
    const bool any_red = std::any_of(run.tests.begin(), run.tests.end(),
                                     [](const TestCase& test) { return test.red(); });
    if (!ran.timed_out && !ran.cancelled && ran.signal == 0)
      run.problem = describe_problem(ran, findings, text, any_red);
    if (!ran.timed_out && !ran.cancelled && run.problem.empty())
      run.contradiction = contradiction(run, seen, any_red);
    if (!command_.report_glob.empty() && !seen.named_report)
      run.notes.push_back(
          "no report of this run matches " + command_.report_glob + ": " +
          (seen.from_report ? "the framework's own was read" : "the output was read"));
    if (!findings.notice.empty() && run.contradiction != findings.notice)
      run.notes.push_back(findings.notice);
    run.green = ran.exit_code == 0 && !ran.timed_out && !ran.cancelled && !any_red &&
                run.problem.empty() && run.contradiction.empty();
    run.output = findings.text.empty() ? text : plain_text(findings.text);
    run.frames = find_frames(run.output, sandbox_.tree_host(), sandbox_.tree_path());
    find_places(run, row);
    return run;
  }

  // Of each red test that came without frames.
  void find_places(TestRun& run, const FrameworkRow& row) const {
    size_t n = 0;
    for (TestCase& test : run.tests) {
      if (!test.red() || !test.frames.empty() || test.message.empty() || ++n > 2000) continue;
      const std::vector<std::string> folders =
          row.folders == nullptr ? std::vector<std::string>() : row.folders(test.id);
      test.frames = find_frames(test.message, sandbox_.tree_host(), sandbox_.tree_path(), folders);
      if (!row.innermost_first) std::reverse(test.frames.begin(), test.frames.end());
      if (test.frames.size() > 40) test.frames.resize(40);
    }
  }

  std::string contradiction(const TestRun& run, const Understood& seen, bool any_red) const {
    if (run.signal != 0) return any_red ? "" : "the test program was ended by a signal";
    if (run.exit_code == 0 && any_red) return "the exit status is 0 although tests are red";
    if (run.exit_code == 0 && seen.from_report && !seen.findings.complete)
      return "the exit status is 0 although the test run went away before its end";
    if (run.exit_code == 0 && !seen.findings.notice.empty()) return seen.findings.notice;
    if (run.exit_code == 0 && run.tests.empty() && must_list())
      return "the exit status is 0 and " + std::string(to_string(command_.framework)) +
             " did not say which tests it ran";
    if (run.exit_code != 0 && !any_red && !run.tests.empty())
      return "the exit status is " + std::to_string(run.exit_code) + " although no test is red";
    return {};
  }

  // A framework that we call ourselves and whose output we see lists its tests, or the process left
  // before (os._exit(0) in a conftest.py).
  bool must_list() const {
    if (command_.framework == Framework::unknown || command_.framework == Framework::junit)
      return false;
    const auto edit = edit_of(command_);
    return edit && !edit->is_script() && !edit->call().redirected &&
           !edit->program().has("--no-summary") && !edit->program().has("no:terminal") &&
           edit->program().name != "setup.py";
  }

  std::string describe_problem(const ProcessResult& ran, const Findings& findings,
                               const std::string& text, bool any_red) const {
    const std::string_view all = trim(text);
    const std::string_view line = all.substr(all.rfind('\n') + 1);
    const std::string last(line.substr(0, 300));
    const std::string& command = command_.text;
    if (ran.exit_code == 127 && !any_red)
      return "test command not found: " + command + " (" + last + ")";
    if (ran.exit_code == 126 && !any_red)
      return "test command is not executable: " + command + " (" + last + ")";
    const FrameworkRow& row = row_of(command_.framework);
    if (row.problem != nullptr && !any_red)
      if (const std::string problem = row.problem(text, ran.exit_code); !problem.empty())
        return problem + ": " + command;
    if (findings.no_tests && findings.cases.empty())
      return std::string(row.name) + " found no tests: " + command;
    if (has(text, "ReserveShadowMemoryRange failed"))
      return "a sanitizer could not reserve its shadow memory in the sandbox";
    return {};
  }

  const Sandbox& sandbox_;
  TestCommand command_;
  const TestRunOptions& options_;
  const CancelToken& cancel_;
  bool selected_ = false, refused_ = false;
  std::string refused_by_;
};

}  // namespace

std::string in_wrapper(const std::string& wrapper, const std::string& line,
                       const Sandbox& sandbox) {
  if (wrapper.empty()) return line;
  const auto folder_of = [](const std::string& file) {
    return shell_quoted(fs::path(file).parent_path().string());
  };
  std::string text = replaced(wrapper, "{tree}", shell_quoted(sandbox.tree_path()));
  text = replaced(text, "{reports}", folder_of(sandbox.report_path("x")));
  text = replaced(text, "{helpers}", folder_of(sandbox.helper_path("x")));
  if (has(text, "{word}")) return replaced(text, "{word}", shell_quoted(line));
  const std::string inner = "/bin/sh -c " + shell_quoted(line);
  if (!has(text, "{command}")) return text + " " + inner;
  return replaced(text, "{command}", inner);
}

std::vector<TestCase> parse_test_output(Framework framework, std::string_view output) {
  Understood seen;
  const std::string text = plain_text(output);
  if (framework == Framework::unknown) {
    seen = understand_output(framework, text);
  } else if (const FrameworkRow& row = row_of(framework); row.read_output != nullptr) {
    row.read_output(text, seen.findings);
  }
  settle_running(seen.findings, false);
  return std::move(seen.findings.cases.list());
}

std::vector<std::pair<std::string, std::string>> test_helper_files() {
  static constexpr char pytest[] =
#include "engramd_pytest.py.inc"
      ;
  static constexpr char warm[] =
#include "engramd_warm.py.inc"
      ;
  static constexpr char unittest[] =
#include "engramd_unittest.py.inc"
      ;
  static constexpr char node[] =
#include "engramd_node.mjs.inc"
      ;
  return {{"engramd_pytest.py", std::string(pytest, sizeof(pytest) - 1)},
          {"engramd_warm.py", std::string(warm, sizeof(warm) - 1)},
          {"engramd_unittest.py", std::string(unittest, sizeof(unittest) - 1)},
          {"engramd_node.mjs", std::string(node, sizeof(node) - 1)}};
}

Result<TestRun> run_tests(const Sandbox& sandbox, const TestCommand& command,
                          const TestRunOptions& options, const CancelToken& cancel) {
  if (command.text.empty()) return fail(ErrorCode::invalid_input, "the test command is empty");
  return Run(sandbox, command, options, cancel).run();
}

}  // namespace engramd::agent
