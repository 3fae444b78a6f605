// pytest: through a plugin of ours (helpers/engramd_pytest.py), else by the lines of -rA.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/tests/framework.h"
#include "agent/tests/plugin_report.h"
#include "base/process.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

bool is_call(const ProgramCall& program) {
  const std::string& name = program.name;
  return name == "pytest" || name == "py.test" || name == "pytest-3" || name == "pytest3";
}

// An interpreter of the project's own comes first: it has the packages that the tests import.
std::string interpreter(const ProjectFolder& folder) {
  std::error_code error;
  for (const char* venv : {".venv", "venv", "env"})
    if (std::filesystem::exists(folder.path / venv / "bin/python", error) &&
        std::filesystem::exists(folder.path / venv / "bin/pytest", error))
      return std::string(venv) + "/bin/python";
  return {};
}

// What the machine has, asked once for each proposal: pytest as a module, as a program, or not.
std::string machine_command() {
  ProcessOptions probe;
  probe.argv = {"python3", "-c", "import pytest"};
  probe.wall_ms = 20000;
  const auto ran = run_process(probe);
  if (ran && ran->ok()) return "python3 -m pytest";
  return find_program("pytest").empty() ? std::string() : "pytest";
}

bool is_test_file(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.ends_with(".py") && (name.starts_with("test_") || name.ends_with("_test.py"));
}

void propose(const ProjectFolder& folder, std::vector<Proposal>& out) {
  Proposal found;
  for (const char* name : {"pytest.ini", "conftest.py", ".pytest.ini"})
    if (folder.has(name)) found = {"", 3, std::string("there is ") + name};
  if (folder.read("pyproject.toml").find("[tool.pytest") != std::string::npos)
    found = {"", 3, "pyproject.toml has [tool.pytest]"};
  if (folder.read("setup.cfg").find("[tool:pytest]") != std::string::npos)
    found = {"", 3, "setup.cfg has [tool:pytest]"};
  const std::string tox = folder.read("tox.ini");
  if (tox.find("[pytest]") != std::string::npos) found = {"", 3, "tox.ini has [pytest]"};
  // What tox and nox run underneath can be run without making their environments anew.
  for (const char* name : {"tox.ini", "noxfile.py", "pyproject.toml"})
    if (found.sure == 0 && folder.read(name).find("pytest") != std::string::npos)
      found = {"", 3, std::string(name) + " names pytest"};
  if (found.sure == 0 && std::any_of(folder.below.begin(), folder.below.end(), is_test_file))
    found = {"", 2, "there are test_*.py files"};
  if (found.sure == 0) return;
  const std::string own = interpreter(folder);
  found.text = own.empty() ? machine_command() : own + " -m pytest";
  if (!own.empty()) found.why += ", and " + own + " has it";
  if (found.text.empty()) return;  // unittest's row runs what it can
  out.push_back(std::move(found));
}

void ask_by_environment(Ask& ask) {
  if (!ask.own_code) {
    ask.env.push_back({"PYTEST_ADDOPTS", "-rA --tb=short -p no:cacheprovider"});
    return;
  }
  const std::filesystem::path plugin = ask.helper("engramd_pytest.py");
  ask.env.push_back({"PYTEST_ADDOPTS", "-rA --tb=short -p no:cacheprovider -p engramd_pytest"});
  ask.env.push_back({"ENGRAMD_REPORT", ask.reports + "/python.jsonl"});
  if (ask.test_seconds > 0)
    ask.env.push_back({"ENGRAMD_TEST_SECONDS", std::to_string(ask.test_seconds)});
  if (ask.run_seconds > 0)
    ask.env.push_back({"ENGRAMD_RUN_SECONDS", std::to_string(ask.run_seconds)});
  if (ask.only != nullptr) {
    std::string ids;
    for (const std::string& id : *ask.only) ids += (ids.empty() ? "" : "\n") + id;
    if (ids.size() < (64u << 10)) {
      ask.env.push_back({"ENGRAMD_ONLY", ids});
      ask.selects = true;
    }
  }
  ask.paths.push_back(plugin.parent_path());
  ask.marks.push_back("engramd_pytest");
}

bool read_report(const RunFiles& files, Findings& findings) {
  return read_plugin_report(files.reports / "python.jsonl", findings);
}

// The id of "ID - message": a " - " inside the brackets of a parameter belongs to the id.
std::string_view id_before_message(std::string_view line) {
  const size_t dash = line.find(" - ");
  const size_t bracket = line.find('[');
  if (dash == std::string_view::npos || bracket == std::string_view::npos || dash < bracket)
    return line.substr(0, dash);
  const size_t end = line.find("] - ", bracket);
  return end == std::string_view::npos ? line : line.substr(0, end + 1);
}

