// replace_symbol, replace_text, create_file: the edits a model may make.
#include "agent/edit/text_edit.h"
#include "agent/tools/tool.h"
#include "repoindex/query.h"

namespace engramd::agent {
namespace {

using namespace repoindex;

// The one definition a model means by "Container.name" or "name" in a file.
Result<SymbolHit> symbol_named(const View& view, const std::string& path, const std::string& name) {
  std::vector<SymbolHit> matches;
  std::string known;
  for (const SymbolHit& hit : document_symbols(view, path)) {
    const std::string full = (hit.container.empty() ? "" : hit.container + ".") + hit.symbol.name;
    known += (known.empty() ? "" : ", ") + full;
    if (full == name || hit.symbol.name == name) matches.push_back(hit);
  }
  if (matches.size() == 1) return matches.front();
  if (matches.empty())
    return fail(ErrorCode::not_found,
                path + " defines no " + name + "; it defines: " + known.substr(0, 1000));
  return fail(ErrorCode::invalid_input, path + " defines " + std::to_string(matches.size()) +
                                            " things named " + name + "; say Container." + name +
                                            ", or use replace_text");
}

std::string without_last_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace

Tool make_replace_symbol_tool() {
  return {
      {"replace_symbol",
       "Replace a whole function, method or class, found by its name, with new text.",
       schema({{"path", "string", "relative path"},
               {"symbol", "string", "name, or Container.name"},
               {"text", "string", "the whole new definition, indented as it stands in the file"}})},
      [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
        ENGRAMD_TRY(const std::string path, args.text("path"));
        ENGRAMD_TRY(const std::string name, args.text("symbol"));
        ENGRAMD_TRY(const std::string replacement, args.text("text"));
        ENGRAMD_TRY(const View view, ctx.bench.view(ctx.cancel));
        ENGRAMD_TRY(const SymbolHit hit, symbol_named(view, path, name));
        ENGRAMD_TRY(std::string text, ctx.bench.read(path));
        if (hit.full_range.end > text.size())
          return fail(ErrorCode::internal, "the index of " + path + " is out of date");
        // The first line keeps the indentation it has in the file, whether or not the model
        // repeated it.
        std::string body = without_last_line_end(replacement);
        body.erase(0, body.find_first_not_of(" \t"));
        text.replace(hit.full_range.begin, hit.full_range.size(), body);
        ENGRAMD_CHECK(ctx.bench.write(path, text));
        return ToolOutcome{"replaced " + name + " in " + path};
      }};
}

Tool make_replace_text_tool() {
  return {
      {"replace_text", "Replace one occurrence of a text in a file with another.",
       schema({{"path", "string", "relative path"},
               {"search", "string", "whole lines as they stand in the file, without line numbers"},
               {"replace", "string", "what they become"}})},
      [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
        ENGRAMD_TRY(const std::string path, args.text("path"));
        ENGRAMD_TRY(const std::string search, args.text("search"));
        ENGRAMD_TRY(const std::string replace, args.text("replace"));
        ENGRAMD_TRY(const std::string text, ctx.bench.read(path));
        ENGRAMD_TRY(const std::string edited, search_and_replace(text, search, replace));
        ENGRAMD_CHECK(ctx.bench.write(path, edited));
        return ToolOutcome{"edited " + path};
      }};
}

Tool make_create_file_tool() {
  return {{"create_file", "Create a new file.",
           schema({{"path", "string", "relative path"}, {"text", "string", "its whole text"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const std::string path, args.text("path"));
            ENGRAMD_TRY(const std::string text, args.text("text"));
            if (ctx.bench.read(path))
              return fail(ErrorCode::invalid_input, path + " exists; edit it instead");
            ENGRAMD_CHECK(ctx.bench.write(path, text));
            return ToolOutcome{"created " + path};
          }};
}

}  // namespace engramd::agent
