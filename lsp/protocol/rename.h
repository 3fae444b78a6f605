// lsp/protocol/rename.h - textDocument/prepareRename and rename, workspace/willRenameFiles.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"
#include "lsp/protocol/workspace_edit.h"

namespace engramd::lsp {

struct RenameParams {
  std::string uri;
  Position position;
  std::string new_name;
};
// Nothing is written as null.
struct PrepareRenameResult {
  std::optional<Range> range;
  std::string placeholder;
};
struct RenameResult {
  std::optional<WorkspaceEdit> edit;  // nothing is written as null
};
struct RenameFilesParams {
  struct File {
    std::string old_uri, new_uri;
  };
  std::vector<File> files;
};

Status read(const nlohmann::json&, RenameParams&);
Status read(const nlohmann::json&, RenameFilesParams&);
std::string write(const PrepareRenameResult&);
std::string write(const RenameResult&);

}  // namespace engramd::lsp
