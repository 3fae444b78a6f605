// daemon/session/editor_state.h - what one editor has open: workspace folders and documents.
//
// Edits are applied at once; parsing waits until somebody asks, so ten keystrokes cost one parse.
// A document that lies in no folder is seen together with the open documents of its own folder
// only, and nothing is indexed for it. Bounded: see kMaxOpenDocuments. Strand only.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/session/positions.h"
#include "daemon/session/workspaces.h"
#include "lsp/protocol/documents.h"
#include "repoindex/index.h"

namespace engramd::daemon {

constexpr size_t kMaxOpenDocuments = 5000;
constexpr size_t kMaxOpenBytes = 512u << 20;  // text of all open documents of one attachment

class EditorState {
 public:
  struct Root {
    std::filesystem::path path;  // as the editor spells it
    std::shared_ptr<SharedIndex> index;
    bool loose = false;  // made for documents outside every folder
    std::shared_ptr<const repoindex::Overlay> overlay;
    bool stale = false;  // overlay is behind the documents
  };

  EditorState(WorkspaceRegistry& registry, PositionEncoding encoding)
      : registry_(registry), encoding_(encoding) {}

  // Returns the new root, or null when that folder was there already.
  Result<std::shared_ptr<Root>> add_root(const std::filesystem::path& path);
  void remove_root(const std::filesystem::path& path);
  std::vector<std::shared_ptr<Root>> roots() const;  // without the loose ones

  Status open(lsp::TextDocumentItem document);
  Status change(const lsp::DidChangeParams& params);
  // The path that was closed, for a look at what the disk says now.
  Status close(const std::string& uri);

  // The view that this editor has now of the document's root. An error of code not_found for a
  // document that is neither open nor inside a folder.
  Result<Asked> ask(const std::string& uri);
  // The same for who reads texts only: parses nothing, so a document that was edited since
  // somebody needed its facts has none in this view.
  Result<Asked> ask_text(const std::string& uri);
  std::vector<Asked> ask_all();
  // The root that holds a file, with the relative path; null when none does.
  std::shared_ptr<Root> root_of(const std::filesystem::path& file, std::string* relative) const;

  // Path of one open document of this root, relative to it; empty when none is open.
  std::string a_document_in(const Root& root) const;

  // How two spellings of one URI are made alike, and the language table's row; both may be asked
  // of a document that is not open.
  static std::string key_of(const std::string& uri);
  std::string language(const std::string& uri) const;

  // Version of an open document; nothing when it is not open.
  std::optional<int64_t> version(const std::string& uri) const;
  std::optional<std::string> text(const std::string& uri) const;
  PositionEncoding encoding() const { return encoding_; }
  size_t n_documents() const { return documents_.size(); }
  size_t n_bytes() const { return n_bytes_; }

 private:
  struct OpenFile {
    std::shared_ptr<Root> root;
    std::string path;
    std::string language;
    std::unique_ptr<repoindex::Document> document;
    int64_t version = 0;
    bool stale = true;  // edited since it was last published
    size_t n_bytes = 0;
  };
  Result<std::shared_ptr<Root>> home_of(const std::string& uri, std::string* relative);
  void rehome();
  void recount(OpenFile& file);
  std::shared_ptr<const repoindex::Overlay> overlay_of(Root& root);
  std::shared_ptr<const repoindex::Overlay> texts_of(const Root& root) const;
  Result<std::shared_ptr<Root>> asked_root(const std::string& uri, std::string* path) const;
  static Asked asked_of(const Root& root, std::string path,
                        std::shared_ptr<const repoindex::Overlay> overlay,
                        PositionEncoding encoding);

  WorkspaceRegistry& registry_;
  const PositionEncoding encoding_;
  std::vector<std::shared_ptr<Root>> roots_;
  std::map<std::string, OpenFile> documents_;  // by normalised URI
  size_t n_bytes_ = 0;
};

}  // namespace engramd::daemon
