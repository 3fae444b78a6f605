// workspace/willRenameFiles: before files or folders move, the imports that lead to them are
// rewritten, and those that they have themselves.
#include <algorithm>

#include "daemon/handlers/file_edits.h"
#include "daemon/handlers/handlers.h"
#include "lsp/protocol/rename.h"
#include "lsp/uri.h"
#include "repoindex/moved_imports.h"

namespace engramd::daemon {
namespace {

namespace fs = std::filesystem;
using lsp::RenameFilesParams;
using lsp::RenameResult;

constexpr size_t kMaxMovedFiles = 5000;
constexpr const char* kImports = "moved-imports";

// Relative to the root; nothing when it lies elsewhere.
std::optional<std::string> below(const fs::path& root, const std::string& uri) {
  const auto path = lsp::path_of_uri(uri);
  if (!path) return std::nullopt;
  const std::string relative = path->lexically_relative(root).generic_string();
  if (relative.empty() || relative == "." || relative.rfind("..", 0) == 0) return std::nullopt;
  return relative;
}

// Files as they are; of a folder, all that is in it.
std::vector<repoindex::FileMove> moves_in(const Asked& asked, const RenameFilesParams& params) {
  std::vector<repoindex::FileMove> moves;
  std::vector<std::string> paths;
  for (const RenameFilesParams::File& file : params.files) {
    const auto from = below(asked.root, file.old_uri), to = below(asked.root, file.new_uri);
    if (!from || !to) continue;
    if (asked.view.contains(*from)) {
      moves.push_back({*from, *to});
      continue;
    }
    if (paths.empty()) paths = asked.view.paths();
    for (auto at = std::lower_bound(paths.begin(), paths.end(), *from + "/");
         at != paths.end() && at->rfind(*from + "/", 0) == 0; ++at) {
      if (moves.size() < kMaxMovedFiles) moves.push_back({*at, *to + at->substr(from->size())});
    }
  }
  return moves;
}

std::string filters() {
  std::string extensions;
  for (const std::string& extension : repoindex::extensions_with_moved_imports())
    extensions += (extensions.empty() ? "" : ",") + extension;
  lsp::JsonWriter json;
  json.begin_object().key("filters").begin_array();
  const auto add = [&json](const std::string& glob, const char* matches) {
    json.begin_object().field("scheme", "file").key("pattern").begin_object();
    json.field("glob", glob).field("matches", matches).end_object().end_object();
  };
  add("**/*.{" + extensions + "}", "file");
  add("**/*", "folder");
  return json.end_array().end_object().take();
}

Result<RenameResult> edits_for(const RenameFilesParams& params, const Call& call) {
  // An edit is made of one folder's files: a file that goes to another folder is not followed.
  for (const Asked& asked : call.folders) {
    const auto moves = moves_in(asked, params);
    if (moves.empty()) continue;
    const auto changed = repoindex::imports_after_move(asked.view, moves, call.cancel);
    if (call.cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
    if (changed.empty()) continue;
    FileEdits edits(asked, call.client);
    edits.annotate(kImports,
                   {"Imports of moved files", "They lead to files that get another path.", false});
    for (const repoindex::MovedImportEdit& edit : changed)
      edits.add(edit.path, edit.range, edit.new_text, kImports);
    return RenameResult{edits.take()};
  }
  return RenameResult{};
}

}  // namespace

void bind_will_rename_files(Session& session) {
  using namespace lsp;
  session.on_workspace<RenameFilesParams, RenameResult>(
      {"workspace.fileOperations.willRename", "workspace/willRenameFiles",
       [](const ClientCapabilities& client) -> std::string {
         return client.flag("workspace.fileOperations.willRename") ? filters() : "";
       }},
      [](const RenameFilesParams& params, const Call& call) { return edits_for(params, call); });
}

}  // namespace engramd::daemon
