#include "agent/edit/text_edit.h"
#include "agent/tools/tool_support.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

Result<std::vector<SearchReplace>> blocks_of(const Arguments& args) {
  std::vector<SearchReplace> blocks;
  for (const Arguments& one : args.objects("edits")) {
    ENGRAMD_TRY(std::string search, one.text("search"));
    ENGRAMD_TRY(std::string replace, one.text("replace"));
    blocks.push_back({std::move(search), std::move(replace)});
  }
  if (!blocks.empty()) return blocks;
  ENGRAMD_TRY(std::string search, args.text("search"));
  // Whole blocks in one argument, with the marks that other agents use.
  if (search.find("<<<<<<<") != std::string::npos && search.find(">>>>>>>") != std::string::npos)
    return read_search_blocks(search);
  ENGRAMD_TRY(std::string replace, args.text("replace"));
  return std::vector<SearchReplace>{{std::move(search), std::move(replace)}};
}

}  // namespace

Tool make_replace_text_tool() {
  return {{"replace_text", "Replace lines of a file with others. The lines must be there once.",
           schema({{"path", "string", "relative path"},
                   {"search", "string", "lines as they stand in the file, without line numbers"},
                   {"replace", "string", "what they become"},
                   {"all?", "boolean", "replace every occurrence"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const PathAndLines asked, file_argument(ctx, args));
            ENGRAMD_TRY(const std::string text, ctx.bench.read(asked.path));
            ENGRAMD_TRY(const auto blocks, blocks_of(args));
            ENGRAMD_TRY(const bool all, args.flag_or("all", false));
            std::string edited, heading = "edited " + asked.path;
            if (all && blocks.size() == 1) {
              size_t n = 0;
              ENGRAMD_TRY(edited, replace_every(text, blocks[0].search, blocks[0].replace, &n));
              heading += ", " + std::to_string(n) + " places";
            } else {
              ENGRAMD_TRY(edited, replace_blocks(text, blocks));
            }
            if (edited == text)
              return fail(ErrorCode::invalid_input,
                          "the edit changes nothing: search and replace are the same");
            const std::vector<FileChange> changes = {{asked.path, text, edited, false}};
            ENGRAMD_CHECK(ctx.bench.apply(changes));
            return edit_reply(ctx, heading, changes);
          },
          true};
}

}  // namespace engramd::agent
