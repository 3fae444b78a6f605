// daemon/handlers/proposal.h - changes that the agent or the model proposes, as the editor's edits.
//
// Nothing that was typed since the work began is ever overwritten: then there is no edit but an
// error. For review, every block of lines stands behind an annotation of its own that needs the
// user's confirmation (where the editor has such), and the new texts can be read as documents of
// the scheme engramd-proposal. Strand only.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "daemon/server/ports.h"
#include "daemon/session/session.h"
#include "lsp/protocol/workspace_edit.h"

namespace engramd::daemon {

struct Proposal {
  std::string label;           // "engramd: fix"
  std::filesystem::path root;  // of the paths in files
  std::vector<FixedFile> files;
  bool review = false;
};

Result<lsp::WorkspaceEdit> edit_of(Session& session, const Proposal& proposal);
// Asks the editor to make the edits; done gets what it said. on_done: strand.
void offer(Session& session, const std::string& label, const lsp::WorkspaceEdit& edit,
           std::function<void(const lsp::ApplyEditResult&)> on_done);

// A proposed text, readable as a virtual document for as long as the session keeps it.
struct ProposedDocument {
  std::string path, uri, proposed_uri;
};
std::vector<ProposedDocument> publish(Session& session, const Proposal& proposal);

}  // namespace engramd::daemon
