#include "agent/tools/tool_support.h"

namespace engramd::agent {

Tool make_undo_edit_tool() {
  return {{"undo_edit", "Take back the last edit (or what the last command changed).", schema({})},
          [](ToolContext& ctx, const Arguments&) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const std::vector<std::string> paths, ctx.bench.undo());
            Answer answer;
            answer.add("taken back; these files are as before the last edit:");
            for (const std::string& path : paths) answer.add("  " + path);
            const size_t n = ctx.bench.n_steps();
            answer.add(n == 0   ? "no edit is left"
                       : n == 1 ? "1 earlier edit stays"
                                : std::to_string(n) + " earlier edits stay");
            return ToolOutcome{std::move(answer).done()};
          },
          true};
}

}  // namespace engramd::agent
