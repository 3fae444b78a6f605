#include "agent/verify/shortest_failure.h"

#include <algorithm>

#include "agent/tests/steady_text.h"
#include "agent/tools/tool.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxFrames = 4;
constexpr size_t kMessageLines = 25;

// The end of a report is where it says what was wrong.
std::string tail_lines(std::string_view text, size_t n) {
  const auto lines = split_lines(trim(text));
  std::string out;
  for (size_t i = lines.size() > n ? lines.size() - n : 0; i < lines.size(); ++i)
    out += std::string(lines[i].substr(0, 300)) + "\n";
  return out;
}

// Output that no parser knew: the lines from the first one that speaks of an error.
std::string error_part(std::string_view output) {
  const auto lines = split_lines(output);
  constexpr std::string_view kWords[] = {
      "Traceback (most recent", "error:",  "Error:", "FAILED",   "panicked at",
      "AssertionError",         "not ok ", "FAIL",   "Exception"};
  for (size_t i = 0; i < lines.size(); ++i)
    for (const std::string_view word : kWords)
      if (lines[i].find(word) != std::string_view::npos) {
        std::string out;
        for (size_t j = i; j < std::min(lines.size(), i + kMessageLines); ++j)
          out += std::string(lines[j].substr(0, 300)) + "\n";
        return out;
      }
  return tail_lines(output, kMessageLines);
}

}  // namespace

std::string shortest_failure(const TestRun& run, size_t max_bytes) {
  if (run.green) return {};
  const TestCase* best = nullptr;
  // By what the text says: the digits of an address or of a time may not choose.
  const auto rank = [](const TestCase& test) {
    // Nothing to read is worth least, then a test that hung.
    const int usefulness = test.status == TestStatus::timed_out ? 2
                           : trim(test.message).empty()         ? 3
                           : test.frames.empty()                ? 1
                                                                : 0;
    return std::pair{usefulness, steady_text(test.message).size() + test.id.size()};
  };
  std::pair<int, size_t> best_rank;
  for (const TestCase& test : run.tests)
    if (test.red()) {
      const auto now = rank(test);
      if (best != nullptr && !(now < best_rank)) continue;
      best = &test;
      best_rank = now;
    }
  if (best == nullptr) {
    return capped(steady_text(error_part(run.output)), max_bytes);
  }
  std::string where;
  size_t n = 0;
  // Innermost last; the test's own file is at the begin.
  for (size_t i = best->frames.size() > kMaxFrames ? best->frames.size() - kMaxFrames : 0;
       i < best->frames.size() && n < kMaxFrames; ++i, ++n)
    where += (where.empty() ? "" : " > ") + best->frames[i].path + ":" +
             std::to_string(best->frames[i].line);
  std::string text = best->id + (best->status == TestStatus::timed_out ? " timed out" : " fails") +
                     (where.empty() ? "" : " at " + where) + "\n";
  text += steady_text(trim(best->message).empty() ? error_part(run.output)
                                                  : tail_lines(best->message, kMessageLines));
  return utf8_sanitized(capped(text, max_bytes));
}

}  // namespace engramd::agent
