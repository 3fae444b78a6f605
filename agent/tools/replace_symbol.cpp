#include "agent/edit/symbol_edit.h"
#include "agent/tools/tool_support.h"
#include "base/text.h"

namespace engramd::agent {

Tool make_replace_symbol_tool() {
  return {
      {"replace_symbol",
       "Replace a whole function, method or class, found by its name, or put new text before or "
       "after it.",
       schema({{"path", "string", "relative path"},
               {"symbol", "string", "name, Container.name or name:line"},
               {"text", "string", "the whole new definition"},
               {"where?", "string", "replace (default), before or after"}})},
      [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
        ENGRAMD_TRY(const PathAndLines asked, file_argument(ctx, args));
        const std::string& path = asked.path;
        ENGRAMD_TRY(std::string name, args.text("symbol"));
        ENGRAMD_TRY(const std::string replacement, args.text("text"));
        const std::string where(trim(args.text_or("where", "replace")));
        SymbolPlace place = SymbolPlace::replace;
        if (where == "before")
          place = SymbolPlace::before;
        else if (where == "after")
          place = SymbolPlace::after;
        else if (where != "replace" && !where.empty())
          return fail(ErrorCode::invalid_input,
                      "the argument \"where\" must be replace, before or after, found \"" +
                          utf8_sanitized(where.substr(0, 40)) + "\"");
        if (asked.first > 0) name += ":" + std::to_string(asked.first);
        ENGRAMD_TRY(const std::string text, ctx.bench.read(path));
        ENGRAMD_TRY(const repoindex::View view, ctx.bench.view(ctx.cancel));
        ENGRAMD_TRY(const repoindex::SymbolHit hit, symbol_named(view, path, name));
        ENGRAMD_TRY(const std::string edited, edit_symbol(text, hit, place, replacement));
        if (edited == text) return fail(ErrorCode::invalid_input, "the edit changes nothing");
        const std::vector<FileChange> changes = {{path, text, edited, false}};
        ENGRAMD_CHECK(ctx.bench.apply(changes));
        const std::string what = place == SymbolPlace::replace  ? "replaced "
                                 : place == SymbolPlace::before ? "put text before "
                                                                : "put text after ";
        return edit_reply(ctx, what + name + " in " + path, changes);
      },
      true};
}

}  // namespace engramd::agent
