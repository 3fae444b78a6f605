#include "agent/tools/tool.h"
#include "repoindex/query.h"

namespace engramd::agent {

Tool make_search_tool() {
  return {{"search", "Find a literal text in the files of the repository.",
           schema({{"text", "string", "what to find, taken literally"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const std::string text, args.text("text"));
            if (text.empty())
              return fail(ErrorCode::invalid_input, "the text to search for is empty");
            ENGRAMD_TRY(const repoindex::View view, ctx.bench.view(ctx.cancel));
            constexpr size_t kMaxHits = 100;
            const auto hits = repoindex::search_text(view, text, kMaxHits, ctx.cancel);
            ToolOutcome outcome;
            for (const auto& hit : hits)
              outcome.text += hit.place.path + ":" + std::to_string(hit.place.start.line + 1) +
                              ": " + hit.line.substr(0, 200) + "\n";
            if (hits.empty()) outcome.text = "no line holds that text";
            if (hits.size() == kMaxHits) outcome.text += "(more left out)\n";
            return outcome;
          }};
}

}  // namespace engramd::agent
