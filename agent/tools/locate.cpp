#include "repoindex/locate.h"

#include <algorithm>

#include "agent/tools/tool_support.h"

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
                static_cast<size_t>(std::clamp<int64_t>(count, 1, 50));
            ENGRAMD_TRY(const auto located, ranker->locate(view, text, options, ctx.cancel));
            Answer answer;
            answer.add("files:");
            for (const auto& file : located.files) answer.add("  " + file.path);
            answer.add("functions:");
            for (const auto& function : located.functions)
              answer.add("  " + function.path + ": " + function.name);
            if (located.files.empty()) answer.add("nothing here fits the text; try search");
            return ToolOutcome{std::move(answer).done("ask for a smaller count")};
          }};
}

}  // namespace engramd::agent
