// textDocument/rename and prepareRename. Edits in the asked file are plain; those in other files
// and those that are only possible wait for the user's yes, where the editor can ask. Where it
// cannot, what is only possible is left alone.
#include "lsp/protocol/rename.h"

#include "daemon/handlers/file_edits.h"
#include "daemon/handlers/handlers.h"
#include "lsp/protocol/window.h"
#include "repoindex/rename.h"

namespace engramd::daemon {
namespace {

using lsp::RenameResult;
using repoindex::Confidence;

constexpr const char* kOtherFiles = "other-files";
constexpr const char* kPossible = "possible";
constexpr const char* kForeign = "foreign-base";

void describe(FileEdits& edits, const std::string& name) {
  edits.annotate(kOtherFiles, {"Rename '" + name + "' in other files",
                               "Found by the imports and scopes of these files.", true});
  edits.annotate(kPossible, {"May be another '" + name + "'",
                             "The name is the same, and nothing else is known.", true});
  edits.annotate(kForeign, {"'" + name + "' may override a method of a base class elsewhere",
                            "A base class is not in this repository.", true});
}

Result<RenameResult> renamed(const lsp::RenameParams& params, const Call& call) {
  const Asked& asked = call.asked;
  PlaceMapper places(asked);
  const auto offset = places.offset(asked.path, params.position);
  if (!offset) return RenameResult{};
  auto plan = repoindex::rename(asked.view, asked.path, *offset, params.new_name, call.cancel);
  if (!plan) return fail(plan.error());
  FileEdits edits(asked, call.client);
  describe(edits, plan->old_name);
  size_t n_left_alone = 0;
  for (const bool own_file : {true, false}) {
    for (const repoindex::RenameEdit& edit : plan->edits) {
      if ((edit.place.path == asked.path) != own_file) continue;
      if (edit.confidence == Confidence::possible && !edits.takes_annotations()) {
        ++n_left_alone;
        continue;
      }
      const char* annotation = edit.confidence == Confidence::possible ? kPossible
                               : plan->may_override_foreign            ? kForeign
                               : own_file                              ? ""
                                                                       : kOtherFiles;
      edits.add(edit.place.path, edit.place.range, edit.new_text, annotation);
    }
  }
  if (n_left_alone > 0) {
    call.binder->notify("window/showMessage",
                        lsp::write(lsp::ShowMessageParams{
                            lsp::MessageType::info, std::to_string(n_left_alone) +
                                                        " places that may mean another '" +
                                                        plan->old_name + "' were left alone"}));
  }
  return RenameResult{edits.take()};
}

}  // namespace

void bind_rename(Session& session) {
  using namespace lsp;
  session.on_document<RenameParams, RenameResult>(
      {"renameProvider", "textDocument/rename",
       [](const ClientCapabilities& client) -> std::string {
         return client.flag("textDocument.rename.prepareSupport") ? R"({"prepareProvider":true})"
                                                                  : "true";
       }},
      [](const RenameParams& params, const Call& call) { return renamed(params, call); });
  session.on_document<DocumentPosition, PrepareRenameResult>(
      {"", "textDocument/prepareRename", {}},
      [](const DocumentPosition& params, const Call& call) -> Result<PrepareRenameResult> {
        const Asked& asked = call.asked;
        PlaceMapper places(asked);
        const auto offset = places.offset(asked.path, params.position);
        if (!offset) return PrepareRenameResult{};
        const auto name = repoindex::prepare_rename(asked.view, asked.path, *offset);
        if (!name) return fail(name.error());
        return PrepareRenameResult{places.range(asked.path, name->range), name->name};
      });
}

}  // namespace engramd::daemon
