#include "daemon/handlers/proposal.h"

#include "agent/edit/unified_diff.h"
#include "lsp/uri.h"

namespace engramd::daemon {
namespace {

// Blocks of whole lines: small enough to read, and they leave the cursor and the marks of the rest
// of the file alone.
std::vector<lsp::TextEdit> edits_between(const std::string& before, const std::string& after,
                                         PositionEncoding encoding) {
  const LineIndex lines(before);
  const auto position_of = [&](size_t offset) {
    const LineColumn place = lines.position(offset);
    return lsp::Position{place.line, lines.column_in(encoding, place, before)};
  };
  std::vector<lsp::TextEdit> edits;
  for (const agent::TextEdit& block : agent::changed_blocks(before, after))
    edits.push_back(
        {{position_of(block.range.begin), position_of(block.range.end)}, block.replacement, {}});
  return edits;
}

}  // namespace

Result<lsp::WorkspaceEdit> edit_of(Session& session, const Proposal& proposal) {
  const lsp::ClientCapabilities& can = session.capabilities();
  lsp::WorkspaceEdit out;
  out.document_changes = can.flag("workspace.workspaceEdit.documentChanges");
  const bool can_create =
      out.document_changes && can.lists("workspace.workspaceEdit.resourceOperations", "create");
  const bool annotate = proposal.review && lsp::takes_annotations(can);
  const auto annotated = [&](const std::string& path, const std::string& what) {
    if (!annotate) return std::string();
    const std::string id = "engramd-" + std::to_string(out.annotations.size() + 1);
    out.annotations[id] = {path + what, proposal.label, true};
    return id;
  };
  for (const FixedFile& file : proposal.files) {
    lsp::DocumentEdit edit;
    edit.uri = lsp::uri_of_path(proposal.root / file.path);
    edit.create = !file.before;
    if (edit.create && !can_create)
      return fail(ErrorCode::unsupported,
                  "the patch makes " + file.path + ", and this editor takes no new files");
    const std::string before = file.before.value_or("");
    if (const auto now = session.editor().text(edit.uri)) {
      if (*now != before)
        return fail(ErrorCode::invalid_input, file.path + " has changed since the work began");
      edit.version = session.editor().version(edit.uri);
    }
    edit.edits = edits_between(before, file.after, session.editor().encoding());
    if (edit.create) edit.annotation = annotated(file.path, " (new)");
    for (lsp::TextEdit& one : edit.edits)
      one.annotation = edit.create
                           ? edit.annotation
                           : annotated(file.path, ":" + std::to_string(one.range.start.line + 1));
    out.documents.push_back(std::move(edit));
  }
  return out;
}

void offer(Session& session, const std::string& label, const lsp::WorkspaceEdit& edit,
           std::function<void(const lsp::ApplyEditResult&)> on_done) {
  session.binder()->request("workspace/applyEdit", lsp::write(lsp::ApplyEditParams{label, edit}),
                            [on_done = std::move(on_done)](const auto& answer) {
                              lsp::ApplyEditResult result;
                              if (!answer) {
                                result.failure = answer.error().message;
                              } else if (Status ok = read(**answer, result); !ok) {
                                result.failure = ok.error().message;
                              }
                              on_done(result);
                            });
}

std::vector<ProposedDocument> publish(Session& session, const Proposal& proposal) {
  std::vector<ProposedDocument> out;
  VirtualDocuments& documents = session.virtual_documents();
  const std::string group = documents.new_group(kProposalScheme);
  for (const FixedFile& file : proposal.files) {
    const std::string uri = VirtualDocuments::uri_in(group, file.path);
    documents.add(uri, file.after);
    out.push_back({file.path, lsp::uri_of_path(proposal.root / file.path), uri});
  }
  return out;
}

}  // namespace engramd::daemon
