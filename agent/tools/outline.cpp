#include "agent/tools/tool_support.h"
#include "repoindex/query.h"

namespace engramd::agent {

Tool make_outline_tool() {
  return {{"outline", "List the definitions of a file with their lines.",
           schema({{"path", "string", "relative path"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const PathAndLines asked, file_argument(ctx, args));
            ENGRAMD_TRY(const repoindex::View view, ctx.bench.view(ctx.cancel));
            Answer answer;
            for (const repoindex::SymbolHit& hit : repoindex::document_symbols(view, asked.path))
              answer.add(std::to_string(hit.full_start.line + 1) + "-" +
                         std::to_string(hit.full_end.line + 1) + "\t" +
                         (hit.container.empty() ? "" : hit.container + ".") + hit.symbol.name +
                         "\t" + shown_line(hit.symbol.signature));
            if (answer.empty())
              return ToolOutcome{"no definitions in " + asked.path + "; open shows its text"};
            return ToolOutcome{std::move(answer).done("open shows the rest of the file")};
          }};
}

}  // namespace engramd::agent
