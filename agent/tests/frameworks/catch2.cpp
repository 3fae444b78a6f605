// Catch2, versions 2 and 3: its XML report (-r xml) where the call is ours to change, else what it
// prints, which names only the cases that fail.
#include <pugixml.hpp>

#include "agent/tests/framework.h"
#include "agent/tests/native.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

void collect(const pugi::xml_node& node, int depth, bool may_fail, std::string& message) {
  if (depth > 64) return;
  for (const pugi::xml_node& child : node.children()) {
    const std::string_view name = child.name();
    const bool bad_expression =
        name == "Expression" && !child.attribute("success").as_bool(true) && !may_fail;
    if (bad_expression || name == "Exception" || name == "FatalErrorCondition" ||
        name == "Failure") {
      message += std::string(child.attribute("filename").value()) + ":" +
                 child.attribute("line").value() + ": ";
      if (bad_expression)
        message += std::string(child.attribute("type").value()) + "( " +
                   std::string(trim(child.child_value("Original"))) +
                   " ) with expansion: " + std::string(trim(child.child_value("Expanded")));
      else
        message += std::string(trim(child.child_value()));
      message += "\n";
    }
    if (name != "Info") collect(child, depth + 1, may_fail, message);
  }
}

void read_cases(const pugi::xml_node& node, int depth, Findings& findings) {
  if (depth > 8) return;
  for (const pugi::xml_node& child : node.children()) {
    if (std::string_view(child.name()) != "TestCase") {
      read_cases(child, depth + 1, findings);
      continue;
    }
    const std::string id = child.attribute("name").value();
    const pugi::xml_node result = child.child("OverallResult");
    std::string message;
    collect(child, 0, false, message);
    if (!result) {  // the program went away inside it
      findings.running.push_back(id);
      continue;
    }
    const bool good = result.attribute("success").as_bool(false);
    const bool skipped = good && result.attribute("skips").as_int(0) > 0;
    findings.cases.set(id,
                       skipped ? TestStatus::skipped
                       : good  ? TestStatus::passed
                               : TestStatus::failed,
                       good ? std::string() : message,
                       result.attribute("durationInSeconds").as_double(0));
  }
}

bool read_report(const RunFiles& files, Findings& findings) {
  const auto text = read_file(files.reports / "catch2.report", 128u << 20);
  if (!text) return false;
  pugi::xml_document document;
  const auto parsed = document.load_buffer(text->data(), text->size());
  const pugi::xml_node top = document.document_element();
  const std::string_view name = top.name();
  if (name != "Catch" && name != "Catch2TestRun") return false;
  read_cases(top, 0, findings);
  findings.complete = static_cast<bool>(parsed) && findings.running.empty();
  return true;
}

void ask_by_arguments(Ask& ask, CallEdit& edit) {
  const ProgramCall& program = edit.program();
  if (edit.is_script() || program.has("-r") || program.has_option("--reporter")) return;
  edit.append("-r xml -o " + shell_quoted(ask.reports + "/catch2.report"));
  ask.marks.push_back("--reporter");
}

// A name as Catch2's test specification takes it: commas and brackets mean something there.
std::string specification(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (c == ',' || c == '[' || c == ']' || c == '\\' || c == '*' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

bool select(const std::vector<std::string>& ids, CallEdit& edit) {
  if (edit.is_script()) return false;
  std::string names;
  for (const std::string& id : ids) names += (names.empty() ? "" : ",") + specification(id);
  edit.append(shell_quoted(names));
  return true;
}

}  // namespace

void read_catch2_output(std::string_view text, Findings& findings) {
  // ----- / name / (sections, indented) / ----- / place / ..... / place: FAILED:
  const std::vector<std::string_view> lines = split_lines(text);
  const auto rule = [&](size_t i, char c) {
    return i < lines.size() && lines[i].size() >= 70 &&
           lines[i].find_first_not_of(c) == std::string_view::npos;
  };
  std::string name, message;
  const auto flush = [&] {
    if (!name.empty() && message.find("FAILED:") != std::string::npos)
      findings.cases.set(name, TestStatus::failed, message);
    message.clear();
  };
  for (size_t i = 0; i < lines.size(); ++i) {
    if (rule(i, '-') && i + 1 < lines.size() && !lines[i + 1].empty() && !rule(i + 1, '-')) {
      size_t end = i + 1;
      while (end < lines.size() && end < i + 40 && !rule(end, '-')) ++end;
      if (rule(end, '-')) {
        flush();
        // A long name goes on in the next line, a section is indented.
        name = std::string(trim(lines[i + 1]));
        for (size_t more = i + 2; more < end && !lines[more].starts_with(" "); ++more)
          name += " " + std::string(trim(lines[more]));
        i = end;
        continue;
      }
    }
    if (rule(i, '=')) {
      flush();
      name.clear();
      continue;
    }
    if (!name.empty() && message.size() < (1u << 16)) message += std::string(lines[i]) + "\n";
  }
  flush();
  // A case that may fail prints like one that must not: the summary tells how many are red.
  const size_t summary = text.rfind("test cases:");
  if (summary == std::string_view::npos) return;
  const std::string_view counts = text.substr(summary, text.find('\n', summary) - summary);
  size_t n_failed = 0;
  for (size_t at = 0; (at = counts.find('|', at)) != std::string_view::npos; ++at) {
    const std::string_view part = trim(counts.substr(at + 1, counts.find('|', at + 1) - at - 1));
    if (part.ends_with(" failed"))
      n_failed = static_cast<size_t>(std::atoll(std::string(part).c_str()));
  }
  if (counts.find("failed as expected") == std::string_view::npos) return;
  size_t n_red = 0;
  for (const TestCase& test : findings.cases.list()) n_red += test.red();
  if (n_red > n_failed)
    findings.notice = "Catch2 counts " + std::to_string(n_failed) + " failed cases and prints " +
                      std::to_string(n_red) + ": some may fail by their tags";
}

const FrameworkRow& catch2_row() {
  static constexpr FrameworkRow row{
      .name = "Catch2",
      .id_form = "name of the test case",
      .sources = ".c .cc .cpp .cxx .h .hh .hpp .cu ",
      .ask_by_arguments = ask_by_arguments,
      .read_report = read_report,
      .read_output = read_catch2_output,
      .select = select,
  };
  return row;
}

}  // namespace engramd::agent
