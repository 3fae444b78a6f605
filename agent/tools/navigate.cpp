// outline, definition, references: three questions to the index.
#include "agent/tools/tool.h"
#include "repoindex/query.h"

namespace engramd::agent {
namespace {

using namespace repoindex;

std::string place_text(const Place& place) {
  return place.path + ":" + std::to_string(place.start.line + 1);
}

}  // namespace

Tool make_outline_tool() {
  return {{"outline", "List the definitions of a file with their lines.",
           schema({{"path", "string", "relative path"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const std::string path, args.text("path"));
            ENGRAMD_TRY(const View view, ctx.bench.view(ctx.cancel));
            if (!view.contains(path))
              return fail(ErrorCode::not_found, path + " is not in the repository");
            ToolOutcome outcome;
            for (const SymbolHit& hit : document_symbols(view, path))
              outcome.text += std::to_string(hit.full_start.line + 1) + "-" +
                              std::to_string(hit.full_end.line + 1) + "\t" +
                              (hit.container.empty() ? "" : hit.container + ".") + hit.symbol.name +
                              "\t" + hit.symbol.signature + "\n";
            if (outcome.text.empty()) outcome.text = "no definitions";
            return outcome;
          }};
}

Tool make_definition_tool() {
  return {{"definition", "Where a name is defined, with its signature.",
           schema({{"name", "string", "an identifier"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const std::string name, args.text("name"));
            ENGRAMD_TRY(const View view, ctx.bench.view(ctx.cancel));
            ToolOutcome outcome;
            for (const SymbolHit& hit : definitions_of(view, name, 20))
              outcome.text += place_text(hit.place) + "\t" + hit.symbol.signature + "\n";
            if (outcome.text.empty()) outcome.text = "nothing here defines " + name;
            return outcome;
          }};
}

Tool make_references_tool() {
  return {{"references", "Where a name is used.", schema({{"name", "string", "an identifier"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const std::string name, args.text("name"));
            ENGRAMD_TRY(const View view, ctx.bench.view(ctx.cancel));
            ToolOutcome outcome;
            for (const ReferenceHit& hit : references_of(view, name, 100))
              outcome.text +=
                  place_text(hit.place) + "\t" + std::string(to_string(hit.role)) + "\n";
            if (outcome.text.empty()) outcome.text = "nothing here uses " + name;
            return outcome;
          }};
}

}  // namespace engramd::agent
