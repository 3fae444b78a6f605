// lsp/protocol/workspace_edit.h - changes of many files, and asking the editor to make them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"
#include "lsp/protocol/capabilities.h"

namespace engramd::lsp {

// What the editor shows before it makes the edits that name it.
struct ChangeAnnotation {
  std::string label, description;
  bool needs_confirmation = false;
};
struct DocumentEdit {
  std::string uri;
  std::optional<int64_t> version;  // of the open document, when it is open
  bool create = false;             // the file is new
  std::string annotation;          // of the creation
  std::vector<TextEdit> edits;
};
// Written as documentChanges, or as changes for a client without them; that shape can say neither
// new files nor annotations, so a caller with new files refuses first.
struct WorkspaceEdit {
  bool document_changes = true;
  std::vector<DocumentEdit> documents;
  std::map<std::string, ChangeAnnotation> annotations;  // by id; empty for a client without
};
struct ApplyEditParams {
  std::string label;
  WorkspaceEdit edit;
};
struct ApplyEditResult {
  bool applied = false;
  std::string failure;
};

Status read(const nlohmann::json&, ApplyEditResult&);
std::string write(const ApplyEditParams&);
void put(JsonWriter&, const WorkspaceEdit&);

// The client shows annotations of documentChanges.
bool takes_annotations(const ClientCapabilities&);

}  // namespace engramd::lsp
