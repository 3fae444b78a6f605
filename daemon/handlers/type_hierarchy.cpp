// textDocument/prepareTypeHierarchy, typeHierarchy/supertypes and subtypes.
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/hierarchy_items.h"

namespace engramd::daemon {
namespace {

using lsp::HierarchyItemParams;
using lsp::HierarchyItems;

Result<HierarchyItems> types(const HierarchyItemParams& params, const Call& call, bool above) {
  const Asked& asked = call.asked;
  const auto key = item_key(asked, params);
  if (!key) return HierarchyItems{};
  PlaceMapper places(asked);
  const auto hits = above ? repoindex::supertypes(asked.view, *key, call.cancel)
                          : repoindex::subtypes(asked.view, *key, call.cancel);
  if (call.cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
  return hierarchy_items(asked, places, hits);
}

}  // namespace

void bind_type_hierarchy(Session& session) {
  using namespace lsp;
  session.on_document<DocumentPosition, HierarchyItems>(
      {"typeHierarchyProvider", "textDocument/prepareTypeHierarchy",
       // New in 3.17: an older client does not know the member.
       [](const ClientCapabilities& client) {
         return client.has("textDocument.typeHierarchy") ? "true" : "";
       }},
      [](const DocumentPosition& params, const Call& call) -> Result<HierarchyItems> {
        PlaceMapper places(call.asked);
        const auto offset = places.offset(call.asked.path, params.position);
        if (!offset) return HierarchyItems{};
        return hierarchy_items(call.asked, places,
                               repoindex::types_at(call.asked.view, call.asked.path, *offset));
      });
  session.on_document<HierarchyItemParams, HierarchyItems>(
      {"", "typeHierarchy/supertypes", {}},
      [](const HierarchyItemParams& params, const Call& call) {
        return types(params, call, true);
      });
  session.on_document<HierarchyItemParams, HierarchyItems>(
      {"", "typeHierarchy/subtypes", {}}, [](const HierarchyItemParams& params, const Call& call) {
        return types(params, call, false);
      });
}

}  // namespace engramd::daemon
