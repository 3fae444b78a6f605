#include "agent/tests/steady_text.h"
#include "agent/tools/tool_support.h"
#include "agent/verify/shortest_failure.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxIds = 20;
constexpr size_t kTailBytes = 3000;

std::string counted(size_t n, const char* word) {
  return std::to_string(n) + " " + word;
}

}  // namespace

Tool make_run_tests_tool() {
  return {
      {"run_tests", "Run the project's tests, or some of them; the shortest failure comes first.",
       schema({{"tests?", "string", "test ids or paths of test files, default all"}})},
      [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
        if (!ctx.bench.has_tests())
          return fail(ErrorCode::unavailable,
                      "this project has no test command; run_command may run a script");
        std::vector<std::string> only;
        for (const std::string& word : args.words("tests")) {
          // The path may be written as any other; what follows :: is the test's name.
          const size_t colons = word.find("::");
          ENGRAMD_TRY(const PathAndLines asked, path_and_lines(ctx, word.substr(0, colons)));
          if (asked.is_root()) continue;
          only.push_back(asked.path + (colons == std::string::npos ? "" : word.substr(colons)));
        }
        ENGRAMD_TRY(const TestRun run, ctx.bench.run_tests(only, 0, ctx.cancel));
        Answer answer;
        std::string counts;
        for (const auto& [status, word] : {std::pair{TestStatus::passed, "passed"},
                                           {TestStatus::failed, "failed"},
                                           {TestStatus::error, "with errors"},
                                           {TestStatus::timed_out, "timed out"},
                                           {TestStatus::skipped, "skipped"}})
          if (const size_t n = run.count(status); n > 0)
            counts += (counts.empty() ? ": " : ", ") + counted(n, word);
        answer.add(std::string(run.green       ? "the tests pass"
                               : run.timed_out ? "the tests did not end in time"
                                               : "the tests fail") +
                   counts);
        if (!run.problem.empty()) answer.add(run.problem);
        if (!run.green) {
          const std::string shortest = shortest_failure(run, kTailBytes);
          if (!shortest.empty()) answer.add(shortest);
          const std::vector<std::string> red = run.red_ids();
          for (size_t i = 0; i < red.size() && i < kMaxIds; ++i) answer.add("red: " + red[i]);
          if (red.size() > kMaxIds)
            answer.add("(" + std::to_string(red.size() - kMaxIds) + " more red tests)");
          if (shortest.empty()) answer.add(capped(steady_text(run.output), kTailBytes));
        }
        return ToolOutcome{std::move(answer).done("run one test alone to see its output")};
      }};
}

}  // namespace engramd::agent
