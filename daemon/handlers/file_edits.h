// daemon/handlers/file_edits.h - gathers edits of several files into one WorkspaceEdit, with what
// the client can: versions of open documents, annotations.
//
// One answer, one thread.
#pragma once

#include <map>
#include <string>

#include "daemon/session/session.h"
#include "lsp/protocol/workspace_edit.h"

namespace engramd::daemon {

class FileEdits {
 public:
  FileEdits(const Asked& asked, const lsp::ClientCapabilities& client);

  bool takes_annotations() const { return annotations_; }
  // Without the client's taking annotations the edits that name it are plain.
  void annotate(const std::string& id, lsp::ChangeAnnotation annotation);
  // Edits of a file are given in its order; annotation may be empty.
  void add(const std::string& path, ByteRange range, std::string new_text,
           const std::string& annotation);
  bool empty() const { return edit_.documents.empty(); }
  lsp::WorkspaceEdit take();

 private:
  const Asked& asked_;
  const bool annotations_;
  PlaceMapper places_;
  lsp::WorkspaceEdit edit_;
  std::map<std::string, lsp::ChangeAnnotation> known_;
  std::map<std::string, size_t> documents_;  // by path, index into edit_.documents
};

}  // namespace engramd::daemon
