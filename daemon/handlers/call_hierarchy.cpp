// textDocument/prepareCallHierarchy, callHierarchy/incomingCalls and outgoingCalls.
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/hierarchy_items.h"

namespace engramd::daemon {
namespace {

using lsp::HierarchyCalls;
using lsp::HierarchyItemParams;

Result<HierarchyCalls> calls(const HierarchyItemParams& params, const Call& call, bool incoming) {
  constexpr size_t kLimit = 2000;
  const Asked& asked = call.asked;
  HierarchyCalls result;
  result.incoming = incoming;
  const auto key = item_key(asked, params);
  if (!key) return result;
  PlaceMapper places(asked);
  const auto hits = incoming ? repoindex::incoming_calls(asked.view, *key, kLimit, call.cancel)
                             : repoindex::outgoing_calls(asked.view, *key, call.cancel);
  if (call.cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
  for (const repoindex::CallHit& hit : hits) {
    lsp::HierarchyCall out{hierarchy_item(asked, places, hit.symbol), {}};
    for (const repoindex::ReferenceHit& at : hit.at)
      out.ranges.push_back(places.range(at.place.path, at.place.start, at.place.end));
    result.calls.push_back(std::move(out));
  }
  return result;
}

}  // namespace

void bind_call_hierarchy(Session& session) {
  using namespace lsp;
  session.on_document<DocumentPosition, HierarchyItems>(
      {"callHierarchyProvider", "textDocument/prepareCallHierarchy", {}},
      [](const DocumentPosition& params, const Call& call) -> Result<HierarchyItems> {
        PlaceMapper places(call.asked);
        const auto offset = places.offset(call.asked.path, params.position);
        if (!offset) return HierarchyItems{};
        return hierarchy_items(call.asked, places,
                               repoindex::callables_at(call.asked.view, call.asked.path, *offset));
      });
  session.on_document<HierarchyItemParams, HierarchyCalls>(
      {"", "callHierarchy/incomingCalls", {}},
      [](const HierarchyItemParams& params, const Call& call) {
        return calls(params, call, true);
      });
  session.on_document<HierarchyItemParams, HierarchyCalls>(
      {"", "callHierarchy/outgoingCalls", {}},
      [](const HierarchyItemParams& params, const Call& call) {
        return calls(params, call, false);
      });
}

}  // namespace engramd::daemon
