// textDocument/references: every place that may mean the name. An editor that takes partial results
// gets the first file's at once.
#include "lsp/protocol/references.h"

#include "daemon/handlers/handlers.h"

namespace engramd::daemon {
namespace {

using lsp::ReferencesResult;

constexpr size_t kLimit = 10000;
constexpr size_t kPieceSize = 500;

// Sends what has gathered as one piece of the answer.
void send_piece(const Call& call, const std::string& token, ReferencesResult* result) {
  if (result->locations.empty()) return;
  call.binder->notify("$/progress", lsp::partial_result(token, write(*result)));
  result->locations.clear();
}

Result<ReferencesResult> whole_answer(const lsp::ReferenceParams& params, const Call& call,
                                      size_t offset, PlaceMapper& places) {
  ReferencesResult result;
  for (const auto& hit :
       repoindex::find_references(call.asked.view, call.asked.path, offset,
                                  params.include_declaration, kLimit, call.cancel)) {
    if (call.cancel.cancelled()) break;
    result.locations.push_back(places.location(hit.place));
  }
  return result;
}

// LSP: once a piece was sent, the final answer adds nothing to the pieces.
Result<ReferencesResult> in_pieces(const lsp::ReferenceParams& params, const Call& call,
                                   size_t offset, PlaceMapper& places) {
  ReferencesResult gathered;
  size_t n_sent = 0;
  repoindex::each_reference(call.asked.view, call.asked.path, offset, params.include_declaration,
                            call.cancel, [&](std::vector<repoindex::ReferenceHit>&& hits) {
                              for (const auto& hit : hits) {
                                if (n_sent + gathered.locations.size() >= kLimit) return false;
                                gathered.locations.push_back(places.location(hit.place));
                                const bool full = gathered.locations.size() >= kPieceSize;
                                if (!full && (n_sent > 0 || &hit != &hits.back())) continue;
                                n_sent += gathered.locations.size();
                                send_piece(call, params.partial_token, &gathered);
                              }
                              return !call.cancel.cancelled();
                            });
  send_piece(call, params.partial_token, &gathered);
  return ReferencesResult{};
}

}  // namespace

void bind_references(Session& session) {
  using namespace lsp;
  session.on_document<ReferenceParams, ReferencesResult>(
      {"referencesProvider", "textDocument/references",
       [](const auto&) { return R"({"workDoneProgress":true})"; }},
      [](const ReferenceParams& params, const Call& call) -> Result<ReferencesResult> {
        std::shared_ptr<WorkProgress> progress;
        if (!params.work_done_token.empty()) {
          progress = WorkProgress::begin(call.binder, params.work_done_token, false, "References");
        }
        PlaceMapper places(call.asked);
        const auto offset = places.offset(call.asked.path, params.position);
        Result<ReferencesResult> result = ReferencesResult{};
        if (offset) {
          result = params.partial_token.empty() ? whole_answer(params, call, *offset, places)
                                                : in_pieces(params, call, *offset, places);
        }
        if (progress) progress->end("");
        if (call.cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
        return result;
      });
}

}  // namespace engramd::daemon
