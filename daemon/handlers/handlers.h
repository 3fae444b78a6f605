// daemon/handlers/handlers.h - the table of features: one bind function per file in this folder.
//
// A bind function registers the feature's methods and what is advertised of them with the
// session; the shapes of its messages are in lsp/protocol. Called once per session, before its
// first message.
#pragma once

#include "daemon/session/session.h"

namespace engramd::daemon {

void bind_document_symbol(Session& session);
void bind_workspace_symbol(Session& session);
void bind_definition(Session& session);
void bind_references(Session& session);
void bind_declaration(Session& session);
void bind_type_definition(Session& session);
void bind_implementation(Session& session);
void bind_call_hierarchy(Session& session);
void bind_type_hierarchy(Session& session);
void bind_rename(Session& session);
void bind_will_rename_files(Session& session);
void bind_code_lens(Session& session);
void bind_hover(Session& session);
void bind_inline_completion(Session& session);
void bind_execute_command(Session& session);
void bind_code_action(Session& session);
void bind_text_document_content(Session& session);
void bind_completion(Session& session);
void bind_signature_help(Session& session);
void bind_inlay_hint(Session& session);
void bind_folding(Session& session);
void bind_selection_range(Session& session);
void bind_semantic_tokens(Session& session);
void bind_document_highlight(Session& session);
void bind_linked_editing(Session& session);
void bind_document_link(Session& session);
void bind_diagnostics(Session& session);

// One feature, one line.
// clang-format off
constexpr void (*kFeatures[])(Session&) = {
    bind_document_symbol,
    bind_workspace_symbol,
    bind_definition,
    bind_references,
    bind_declaration,
    bind_type_definition,
    bind_implementation,
    bind_call_hierarchy,
    bind_type_hierarchy,
    bind_rename,
    bind_will_rename_files,
    bind_code_lens,
    bind_hover,
    bind_inline_completion,
    bind_execute_command,
    bind_code_action,
    bind_text_document_content,
    bind_completion,
    bind_signature_help,
    bind_inlay_hint,
    bind_folding,
    bind_selection_range,
    bind_semantic_tokens,
    bind_document_highlight,
    bind_linked_editing,
    bind_document_link,
    bind_diagnostics,
};
// clang-format on

// LSP's number for a symbol kind; all_kinds false keeps to those of LSP 1.0.
int lsp_symbol_kind(repoindex::SymbolKind kind, bool all_kinds);

}  // namespace engramd::daemon
