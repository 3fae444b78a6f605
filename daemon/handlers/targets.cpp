#include "daemon/handlers/targets.h"

namespace engramd::daemon {

std::optional<AskedName> asked_name(const Asked& asked, lsp::Position position,
                                    PlaceMapper& places) {
  const auto offset = places.offset(asked.path, position);
  if (!offset) return std::nullopt;
  AskedName out{*offset, repoindex::name_at(asked.view, asked.path, *offset), std::nullopt};
  if (out.name) out.range = places.range(asked.path, out.name->range);
  return out;
}

void add_targets(lsp::DefinitionResult& result, const std::vector<repoindex::SymbolHit>& hits,
                 PlaceMapper& places, const std::optional<lsp::Range>& origin) {
  for (const repoindex::SymbolHit& hit : hits) {
    const std::string& path = hit.place.path;
    result.targets.push_back({origin, places.uri(path),
                              places.range(path, hit.full_start, hit.full_end),
                              places.range(path, hit.place.start, hit.place.end)});
  }
}

}  // namespace engramd::daemon
