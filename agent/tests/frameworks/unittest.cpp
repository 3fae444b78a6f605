// unittest: by a runner of ours in place of its own (helpers/engramd_unittest.py), else by the
// lines of -v. Ids are those of unittest itself, so that `python3 -m unittest ID` runs one.
#include <algorithm>

#include "agent/tests/framework.h"
#include "agent/tests/plugin_report.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

bool is_call(const ProgramCall& program) {
  if (program.as_module && program.name == "unittest") return true;
  return program.name == "setup.py" && program.has("test");
}

void propose(const ProjectFolder& folder, std::vector<Proposal>& out) {
  for (const std::string& path : folder.below) {
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    if (!name.ends_with(".py") || !name.starts_with("test")) continue;
    if (folder.read(path).find("unittest") == std::string::npos) continue;
    // Below pytest's own rows: pytest runs these tests too, and says more about them.
    out.push_back({"python3 -m unittest discover -v", 1, path + " uses unittest"});
    return;
  }
}

void ask_by_arguments(Ask& ask, CallEdit& edit) {
  if (edit.is_script() || edit.program().name != "unittest") return;
  if (!ask.own_code) {
    if (!edit.program().has("-v") && !edit.program().has("--verbose")) edit.append("-v");
    return;
  }
  const std::filesystem::path helper = ask.helper("engramd_unittest.py");
  ask.env.push_back({"ENGRAMD_REPORT", ask.reports + "/python.jsonl"});
  if (ask.test_seconds > 0)
    ask.env.push_back({"ENGRAMD_TEST_SECONDS", std::to_string(ask.test_seconds)});
  ask.paths.push_back(helper.parent_path());
  ask.marks.push_back("engramd_unittest");
  edit.replace_program("engramd_unittest");
}

bool read_report(const RunFiles& files, Findings& findings) {
  const bool any = read_plugin_report(files.reports / "python.jsonl", findings);
  findings.no_tests = any && findings.cases.empty() && findings.complete;
  return any;
}

// "test_x (m.C.test_x)" and the older "test_x (m.C)" are both m.C.test_x.
std::string id_of(std::string_view shown) {
  shown = trim(shown);
  const size_t open = shown.find(" ("), close = shown.find(')', open);
  if (open == std::string_view::npos || close == std::string_view::npos) return std::string(shown);
  const std::string_view name = shown.substr(0, open);
  std::string_view group = shown.substr(open + 2, close - open - 2);
  constexpr std::string_view kFailed = "unittest.loader._FailedTest";
  if (group.starts_with(kFailed)) return std::string(name);
  if (group == name || group.ends_with("." + std::string(name))) return std::string(group);
  return std::string(group) + "." + std::string(name);
}

bool looks_like_test(std::string_view line) {
  const size_t open = line.find(" (");
  const size_t close = line.find(')', open);
  if (open == std::string_view::npos || open == 0 || line.find(' ') != open ||
      close == std::string_view::npos)
    return false;
  // A dotted name, so not "FAILED (failures=2)".
  const std::string_view group = line.substr(open + 2, close - open - 2);
  return group.find('.') != std::string_view::npos &&
         group.find_first_of(" =,:/") == std::string_view::npos;
}

void read_output(std::string_view text, Findings& findings) {
  Cases& cases = findings.cases;
  std::string open;  // a test whose verdict is still to come, on a later line
  bool in_reports = false;
  std::string report;
  for (std::string_view line : split_lines(text)) {
    if (line.starts_with("======") && line.find_first_not_of('=') == std::string_view::npos) {
      in_reports = true;
      report.clear();
      continue;
    }
    if (in_reports) {
      if (line.starts_with("FAIL: ") || line.starts_with("ERROR: ") ||
          line.starts_with("UNEXPECTED SUCCESS: ")) {
        const size_t colon = line.find(": ");
        report = id_of(line.substr(colon + 2));
        cases.set(report, line.starts_with("ERROR") ? TestStatus::error : TestStatus::failed);
      } else if (line.starts_with("Ran ") && line.find(" test") != std::string_view::npos) {
        in_reports = false;
      } else if (!report.empty() && !line.starts_with("------")) {
        cases.add_message(report, std::string(line) + "\n");
      }
      if (in_reports) continue;
    }
    if (line.starts_with("Ran 0 tests")) findings.no_tests = cases.empty();
    const size_t dots = line.find(" ... ");
    std::string_view verdict;
    if (dots != std::string_view::npos && looks_like_test(trim(line))) {
      open = id_of(line.substr(0, dots));
      verdict = trim(line.substr(dots + 5));
    } else if (dots != std::string_view::npos && !open.empty()) {
      verdict = trim(line.substr(dots + 5));  // "A sentence that stands for the name. ... ok"
    } else if (looks_like_test(line)) {
      open = id_of(line);
      continue;
    } else if (!open.empty()) {
      verdict = trim(line);  // the test printed something in between
    }
    if (open.empty()) continue;
    std::optional<TestStatus> status;
    if (verdict == "ok" || verdict == "expected failure")
      status = TestStatus::passed;
    else if (verdict == "FAIL" || verdict == "unexpected success")
      status = TestStatus::failed;
    else if (verdict == "ERROR")
      status = TestStatus::error;
    else if (verdict.starts_with("skipped"))
      status = TestStatus::skipped;
    if (!status) continue;
    cases.set(open, *status);
    open.clear();
  }
  if (!open.empty()) findings.running = {open};
}

bool select(const std::vector<std::string>& ids, CallEdit& edit) {
  if (edit.is_script() || edit.program().name != "unittest" || ids.size() > 400) return false;
  // Discovery stays as it is, since it decides what can be imported; -k narrows it. A pattern with
  // a star is matched against the whole id.
  if (!edit.program().has("discover")) {
    const auto& words = edit.call().words;
    for (size_t i = edit.program().first_argument(); i < words.size(); ++i)
      if (!words[i].text.starts_with("-")) edit.remove(i);
    for (const std::string& id : ids) edit.append(shell_quoted(id));
    return true;
  }
  for (const std::string& id : ids) edit.append("-k " + shell_quoted("*" + id));
  return true;
}

std::string problem(std::string_view output, int exit_code) {
  if (exit_code == 5 || output.find("NO TESTS RAN") != std::string_view::npos)
    return "unittest found no tests";
  return {};
}

}  // namespace

const FrameworkRow& unittest_row() {
  static constexpr FrameworkRow row{
      .name = "unittest",
      .id_form = "tests.test_a.ClassName.test_x",
      .sources = ".py ",
      .is_call = is_call,
      .propose = propose,
      .ask_by_arguments = ask_by_arguments,
      .read_report = read_report,
      .read_output = read_output,
      .select = select,
      .problem = problem,
  };
  return row;
}

}  // namespace engramd::agent
