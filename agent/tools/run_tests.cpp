#include "agent/tools/tool.h"

namespace engramd::agent {

Tool make_run_tests_tool() {
  return {{"run_tests", "Run the project's test command and read its output.", schema({})},
          [](ToolContext& ctx, const Arguments&) -> Result<ToolOutcome> {
            if (!ctx.bench.has_tests())
              return fail(ErrorCode::unavailable, "this run has no test command");
            ENGRAMD_TRY(const TestRun run, ctx.bench.run_tests(ctx.cancel));
            std::string text = run.green       ? "the tests pass\n"
                               : run.timed_out ? "the tests did not end in time\n"
                                               : "the tests fail\n";
            for (const std::string& id : run.red_ids()) text += "red: " + id + "\n";
            return ToolOutcome{text + run.problem + run.output};
          }};
}

}  // namespace engramd::agent