void read_line(std::string_view line, Cases& cases) {
  static constexpr std::pair<std::string_view, TestStatus> kWords[] = {
      {"PASSED ", TestStatus::passed}, {"XFAIL ", TestStatus::passed},
      {"XPASS ", TestStatus::passed},  {"FAILED ", TestStatus::failed},
      {"ERROR ", TestStatus::error},
  };
  for (const auto& [word, status] : kWords) {
    if (!line.starts_with(word)) continue;
    line.remove_prefix(word.size());
    // Log lines begin with ERROR too.
    if (line.find("::") == std::string_view::npos && line.find(".py") == std::string_view::npos)
      return;
    const std::string_view id =
        status == TestStatus::passed && word == "PASSED " ? line : id_before_message(line);
    const std::string_view message =
        line.size() > id.size() + 3 ? line.substr(id.size() + 3) : std::string_view();
    cases.set(trim(id), status, status == TestStatus::passed ? std::string_view() : message);
    return;
  }
}

// "test_a.py::test_x PASSED   [ 33%]", which is all that is left of a run that went away.
void read_verbose_line(std::string_view line, Findings& findings) {
  const size_t colons = line.find(".py::");
  if (colons == std::string_view::npos || line.find(' ') < colons) return;
  std::string_view text = trim(line);
  if (text.ends_with("%]")) text = trim(text.substr(0, text.rfind('[')));
  static constexpr std::pair<std::string_view, TestStatus> kEnds[] = {
      {" PASSED", TestStatus::passed}, {" FAILED", TestStatus::failed},
      {" ERROR", TestStatus::error},   {" SKIPPED", TestStatus::skipped},
      {" XFAIL", TestStatus::passed},  {" XPASS", TestStatus::passed},
  };
  for (const auto& [end, status] : kEnds) {
    if (text.ends_with(end))
      return findings.cases.set(text.substr(0, text.size() - end.size()), status);
    // "SKIPPED (reason)"
    if (const size_t at = text.find(std::string(end) + " (");
        at != std::string_view::npos && text.ends_with(")"))
      return findings.cases.set(text.substr(0, at), status);
  }
  if (line.ends_with(" ")) findings.running = {std::string(text)};
}

void read_output(std::string_view text, Findings& findings) {
  constexpr std::string_view kHeader = "= short test summary info =";
  // The last header counts: a test may print one, but not behind pytest's own.
  const size_t header = text.rfind(kHeader);
  if (header != std::string_view::npos) {
    for (const std::string_view line : split_lines(text.substr(header)))
      read_line(line, findings.cases);
    return;
  }
  for (const std::string_view line : split_lines(text)) {
    read_line(line, findings.cases);
    read_verbose_line(line, findings);
  }
  std::erase_if(findings.running, [&](const std::string& id) { return findings.cases.find(id); });
  if (text.find("collected 0 items") != std::string_view::npos) findings.no_tests = true;
}

bool takes_value(std::string_view option) {
  for (const std::string_view known : {"-k",
                                       "-m",
                                       "-p",
                                       "-c",
                                       "-n",
                                       "-o",
                                       "-W",
                                       "--rootdir",
                                       "--confcutdir",
                                       "--ignore",
                                       "--deselect",
                                       "--timeout",
                                       "--maxfail",
                                       "--durations",
                                       "--junitxml",
                                       "--cov-report",
                                       "--cov-config",
                                       "--tb",
                                       "--import-mode",
                                       "--basetemp",
                                       "--log-level",
                                       "--dist",
                                       "--ds",
                                       "--override-ini",
                                       "--capture",
                                       "--color",
                                       "--seed",
                                       "--reruns"})
    if (option == known) return true;
  return false;
}

bool select(const std::vector<std::string>& ids, CallEdit& edit) {
  if (edit.is_script()) return false;
  size_t bytes = 0;
  for (const std::string& id : ids) bytes += id.size();
  if (bytes > (64u << 10)) return false;
  const auto& words = edit.call().words;
  for (size_t i = edit.program().first_argument(); i < words.size(); ++i) {
    const std::string& word = words[i].text;
    // What narrows or widens the choice goes; everything else is how the tests are run.
    const bool narrows = word == "-k" || word == "--lf" || word == "--ff" || word == "--pyargs";
    if (word.starts_with("-")) {
      if (narrows) edit.remove(i);
      if (takes_value(word)) {
        ++i;
        if (narrows && i < words.size()) edit.remove(i);
      }
      continue;
    }
    edit.remove(i);
  }
  for (const std::string& id : ids) edit.append(shell_quoted(id));
  return true;
}

std::string problem(std::string_view output, int exit_code) {
  if (output.find("No module named pytest") != std::string_view::npos)
    return "pytest is not installed for this Python";
  if (exit_code == 5) return "pytest collected no tests";
  if (exit_code == 3 || exit_code == 4) {
    std::string_view said;
    for (const std::string_view line : split_lines(output)) {
      if (!trim(line).empty()) said = trim(line);
      if (line.find("rror: ") != std::string_view::npos || line.starts_with("ERROR: not found"))
        break;
    }
    return "pytest could not run (" + std::string(said.substr(0, 300)) + ")";
  }
  return {};
}

}  // namespace

const FrameworkRow& pytest_row() {
  static constexpr FrameworkRow row{
      .name = "pytest",
      .id_form = "tests/test_a.py::TestX::test_y[param]",
      .sources = ".py ",
      .is_call = is_call,
      .propose = propose,
      .ask_by_environment = ask_by_environment,
      .read_report = read_report,
      .read_output = read_output,
      .select = select,
      .problem = problem,
  };
  return row;
}

}  // namespace engramd::agent
