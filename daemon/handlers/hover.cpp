// textDocument/hover: signature, doc comment, where it is defined and how sure we are.
#include "lsp/protocol/hover.h"
#include "daemon/handlers/handlers.h"

namespace engramd::daemon {
namespace {

// A fence longer than any run of backticks in the text, so that the text cannot close it.
std::string fence_for(const std::string& text) {
  size_t longest = 0, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return std::string(std::max<size_t>(3, longest + 1), '`');
}

std::string where(const repoindex::HoverInfo& info) {
  const auto& hit = info.definition;
  std::string text = hit.container.empty() ? "" : "in " + hit.container + ", ";
  text += hit.place.path + ":" + std::to_string(hit.place.start.line + 1);
  if (info.n_definitions > 1)
    text += ", one of " + std::to_string(info.n_definitions) + " definitions";
  if (hit.confidence == repoindex::Confidence::possible) text += " (matched by name only)";
  return text;
}

}  // namespace

void bind_hover(Session& session) {
  using namespace lsp;
  session.on_document<DocumentPosition, HoverResult>(
      {"hoverProvider", "textDocument/hover", {}},
      [](const DocumentPosition& params, const Call& call) -> Result<HoverResult> {
        const Asked& asked = call.asked;
        PlaceMapper places(asked);
        const auto offset = places.offset(asked.path, params.position);
        if (!offset) return HoverResult{};
        const auto info = repoindex::hover(asked.view, asked.path, *offset);
        if (!info) return HoverResult{};
        const auto& symbol = info->definition.symbol;
        const std::string head = symbol.signature.empty() ? symbol.name : symbol.signature;
        Hover hover;
        hover.range = places.range(asked.path, info->at.range);
        hover.contents.markdown = call.client.prefers_markdown("textDocument.hover.contentFormat");
        std::string& text = hover.contents.text;
        if (hover.contents.markdown) {
          const std::string fence = fence_for(head);
          text = fence + info->language + "\n" + head + "\n" + fence + "\n";
          if (!symbol.doc.empty()) text += "\n" + symbol.doc + "\n";
          text += "\n---\n" + where(*info);
        } else {
          text = head + "\n";
          if (!symbol.doc.empty()) text += "\n" + symbol.doc + "\n";
          text += "\n" + where(*info);
        }
        return HoverResult{hover};
      });
}

}  // namespace engramd::daemon
