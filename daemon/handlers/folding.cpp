// textDocument/foldingRange: blocks, imports, comments and regions of one file.
#include "repoindex/syntax/folding.h"
#include "daemon/handlers/handlers.h"
#include "lsp/protocol/folding.h"

namespace engramd::daemon {
namespace {

// Answers stay this small for an editor that names no limit.
constexpr size_t kDefaultLimit = 5000;

const char* kind_of(repoindex::FoldKind kind) {
  switch (kind) {
    case repoindex::FoldKind::comment:
      return "comment";
    case repoindex::FoldKind::imports:
      return "imports";
    case repoindex::FoldKind::region:
      return "region";
    case repoindex::FoldKind::block:
      return "";
  }
  return "";
}

}  // namespace

void bind_folding(Session& session) {
  using namespace lsp;
  session.on_document<FoldingRangeParams, FoldingRangeResult>(
      {.capability = "foldingRangeProvider", .method = "textDocument/foldingRange"},
      [](const FoldingRangeParams&, const Call& call) -> Result<FoldingRangeResult> {
        const Asked& asked = call.asked;
        FoldingRangeResult result;
        const auto file =
            repoindex::syntax_file(asked.view, asked.path, repoindex::WithTree::yes, call.cancel);
        if (!file) return result;
        const bool lines_only = call.client.flag("textDocument.foldingRange.lineFoldingOnly");
        const bool collapsed =
            call.client.flag("textDocument.foldingRange.foldingRange.collapsedText");
        const auto limit = call.client.number("textDocument.foldingRange.rangeLimit");
        PlaceMapper places(asked);
        for (const repoindex::Fold& fold :
             repoindex::folds(*file, limit.value_or(kDefaultLimit), call.cancel)) {
          FoldingRange range;
          range.start_line = fold.first_line;
          range.end_line = fold.last_line;
          range.kind = kind_of(fold.kind);
          if (!lines_only) {
            const Range exact = places.range(asked.path, fold.exact);
            range.start_line = exact.start.line;
            range.start_character = exact.start.character;
            range.end_line = exact.end.line;
            range.end_character = exact.end.character;
          }
          if (collapsed) range.collapsed_text = fold.summary;
          result.ranges.push_back(std::move(range));
        }
        return result;
      });
}

}  // namespace engramd::daemon
