// lsp/protocol/code_action.h - textDocument/codeAction and codeAction/resolve.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"
#include "lsp/protocol/workspace_edit.h"

namespace engramd::lsp {

struct CodeActionParams {
  std::string uri;
  Range range;
  std::vector<std::string> only;  // kinds that the editor wants; empty: all
};
// What comes back of an action that was left to be resolved.
struct CodeActionData {
  std::string what, uri;
  Position position;
};
struct CodeAction {
  std::string title, kind;
  bool by_model = false;  // tagged LLMGenerated
  std::optional<Command> command;
  std::optional<WorkspaceEdit> edit;
  std::optional<CodeActionData> data;
};
struct CodeActionResult {
  bool literals = true;  // false: the client takes commands only (LSP 3.7)
  bool tags = false;     // the client takes tags
  std::vector<CodeAction> actions;
};
// codeAction/resolve: the action as it was sent, as JSON text, and its data.
struct CodeActionResolveParams {
  std::string action;
  CodeActionData data;
};
struct CodeActionResolveResult {
  std::string action;  // as it was sent, JSON text
  std::optional<WorkspaceEdit> edit;
};

// "refactor" covers "refactor.rewrite"; no kinds cover all.
bool kind_is_wanted(const std::vector<std::string>& only, const std::string& kind);

Status read(const nlohmann::json&, CodeActionParams&);
Status read(const nlohmann::json&, CodeActionResolveParams&);
std::string write(const CodeActionResult&);
std::string write(const CodeActionResolveResult&);

}  // namespace engramd::lsp
