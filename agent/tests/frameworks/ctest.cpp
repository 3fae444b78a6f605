// ctest: --output-junit, completed by the lines that it prints (timeouts and crashes are only
// there), else those lines alone. An entry that runs a whole GoogleTest or Catch2 program is told
// about test by test too: "entry::Suite.Test".
#include <pugixml.hpp>
#include <set>

#include "agent/tests/framework.h"
#include "agent/tests/native.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

bool is_call(const ProgramCall& program) {
  return program.name == "ctest" ||
         (program.name == "cmake" && program.has("--build") && program.has("test"));
}

void propose(const ProjectFolder& folder, std::vector<Proposal>& out) {
  if (!folder.has("CMakeLists.txt")) return;
  const std::string text = folder.read("CMakeLists.txt");
  const bool tests = text.find("enable_testing") != std::string::npos ||
                     text.find("include(CTest)") != std::string::npos;
  if (!tests) return;
  // A build folder that is there knows its options; a new one has the defaults.
  std::error_code error;
  for (const char* build : {"build", "build/release", "build/debug", "build/Release", "build/Debug",
                            "cmake-build-debug", "cmake-build-release", "out/build", "_build"})
    if (std::filesystem::exists(folder.path / build / "CMakeCache.txt", error) &&
        std::filesystem::exists(folder.path / build / "CTestTestfile.cmake", error)) {
      out.push_back({std::string("cmake --build ") + build + " && ctest --test-dir " + build +
                         " --output-on-failure",
                     3, std::string("CMake has built ") + build});
      return;
    }
  out.push_back(
      {"cmake -S . -B build/engramd-tests >/dev/null && cmake --build build/engramd-tests && ctest "
       "--test-dir build/engramd-tests --output-on-failure",
       3, "CMakeLists.txt enables testing, and no build folder is there"});
}

void ask_by_arguments(Ask& ask, CallEdit& edit) {
  const ProgramCall& program = edit.program();
  if (edit.is_script() || program.name != "ctest") return;
  if (!program.has_option("--output-junit"))
    edit.append("--output-junit " + shell_quoted(ask.reports + "/ctest.report"));
  if (!program.has("--output-on-failure") && !program.has("-V")) edit.append("--output-on-failure");
  // The names of tests inside an entry are in its output, whether it passed or not.
  if (!program.has_option("--test-output-size-passed"))
    edit.append("--test-output-size-passed 1048576 --test-output-size-failed 1048576");
  if (ask.test_seconds > 0 && !program.has_option("--timeout"))
    edit.append("--timeout " + std::to_string(static_cast<int64_t>(ask.test_seconds) + 1));
  ask.env.push_back({"GTEST_COLOR", "no"});
  ask.marks.push_back("--output-junit");
}

// What an entry's output tells about tests inside it.
void read_inside(const std::string& entry, std::string_view output, Findings& findings) {
  Findings inside;
  if (output.find("[ RUN      ] ") != std::string_view::npos) {
    // An entry that is one test of its program is named already.
    if (output.find("[==========] Running 1 test from 1 test suite.") != std::string_view::npos)
      return;
    read_gtest_output(output, inside);
    for (const std::string& running : inside.running)
      inside.cases.set(running, TestStatus::error, "the program ended inside this test");
  } else if (output.find("host application.") != std::string_view::npos &&
             output.find("Filters: ") == std::string_view::npos) {
    read_catch2_output(output, inside);
    if (!inside.notice.empty()) return;  // cases that may fail: which are red is not known
  }
  for (const TestCase& test : inside.cases.list())
    findings.cases.set(entry + "::" + test.id, test.status, test.message, test.seconds);
}

void read_lines(std::string_view text, Findings& findings, bool inside) {
  std::string entry, output;
  const auto flush = [&] {
    if (!entry.empty() && inside) read_inside(entry, output, findings);
    if (TestCase* test = findings.cases.find(entry); test != nullptr && test->red())
      findings.cases.add_message(entry, "\n" + output);
    entry.clear();
    output.clear();
  };
  for (const std::string_view line : split_lines(text)) {
    const std::string_view start = trim(line);
    if (start.starts_with("Start ") && line.starts_with("  ")) {
      flush();
      continue;
    }
    const size_t mark = line.find(" Test ");
    const size_t colon = mark == std::string_view::npos ? mark : line.find(": ", mark);
    const size_t number = mark == std::string_view::npos ? mark : line.find('#', mark);
    if (colon == std::string_view::npos || number == std::string_view::npos || number > colon ||
        line.substr(0, mark).find('/') == std::string_view::npos ||
        line.substr(0, mark).find_first_not_of(" 0123456789/") != std::string_view::npos) {
      if (!entry.empty() && output.size() < (1u << 20)) output += std::string(line) + "\n";
      continue;
    }
    flush();
    const std::string_view rest = line.substr(colon + 2);
    size_t verdict = rest.rfind("***");
    if (verdict == std::string_view::npos) verdict = rest.rfind("   Passed");
    if (verdict == std::string_view::npos) continue;
    std::string_view name = rest.substr(0, verdict), word = trim(rest.substr(verdict));
    while (name.ends_with(".")) name.remove_suffix(1);
    entry = std::string(trim(name));
    TestStatus status = TestStatus::failed;
    if (word.starts_with("Passed"))
      status = TestStatus::passed;
    else if (word.starts_with("***Timeout"))
      status = TestStatus::timed_out;
    else if (word.starts_with("***Skipped") || word.starts_with("***Not Run (Disabled)"))
      status = TestStatus::skipped;
    else if (word.starts_with("***Not Run") || word.starts_with("***Exception"))
      status = TestStatus::error;
    double seconds = 0;
    if (word.ends_with(" sec")) {
      const std::string_view time = word.substr(0, word.size() - 4);
      seconds = std::atof(std::string(time.substr(time.rfind(' ') + 1)).c_str());
    }
    findings.cases.set(entry, status, status == TestStatus::passed ? std::string_view() : word,
                       seconds);
  }
  flush();
}

