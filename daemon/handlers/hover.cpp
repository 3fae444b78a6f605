// textDocument/hover: signature, doc comment, where it is defined, how sure we are, and the last
// change of that line.
#include "lsp/protocol/hover.h"

#include <ctime>

#include "base/hash.h"
#include "daemon/handlers/described.h"
#include "daemon/handlers/handlers.h"
#include "repoindex/git/last_changes.h"
#include "repoindex/snapshot.h"

namespace engramd::daemon {
namespace {

// A hover without the last change is better than a late one; who hovers again sees it.
constexpr std::chrono::milliseconds kPatience{5};
constexpr size_t kMaxSubject = 120;

std::string where(const repoindex::HoverInfo& info) {
  const auto& hit = info.definition;
  std::string text = hit.container.empty() ? "" : "in " + hit.container + ", ";
  text += hit.place.path + ":" + std::to_string(hit.place.start.line + 1);
  if (info.n_definitions > 1)
    text += ", one of " + std::to_string(info.n_definitions) + " definitions";
  if (hit.confidence == repoindex::Confidence::possible) text += " (matched by name only)";
  return text;
}

// What tells this text of the file from others.
std::string version_of(const repoindex::View& view, const std::string& path) {
  if (view.overlay != nullptr) {
    const auto open = view.overlay->find(path);
    if (open != view.overlay->end() && open->second.text != nullptr)
      return std::to_string(hash64(*open->second.text));
  }
  const repoindex::FileEntry* file = view.snapshot ? view.snapshot->find(path) : nullptr;
  return file != nullptr ? file->blob_id : std::string();
}

std::string day_of(int64_t unix_time) {
  const std::time_t time = unix_time;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[16] = "";
  std::strftime(text, sizeof(text), "%Y-%m-%d", &parts);
  return text;
}

// Names and subjects are people's text, not markdown.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_{}[]<>#|~").find(c) != std::string_view::npos) out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string last_change(const Asked& asked, const repoindex::SymbolHit& hit, bool markdown,
                        repoindex::LastChanges& changes) {
  // Of a local the function's history is the line's too, and nobody asks.
  if (hit.symbol.local || hit.symbol.kind == repoindex::SymbolKind::file) return {};
  const std::string& path = hit.place.path;
  const std::string version = version_of(asked.view, path);
  if (version.empty()) return {};
  const auto change = changes.of(
      asked.view.root(), path, hit.place.start.line, version, [&] { return asked.view.text(path); },
      kPatience);
  if (!change) return {};
  if (change->commit.empty()) return "not committed yet";
  std::string subject = utf8_sanitized(change->summary).substr(0, kMaxSubject);
  std::string author = utf8_sanitized(change->author);
  if (markdown) {
    subject = escaped(subject);
    author = escaped(author);
  }
  return "last change " + day_of(change->author_time) + " by " + author + ": " +
         utf8_sanitized(subject);
}

// Another definition may come yet.
std::string completeness(const repoindex::IndexProgress& filling) {
  if (filling.total == 0) return "the index is not complete yet";
  return "the index is not complete yet: " + std::to_string(filling.done) + " of " +
         std::to_string(filling.total) + " files";
}

}  // namespace

void bind_hover(Session& session) {
  using namespace lsp;
  session.on_document<DocumentPosition, HoverResult>(
      {"hoverProvider", "textDocument/hover", {}},
      [changes = std::make_shared<repoindex::LastChanges>()](
          const DocumentPosition& params, const Call& call) -> Result<HoverResult> {
        const Asked& asked = call.asked;
        PlaceMapper places(asked);
        const auto offset = places.offset(asked.path, params.position);
        if (!offset) return HoverResult{};
        const auto info = repoindex::hover(asked.view, asked.path, *offset);
        if (!info) return HoverResult{};
        const auto& symbol = info->definition.symbol;
        const bool markdown = call.client.prefers_markdown("textDocument.hover.contentFormat");
        Hover hover;
        hover.range = places.range(asked.path, info->at.range);
        hover.contents =
            described(markdown, info->language,
                      symbol.signature.empty() ? symbol.name : symbol.signature, symbol.doc);
        std::string& text = hover.contents.text;
        text += (markdown ? "\n---\n" : "\n") + where(*info);
        const std::string change = last_change(asked, info->definition, markdown, *changes);
        const std::string line_end = markdown ? "  \n" : "\n";
        if (!change.empty()) text += line_end + change;
        if (asked.filling) text += line_end + completeness(*asked.filling);
        return HoverResult{hover};
      });
}

}  // namespace engramd::daemon
