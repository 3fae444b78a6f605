// vitest: its JSON reporter, which writes jest's layout, else the failures that it prints.
#include "agent/tests/framework.h"
#include "agent/tests/js_results.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

bool is_call(const ProgramCall& program) {
  return program.name == "vitest";
}

void propose(const ProjectFolder& folder, std::vector<Proposal>& out) {
  if (!folder.has("package.json")) return;
  const std::string script = test_script(folder);
  const auto call = find_framework_call(script);
  if (call && call->framework == Framework::vitest)
    out.push_back({test_script_command(folder), 3, "the test script of package.json runs vitest"});
  else if (script.empty() && (depends_on(folder, "vitest") || folder.has("vitest.config.ts")))
    out.push_back({"npx --no-install vitest run", 2, "package.json names vitest"});
}

void ask_by_arguments(Ask& ask, CallEdit& edit) {
  const ProgramCall& program = edit.program();
  // A bare `vitest` watches files when it thinks that a person is there.
  if (!program.has("run") && !program.has("--run") && !program.has("related")) edit.append("--run");
  if (program.has_option("--outputFile")) return;
  if (!program.has_option("--reporter")) edit.append("--reporter=default");
  edit.append("--reporter=json " +
              shell_quoted("--outputFile.json=" + ask.reports + "/vitest.json"));
  if (ask.test_seconds > 0 && !program.has_option("--testTimeout"))
    edit.append("--testTimeout=" + std::to_string(static_cast<int64_t>(ask.test_seconds * 1000)));
  ask.env.push_back({"NO_COLOR", "1"});
  ask.env.push_back({"CI", "1"});  // new snapshots are not written
  ask.marks.push_back("--outputFile");
}

bool read_report(const RunFiles& files, Findings& findings) {
  return read_jest_json(files.reports / "vitest.json", files.tree_inside, findings);
}

// " FAIL  src/a.test.js > outer > fails", and with the verbose reporter " ✓ src/a.test.js > adds
// 2ms"
void read_output(std::string_view text, Findings& findings) {
  Cases& cases = findings.cases;
  std::string report;
  const auto id_of = [](std::string_view shown) {
    const size_t first = shown.find(" > ");
    if (first == std::string_view::npos) return std::string(shown);
    return std::string(shown.substr(0, first)) + "::" + std::string(shown.substr(first + 3));
  };
  for (const std::string_view raw : split_lines(text)) {
    std::string_view line = trim(raw);
    if (line.starts_with("FAIL ")) {
      line = trim(line.substr(5));
      const bool file = line.ends_with(" ]") && line.find(" > ") == std::string_view::npos;
      if (file) line = trim(line.substr(0, line.rfind(" [ ")));
      report = id_of(line);
      cases.set(report, file ? TestStatus::error : TestStatus::failed);
      continue;
    }
    static constexpr std::pair<std::string_view, TestStatus> kMarks[] = {
        {"✓ ", TestStatus::passed}, {"× ", TestStatus::failed}, {"↓ ", TestStatus::skipped}};
    bool verdict = false;
    for (const auto& [mark, status] : kMarks) {
      if (!line.starts_with(mark) || line.find(" > ") == std::string_view::npos) continue;
      std::string_view name = line.substr(mark.size());
      const size_t time = name.rfind(' ');
      if (name.ends_with("ms") && time != std::string_view::npos &&
          name.find_first_not_of("0123456789.", time + 1) == name.size() - 2)
        name = trim(name.substr(0, time));
      cases.set(id_of(name), status);
      verdict = true;
    }
    if (verdict) continue;
    if (line.starts_with("⎯⎯⎯"))
      report.clear();
    else if (!report.empty())
      cases.add_message(report, std::string(raw) + "\n");
  }
  findings.no_tests = text.find("No test files found") != std::string_view::npos;
}

bool select(const std::vector<std::string>& ids, CallEdit& edit) {
  const JsSelection selection = js_selection(ids);
  const ProgramCall& program = edit.program();
  if (!edit.is_script()) {
    // The first word may be a subcommand.
    const bool command = !program.arguments.empty() && !program.arguments[0].starts_with("-") &&
                         (program.arguments[0] == "run" || program.arguments[0] == "watch" ||
                          program.arguments[0] == "dev");
    remove_js_choice(edit, program.first_argument() + (command ? 1 : 0));
  }
  std::string added;
  for (const std::string& file : selection.files) added += " " + shell_quoted(file);
  if (!selection.pattern.empty()) added += " -t " + shell_quoted(selection.pattern);
  edit.append(added.substr(1));
  return true;
}

std::string problem(std::string_view output, int) {
  if (output.find("No test files found, exiting with code 1") != std::string_view::npos)
    return "vitest found no tests";
  return {};
}

}  // namespace

const FrameworkRow& vitest_row() {
  static constexpr FrameworkRow row{
      .name = "vitest",
      .id_form = "src/a.test.ts::suite > test",
      .sources = ".js .jsx .ts .tsx .mjs .cjs .vue .svelte ",
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
