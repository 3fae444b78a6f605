// jest: its --json file, else the lines that it prints.
#include "agent/tests/framework.h"
#include "agent/tests/js_results.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

bool is_call(const ProgramCall& program) {
  return program.name == "jest" || program.name == "jest-cli" ||
         (program.name == "react-scripts" && program.has("test"));
}

void propose(const ProjectFolder& folder, std::vector<Proposal>& out) {
  if (!folder.has("package.json")) return;
  const std::string script = test_script(folder);
  const auto call = find_framework_call(script);
  if (call && call->framework == Framework::jest)
    out.push_back({test_script_command(folder), 3, "the test script of package.json runs jest"});
  else if (script.empty() && (depends_on(folder, "jest") || folder.has("jest.config.js")))
    out.push_back({"npx --no-install jest", 2, "package.json names jest"});
}

void ask_by_arguments(Ask& ask, CallEdit& edit) {
  const ProgramCall& program = edit.program();
  if (program.has_option("--outputFile")) return;
  edit.append("--json " + shell_quoted("--outputFile=" + ask.reports + "/jest.json"));
  if (!program.has("--ci")) edit.append("--ci");  // new snapshots are not written
  if (ask.test_seconds > 0 && !program.has_option("--testTimeout"))
    edit.append("--testTimeout=" + std::to_string(static_cast<int64_t>(ask.test_seconds * 1000)));
  ask.env.push_back({"FORCE_COLOR", "0"});
  ask.marks.push_back("--outputFile");
}

bool read_report(const RunFiles& files, Findings& findings) {
  return read_jest_json(files.reports / "jest.json", files.tree_inside, findings);
}

// "PASS src/a.test.js", "  ✓ adds (2 ms)" with --verbose, and "  ● outer › fails" of every failure.
void read_output(std::string_view text, Findings& findings) {
  Cases& cases = findings.cases;
  std::string file, report;
  std::vector<std::pair<size_t, std::string>> around;  // indentation and title
  for (const std::string_view line : split_lines(text)) {
    if (line.starts_with("PASS ") || line.starts_with("FAIL ")) {
      std::string_view path = trim(line.substr(5));
      if (const size_t time = path.rfind(" ("); time != std::string_view::npos)
        path = path.substr(0, time);
      file = std::string(path);
      report.clear();
      around.clear();
      if (line.starts_with("FAIL")) cases.set(file, TestStatus::failed);
      continue;
    }
    const size_t indent = line.find_first_not_of(' ');
    if (indent == std::string_view::npos || file.empty()) {
      if (!report.empty()) cases.add_message(report, std::string(line) + "\n");
      continue;
    }
    const std::string_view body = line.substr(indent);
    if (body.starts_with("●") && indent == 2) {
      const std::string_view title = trim(body.substr(std::string_view("●").size()));
      if (title == "Test suite failed to run") {
        cases.set(file, TestStatus::error);
        report = file;
      } else if (title == "Console") {
        report.clear();
      } else {
        std::string name(title);
        for (size_t at = name.find(" › "); at != std::string::npos; at = name.find(" › ", at))
          name.replace(at, std::string_view(" › ").size(), " > ");
        report = file + "::" + name;
        cases.set(report, TestStatus::failed);
      }
      continue;
    }
    static constexpr std::pair<std::string_view, TestStatus> kMarks[] = {
        {"✓ ", TestStatus::passed},
        {"✕ ", TestStatus::failed},
        {"○ ", TestStatus::skipped},
        {"✎ ", TestStatus::skipped},
    };
    while (!around.empty() && around.back().first >= indent) around.pop_back();
    bool verdict = false;
    for (const auto& [mark, status] : kMarks) {
      if (!body.starts_with(mark)) continue;
      verdict = true;
      std::string_view name = body.substr(mark.size());
      if (name.ends_with(" ms)") || name.ends_with(" s)")) name = name.substr(0, name.rfind(" ("));
      if (status == TestStatus::skipped && name.starts_with("skipped ")) name.remove_prefix(8);
      if (status == TestStatus::skipped && name.starts_with("todo ")) name.remove_prefix(5);
      std::string id = file + "::";
      for (const auto& [at, title] : around) id += title + " > ";
      cases.set(id + std::string(name), status);
    }
    if (verdict) continue;
    if (!report.empty())
      cases.add_message(report, std::string(line) + "\n");
    else if (indent >= 2)
      around.push_back({indent, std::string(body)});
  }
  // A red file whose red tests are named is no test of its own.
  for (const TestCase& test : std::vector<TestCase>(cases.list()))
    if (test.red() && test.id.find("::") != std::string::npos)
      if (TestCase* whole = cases.find(std::string(split_id(test.id).first));
          whole != nullptr && whole->status == TestStatus::failed)
        whole->status = TestStatus::skipped;
  std::erase_if(cases.list(), [](const TestCase& test) {
    return test.status == TestStatus::skipped && test.id.find("::") == std::string::npos;
  });
  findings.no_tests = text.find("No tests found") != std::string_view::npos;
}

bool select(const std::vector<std::string>& ids, CallEdit& edit) {
  const JsSelection selection = js_selection(ids);
  if (!edit.is_script()) remove_js_choice(edit, edit.program().first_argument());
  std::string added = "--runTestsByPath";
  for (const std::string& file : selection.files) added += " " + shell_quoted(file);
  if (!selection.pattern.empty()) added += " -t " + shell_quoted(selection.pattern);
  edit.append(added);
  return true;
}

std::string problem(std::string_view output, int) {
  if (output.find("No tests found, exiting with code 1") != std::string_view::npos)
    return "jest found no tests";
  return {};
}

}  // namespace

const FrameworkRow& jest_row() {
  static constexpr FrameworkRow row{
      .name = "jest",
      .id_form = "src/a.test.js::suite > test",
      .sources = ".js .jsx .ts .tsx .mjs .cjs ",
      .is_call = is_call,
      .propose = propose,
      .ask_by_arguments = ask_by_arguments,
      .read_report = read_report,
      .read_output = read_output,
      .select = select,
      .problem = problem,
      .innermost_first = true,
  };
  return row;
}

}  // namespace engramd::agent
