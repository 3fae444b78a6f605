// Anything that writes JUnit XML: the format has no owner, so every habit that is about is read:
// testsuites or testsuite at the top, suites in suites, ids in classname and name, file attributes,
// <failure>, <error>, <skipped>, the time in seconds.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <pugixml.hpp>

#include "agent/tests/framework.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr int kMaxDepth = 64;

bool is_call(const ProgramCall& program) {
  return program.name == "mvn" || program.name == "mvnw" || program.name == "gradle" ||
         program.name == "gradlew";
}

void propose(const ProjectFolder& folder, std::vector<Proposal>& out) {
  if (folder.has("pom.xml"))
    out.push_back(
        {(folder.has("mvnw") ? std::string("./mvnw") : std::string("mvn")) + " -o -B test", 3,
         "there is pom.xml"});
  if (folder.has("build.gradle") || folder.has("build.gradle.kts"))
    out.push_back({(folder.has("gradlew") ? std::string("./gradlew") : std::string("gradle")) +
                       " --offline test",
                   3, "there is build.gradle"});
}

struct Walk {
  std::string_view tree_inside;
  Findings& findings;
  size_t n_cases = 0;
};

std::string message_of(const pugi::xml_node& node) {
  std::string text = node.child_value();
  for (const pugi::xml_node& part : node.children())
    if (part.type() == pugi::node_cdata) text = part.value();
  const std::string attribute = node.attribute("message").value();
  if (trim(text).empty()) return attribute;
  // Most writers say the message again in the text.
  const std::string first = attribute.substr(0, attribute.find('\n'));
  return first.empty() || text.find(first) != std::string::npos ? text : attribute + "\n" + text;
}

void read_case(const pugi::xml_node& node, Walk& walk) {
  ++walk.n_cases;
  const std::string name = node.attribute("name").value();
  const std::string group = node.attribute("classname").value();
  std::string id = name;
  if (!group.empty() && group != name) id = in_tree(group, walk.tree_inside) + "::" + name;
  id = walk.findings.cases.numbered(utf8_sanitized(id));
  TestStatus status = TestStatus::passed;
  std::string message;
  if (const pugi::xml_node error = node.child("error")) {
    status = TestStatus::error;
    message = message_of(error);
  } else if (const pugi::xml_node failure = node.child("failure")) {
    status = TestStatus::failed;
    message = message_of(failure);
    // Catch2 says of a case that may fail that it is skipped, and how it failed.
    if (node.child("skipped")) status = TestStatus::skipped;
  } else if (node.child("skipped") || node.child("disabled") ||
             std::string_view(node.attribute("status").value()) == "disabled" ||
             std::string_view(node.attribute("result").value()) == "suppressed") {
    status = TestStatus::skipped;
    message = message_of(node.child("skipped"));
  }
  const double seconds = node.attribute("time").as_double(0);
  walk.findings.cases.set(id, status, message, std::isfinite(seconds) ? seconds : 0);
}

void read_suite(const pugi::xml_node& node, int depth, Walk& walk) {
  if (depth > kMaxDepth) return;
  for (const pugi::xml_node& child : node.children()) {
    const std::string_view name = child.name();
    if (name == "testcase")
      read_case(child, walk);
    else if (name == "testsuite" || name == "testsuites")
      read_suite(child, depth + 1, walk);
    else if (name == "error" && depth > 0)  // the suite itself could not be set up
      walk.findings.cases.set(node.attribute("name").value(), TestStatus::error, message_of(child));
  }
}

bool read_report(const RunFiles& files, Findings& findings) {
  bool any = false;
  for (const std::filesystem::path& path : report_files(files, ".xml")) {
    const auto text = read_file(path, 128u << 20);
    if (!text) {
      findings.truncated = true;
      continue;
    }
    any = read_junit_text(*text, files.tree_inside, findings) || any;
  }
  return any;
}

void read_output(std::string_view text, Findings& findings) {
  // A reporter that writes to stdout, perhaps with lines around it.
  size_t begin = text.find("<testsuite");
  if (begin == std::string_view::npos) return;
  if (const size_t header = text.rfind("<?xml", begin); header != std::string_view::npos)
    begin = header;
  size_t end = std::string_view::npos;
  for (const std::string_view close : {"</testsuites>", "</testsuite>"})
    if (const size_t at = text.rfind(close); at != std::string_view::npos && at > begin) {
      end = at + close.size();
      break;
    }
  if (end == std::string_view::npos) {
    findings.notice = "the JUnit XML on the output has no end";
    end = text.size();
  }
  read_junit_text(text.substr(begin, end - begin), "", findings);
}

}  // namespace

bool read_junit_text(std::string_view xml, std::string_view tree_inside, Findings& findings) {
  pugi::xml_document document;
  // No DTD, no entities from elsewhere: pugixml knows neither. What stands in front of a mistake is
  // kept, and said.
  const pugi::xml_parse_result parsed =
      document.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8);
  const pugi::xml_node top = document.document_element();
  const std::string_view name = top.name();
  if (name != "testsuites" && name != "testsuite") return false;
  Walk walk{tree_inside, findings};
  read_suite(top, 0, walk);
  if (!parsed) {
    findings.notice = std::string("a JUnit report is broken off (") + parsed.description() + ")";
    findings.complete = false;
    findings.truncated = true;
    return walk.n_cases > 0;
  }
  // A writer that announces more tests than it lists has lost some.
  const long announced = top.attribute("tests").as_llong(-1);
  if (announced > static_cast<long>(walk.n_cases))
    findings.notice = "a JUnit report announces " + std::to_string(announced) +
                      " tests and lists " + std::to_string(walk.n_cases);
  findings.complete = true;
  return true;
}

const FrameworkRow& junit_row() {
  static constexpr FrameworkRow row{
      .name = "JUnit XML",
      .id_form = "classname::name",
      .sources = ".java .kt .scala .groovy ",
      .report_glob = "**/TEST-*.xml",  // what Maven and Gradle call them
      .is_call = is_call,
      .propose = propose,
      .read_report = read_report,
      .read_output = read_output,
  };
  return row;
}

}  // namespace engramd::agent
