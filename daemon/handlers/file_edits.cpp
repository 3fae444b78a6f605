#include "daemon/handlers/file_edits.h"

namespace engramd::daemon {

FileEdits::FileEdits(const Asked& asked, const lsp::ClientCapabilities& client)
    : asked_(asked), annotations_(lsp::takes_annotations(client)), places_(asked) {
  edit_.document_changes = client.flag("workspace.workspaceEdit.documentChanges");
}

void FileEdits::annotate(const std::string& id, lsp::ChangeAnnotation annotation) {
  if (annotations_) known_[id] = std::move(annotation);
}

void FileEdits::add(const std::string& path, ByteRange range, std::string new_text,
                    const std::string& annotation) {
  const auto [at, added] = documents_.try_emplace(path, edit_.documents.size());
  if (added) {
    lsp::DocumentEdit document;
    document.uri = places_.uri(path);
    if (asked_.view.overlay) {
      const auto open = asked_.view.overlay->find(path);
      if (open != asked_.view.overlay->end()) document.version = open->second.version;
    }
    edit_.documents.push_back(std::move(document));
  }
  lsp::TextEdit edit{places_.range(path, range), std::move(new_text), {}};
  if (const auto known = known_.find(annotation); known != known_.end()) {
    edit.annotation = annotation;
    edit_.annotations[annotation] = known->second;
  }
  edit_.documents[at->second].edits.push_back(std::move(edit));
}

lsp::WorkspaceEdit FileEdits::take() {
  return std::move(edit_);
}

}  // namespace engramd::daemon
