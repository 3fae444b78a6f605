#include "repoindex/locate.h"
#include "agent/tools/tool.h"

namespace engramd::agent {

namespace {
constexpr size_t kMaxCountedBytes = 128u << 20;
}  // namespace

Tool make_locate_tool() {
  // A run asks several times of nearly the same texts.
  auto ranker = std::make_shared<repoindex::LocateIndex>(kMaxCountedBytes);
  return {{"locate", "Rank the files and functions that a text (an issue, an error) is about.",
           schema({{"text", "string", "the issue or error text"},
                   {"count?", "integer", "how many of each, default 8"}})},
          [ranker](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const std::string text, args.text("text"));
            ENGRAMD_TRY(const int64_t count, args.number_or("count", 8));
            ENGRAMD_TRY(const repoindex::View view, ctx.bench.view(ctx.cancel));
            repoindex::LocateOptions options;
            options.k_files = options.k_functions =
                static_cast<size_t>(std::min<int64_t>(std::max<int64_t>(count, 1), 50));
            ENGRAMD_TRY(const auto located, ranker->locate(view, text, options, ctx.cancel));
            ToolOutcome outcome;
            outcome.text = "files:\n";
            for (const auto& file : located.files) outcome.text += "  " + file.path + "\n";
            outcome.text += "functions:\n";
            for (const auto& function : located.functions)
              outcome.text += "  " + function.path + ": " + function.name + "\n";
            return outcome;
          }};
}

}  // namespace engramd::agent
