#include "agent/repair/coverage.h"

namespace engramd::agent {
namespace {

struct Counter {
  std::vector<std::string_view> words;  // in the command: it may be counted this way
  CountedRun run;
};

const std::vector<Counter>& counters() {
  static const std::vector<Counter> rows = {
      {{"node ", "npm ", "npx ", "mocha", "jest", "vitest", "yarn"}, count_v8},
      {{"go test"}, count_go},
      {{"gcc", "g++", "cc ", "c++", "make", "cmake"}, count_gcov},
  };
  return rows;
}

std::vector<TracedTest> traced_from(const LineCounts& red, const LineCounts& all, bool has_green) {
  TracedTest failing, passing;
  failing.id = "the red tests";
  failing.red = true;
  passing.id = "the green tests";
  for (const auto& [path, counts] : all) {
    const auto of_red = red.find(path);
    for (size_t line = 0; line < counts.size(); ++line) {
      const uint64_t here =
          of_red != red.end() && line < of_red->second.size() ? of_red->second[line] : 0;
      if (here > 0) failing.lines[path].push_back(static_cast<uint32_t>(line + 1));
      if (counts[line] > here) passing.lines[path].push_back(static_cast<uint32_t>(line + 1));
    }
  }
  std::vector<TracedTest> traced;
  if (failing.lines.empty()) return traced;
  traced.push_back(std::move(failing));
  if (has_green) traced.push_back(std::move(passing));
  return traced;
}

}  // namespace

Result<std::vector<TracedTest>> trace_coverage(const CoverageRun& run, const CancelToken& cancel) {
  for (const Counter& counter : counters()) {
    bool may = false;
    for (const std::string_view word : counter.words)
      may = may || run.command.text.find(word) != std::string::npos;
    if (!may) continue;
    ENGRAMD_TRY(const Workplace place, run.fresh_workplace());
    const TestCommand& red_command = run.red_command ? *run.red_command : run.command;
    const auto red = counter.run(place, red_command, run.wall_s, cancel);
    ENGRAMD_CHECK(cancel.check());
    if (!red || red->empty()) continue;
    if (!run.red_command) return traced_from(*red, *red, false);
    const auto all = counter.run(place, run.command, run.wall_s, cancel);
    ENGRAMD_CHECK(cancel.check());
    return all && !all->empty() ? traced_from(*red, *all, true) : traced_from(*red, *red, false);
  }
  return std::vector<TracedTest>();
}

}  // namespace engramd::agent
