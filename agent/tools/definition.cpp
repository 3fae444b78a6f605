#include <algorithm>

#include "agent/tools/tool_support.h"
#include "base/text.h"
#include "repoindex/query.h"

namespace engramd::agent {
namespace {

using namespace repoindex;

constexpr uint32_t kWholeLines = 80;  // a longer definition is shown by its head only

std::string full_name(const SymbolHit& hit) {
  return (hit.container.empty() ? "" : hit.container + ".") + hit.symbol.name;
}

}  // namespace

Tool make_definition_tool() {
  return {{"definition", "Where a name is defined, and its text when there is only one definition.",
           schema({{"name", "string", "an identifier, or Container.name"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const std::string given, args.text("name"));
            std::string name(trim(given));
            if (name.ends_with("()")) name.erase(name.size() - 2);
            for (size_t at = name.find("::"); at != std::string::npos; at = name.find("::"))
              name.replace(at, 2, ".");
            if (name.empty()) return fail(ErrorCode::invalid_input, "the name is empty");
            const std::string last = name.substr(name.rfind('.') + 1);
            ENGRAMD_TRY(const View view, ctx.bench.view(ctx.cancel));
            std::vector<SymbolHit> hits = definitions_of(view, last, 60);
            if (last != name) {
              std::vector<SymbolHit> of_container;
              for (const SymbolHit& hit : hits)
                if (full_name(hit) == name || full_name(hit).ends_with("." + name))
                  of_container.push_back(hit);
              if (!of_container.empty()) hits = std::move(of_container);
            }
            if (hits.empty())
              return ToolOutcome{"nothing here defines " + last + like_names(view, last)};
            Answer answer;
            for (const SymbolHit& hit : hits)
              answer.add(hit.place.path + ":" + std::to_string(hit.full_start.line + 1) + "-" +
                         std::to_string(hit.full_end.line + 1) + "\t" + full_name(hit) + "\t" +
                         shown_line(hit.symbol.signature));
            if (hits.size() == 1) {
              const SymbolHit& hit = hits.front();
              if (const auto text = ctx.bench.show(hit.place.path)) {
                const auto lines = split_lines(*text);
                const std::vector<size_t> hidden = hidden_lines(*text);
                const uint32_t stop =
                    std::min(hit.full_end.line, hit.full_start.line + kWholeLines - 1);
                for (uint32_t i = hit.full_start.line; i <= stop && i < lines.size(); ++i)
                  answer.add(std::to_string(i + 1) + "\t" +
                             (std::binary_search(hidden.begin(), hidden.end(), size_t{i})
                                  ? "(hidden: looks like a secret)"
                                  : shown_line(lines[i])));
                if (stop < hit.full_end.line)
                  answer.add("(" + std::to_string(hit.full_end.line - stop) +
                             " more lines; open shows them)");
              }
            }
            return ToolOutcome{std::move(answer).done("say Container.name, or open one of them")};
          }};
}

}  // namespace engramd::agent
