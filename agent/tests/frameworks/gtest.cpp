// GoogleTest: the XML that GTEST_OUTPUT asks every such binary for, whoever starts it, else the
// lines that it prints.
#include <pugixml.hpp>

#include "agent/tests/framework.h"
#include "agent/tests/native.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

void ask_by_environment(Ask& ask) {
  ask.env.push_back({"GTEST_OUTPUT", "xml:" + ask.reports + "/gtest/"});
  ask.env.push_back({"GTEST_COLOR", "no"});
  if (ask.only != nullptr) {
    // Only ids of this framework narrow it: others say nothing about its binaries.
    std::string filter;
    for (const std::string& id : *ask.only) {
      if (id.find('.') == std::string::npos || id.find(' ') != std::string::npos ||
          id.find("::") != std::string::npos)
        return;
      filter += (filter.empty() ? "" : ":") + id;
    }
    ask.env.push_back({"GTEST_FILTER", filter});
    ask.selects = !filter.empty();
  }
}

bool read_report(const RunFiles& files, Findings& findings) {
  bool any = false;
  RunFiles folder = files;
  folder.reports = files.reports / "gtest";
  for (const std::filesystem::path& path : report_files(folder, ".xml")) {
    const auto text = read_file(path, 128u << 20);
    if (!text) {
      findings.truncated = true;
      continue;
    }
    any = read_junit_text(*text, files.tree_inside, findings) || any;
  }
  // "Suite::Test" of JUnit is "Suite.Test" here.
  findings.cases.rename([](const std::string& id) {
    const size_t colons = id.find("::");
    return colons == std::string::npos ? id : id.substr(0, colons) + "." + id.substr(colons + 2);
  });
  return any;
}

}  // namespace

void read_gtest_output(std::string_view text, Findings& findings) {
  Cases& cases = findings.cases;
  std::string running, message;
  bool listing = false;
  for (const std::string_view line : split_lines(text)) {
    const auto rest = [&](std::string_view mark) {
      std::string_view name = line.substr(mark.size());
      name = name.substr(0, name.find(" ("));
      return std::string(trim(name.substr(0, name.find(", where "))));
    };
    if (line.starts_with("[ RUN      ] ")) {
      running = rest("[ RUN      ] ");
      message.clear();
    } else if (line.starts_with("[       OK ] ")) {
      cases.set(rest("[       OK ] "), TestStatus::passed);
      running.clear();
    } else if (line.starts_with("[  SKIPPED ] ") && !listing) {
      const std::string name = rest("[  SKIPPED ] ");
      if (name == running) cases.set(name, TestStatus::skipped);
      if (name == running) running.clear();
    } else if (line.starts_with("[ DISABLED ] ")) {
      cases.set(rest("[ DISABLED ] "), TestStatus::skipped);
    } else if (line.starts_with("[  FAILED  ] ")) {
      const std::string name = rest("[  FAILED  ] ");
      if (name.find(' ') != std::string::npos) {  // "2 tests, listed below:"
        listing = true;
        continue;
      }
      if (name.find('.') == std::string::npos) continue;  // a whole suite's set-up
      cases.set(name, TestStatus::failed, message);
      running.clear();
      message.clear();
    } else if (!running.empty()) {
      message += std::string(line) + "\n";
      if (message.size() > (1u << 16)) message.erase(0, message.size() / 2);
    }
  }
  if (!running.empty()) findings.running = {running};
  findings.no_tests = cases.empty() && text.find("[==========] 0 tests from 0 test suites ran.") !=
                                           std::string_view::npos;
}

const FrameworkRow& gtest_row() {
  static constexpr FrameworkRow row{
      .name = "GoogleTest",
      .id_form = "Suite.Test, Instance/Suite.Test/0",
      .sources = ".c .cc .cpp .cxx .h .hh .hpp .cu ",
      .ask_by_environment = ask_by_environment,
      .read_report = read_report,
      .read_output = read_gtest_output,
  };
  return row;
}

}  // namespace engramd::agent
