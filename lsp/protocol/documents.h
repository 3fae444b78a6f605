// lsp/protocol/documents.h - what an editor says of its documents and of files on disk.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct TextDocumentItem {
  std::string uri, language;
  int64_t version = 0;
  std::string text;
};
struct DidOpenParams {
  TextDocumentItem document;
};
struct ContentChange {
  std::optional<Range> range;  // none: the whole text
  std::string text;
};
struct DidChangeParams {
  std::string uri;
  int64_t version = 0;
  std::vector<ContentChange> changes;
};
struct DidCloseParams {
  std::string uri;
};
struct DidSaveParams {
  std::string uri;
};
struct FileEvent {
  std::string uri;
  int type = 2;  // 1 created, 2 changed, 3 deleted
};
struct DidChangeWatchedFilesParams {
  std::vector<FileEvent> changes;
};

Status read(const nlohmann::json&, DidOpenParams&);
Status read(const nlohmann::json&, DidChangeParams&);
Status read(const nlohmann::json&, DidCloseParams&);
Status read(const nlohmann::json&, DidSaveParams&);
Status read(const nlohmann::json&, DidChangeWatchedFilesParams&);

// Options of a registration that asks for changes of all files that match.
std::string watch_options(const std::vector<std::string>& globs);

}  // namespace engramd::lsp