bool read_report(const RunFiles& files, Findings& findings) {
  const auto text = read_file(files.reports / "ctest.report", 128u << 20);
  if (!text) return false;
  pugi::xml_document document;
  const auto parsed = document.load_buffer(text->data(), text->size());
  const pugi::xml_node suite = document.document_element();
  if (std::string_view(suite.name()) != "testsuite") return false;
  Findings printed;
  read_lines(files.output, printed, false);
  for (const pugi::xml_node& node : suite.children("testcase")) {
    const std::string id = node.attribute("name").value();
    const std::string_view state = node.attribute("status").value();
    const std::string_view why = node.child("skipped").attribute("message").value();
    const std::string_view output = node.child_value("system-out");
    TestStatus status = TestStatus::passed;
    if (state == "fail")
      status = TestStatus::failed;
    else if (state == "disabled")
      status = TestStatus::skipped;
    else if (state == "notrun")  // skipped by the test itself, or it could not be started
      status = why.starts_with("SKIP_") ? TestStatus::skipped : TestStatus::error;
    if (status == TestStatus::failed)
      if (const TestCase* line = printed.cases.find(id); line != nullptr && line->red())
        status = line->status;
    const std::string message =
        status == TestStatus::error && output.empty() ? std::string(why) : std::string(output);
    const bool green = status == TestStatus::passed;
    findings.cases.set(id, status, green ? std::string() : message,
                       node.attribute("time").as_double(0));
    read_inside(id, output, findings);
  }
  findings.complete = static_cast<bool>(parsed);
  findings.no_tests = findings.cases.empty() && findings.complete;
  return true;
}

void read_output(std::string_view text, Findings& findings) {
  read_lines(text, findings, true);
  findings.no_tests = text.find("No tests were found!!!") != std::string_view::npos;
}

bool select(const std::vector<std::string>& ids, CallEdit& edit) {
  const ProgramCall& program = edit.program();
  if (edit.is_script() || program.name != "ctest") return false;
  std::set<std::string> names;
  std::string filter;  // of GoogleTest, when every id is one of a test inside
  bool inside = true;
  for (const std::string& id : ids) {
    const auto [entry, test] = split_id(id);
    names.insert(regex_quoted(entry));
    inside = inside && !test.empty() && test.find('.') != std::string_view::npos &&
             test.find(' ') == std::string_view::npos;
    if (inside) filter += (filter.empty() ? "" : ":") + std::string(test);
  }
  const auto& words = edit.call().words;
  for (size_t i = program.first_argument(); i < words.size(); ++i) {
    for (const std::string_view option : {"-R", "-E", "-L", "-LE", "-I", "--tests-regex",
                                          "--exclude-regex", "--label-regex", "--rerun-failed"}) {
      if (words[i].text != option) continue;
      edit.remove(i);
      if (option != "--rerun-failed" && i + 1 < words.size()) edit.remove(++i);
      break;
    }
  }
  std::string pattern;
  for (const std::string& name : names) pattern += (pattern.empty() ? "" : "|") + name;
  edit.append("-R " + shell_quoted("^(" + pattern + ")$"));
  if (inside) edit.prepend("GTEST_FILTER=" + shell_quoted(filter) + " ");
  return true;
}

std::string problem(std::string_view output, int) {
  if (output.find("No tests were found!!!") != std::string_view::npos)
    return "ctest found no tests";
  return {};
}

}  // namespace

const FrameworkRow& ctest_row() {
  static constexpr FrameworkRow row{
      .name = "ctest",
      .id_form = "entry, entry::Suite.Test",
      .sources = ".c .cc .cpp .cxx .h .hh .hpp .cu ",
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
