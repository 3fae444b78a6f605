// textDocument/selectionRange: what "expand selection" goes through, for each cursor.
#include "lsp/protocol/selection_range.h"
#include "daemon/handlers/handlers.h"
#include "repoindex/syntax/selection.h"

namespace engramd::daemon {

void bind_selection_range(Session& session) {
  using namespace lsp;
  session.on_document<SelectionRangeParams, SelectionRangeResult>(
      {.capability = "selectionRangeProvider",
       .method = "textDocument/selectionRange",
       .only_ours = true},
      [](const SelectionRangeParams& params, const Call& call) -> Result<SelectionRangeResult> {
        constexpr size_t kMaxCursors = 2000;
        const Asked& asked = call.asked;
        SelectionRangeResult result;
        const auto file =
            repoindex::syntax_file(asked.view, asked.path, repoindex::WithTree::yes, call.cancel);
        PlaceMapper places(asked);
        for (const Position& position : params.positions) {
          if (call.cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
          std::vector<Range>& steps = result.steps.emplace_back();
          const auto offset = places.offset(asked.path, position);
          if (file && offset && result.steps.size() <= kMaxCursors) {
            for (const ByteRange& step : repoindex::selection_steps(*file, *offset))
              steps.push_back(places.range(asked.path, step));
          }
          // One answer for each cursor is the rule, also where there is nothing to select.
          if (steps.empty()) steps.push_back({position, position});
        }
        return result;
      });
}

}  // namespace engramd::daemon
