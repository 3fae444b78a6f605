#include "daemon/session/editor_state.h"

#include <algorithm>

#include "base/log.h"
#include "lsp/uri.h"
#include "repoindex/languages/language.h"
#include "repoindex/parse_hosts.h"

namespace engramd::daemon {
namespace {

namespace fs = std::filesystem;

// Inside root, or empty: "/a/b" + "/a/b/c/d" -> "c/d".
std::string relative_to(const fs::path& root, const fs::path& file) {
  const std::string base = root.string(), full = file.string();
  const size_t n = base == "/" ? 0 : base.size();
  if (full.size() <= n + 1 || full.compare(0, n, base, 0, n) != 0 || full[n] != '/') return {};
  return full.substr(n + 1);
}

}  // namespace

// Two spellings of one file ("%7E" and "~") are one document; a document without a file keeps its
// URI as its key.
std::string EditorState::key_of(const std::string& uri) {
  const auto path = lsp::path_of_uri(uri);
  return path ? lsp::uri_of_path(*path) : uri;
}

Result<std::shared_ptr<EditorState::Root>> EditorState::add_root(const fs::path& path) {
  for (const auto& root : roots_)
    if (!root->loose && root->path == path) return nullptr;
  ENGRAMD_TRY(auto index, registry_.open(path));
  auto root = std::make_shared<Root>();
  root->path = path;
  root->index = std::move(index);
  roots_.push_back(root);
  rehome();
  return root;
}

void EditorState::remove_root(const fs::path& path) {
  std::erase_if(roots_, [&](const auto& root) { return !root->loose && root->path == path; });
  rehome();
}

std::vector<std::shared_ptr<EditorState::Root>> EditorState::roots() const {
  std::vector<std::shared_ptr<Root>> out;
  for (const auto& root : roots_)
    if (!root->loose) out.push_back(root);
  return out;
}

std::shared_ptr<EditorState::Root> EditorState::root_of(const fs::path& file,
                                                        std::string* relative) const {
  std::shared_ptr<Root> best;
  for (const auto& root : roots_) {
    std::string inside = relative_to(root->path, file);
    if (inside.empty() || root->loose) continue;
    // The innermost folder wins: its index is the narrower and better one.
    if (best && best->path.string().size() >= root->path.string().size()) continue;
    best = root;
    *relative = std::move(inside);
  }
  return best;
}

Result<std::shared_ptr<EditorState::Root>> EditorState::home_of(const std::string& uri,
                                                                std::string* relative) {
  const auto path = lsp::path_of_uri(uri);
  fs::path folder = "/";
  if (path) {
    if (auto root = root_of(*path, relative)) return root;
    folder = path->parent_path();
    *relative = path->filename().string();
    // A file in a folder that is not there yet still deserves its own text.
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored)) {
      folder = "/";
      *relative = path->relative_path().string();
    }
  } else {
    // untitled:Untitled-1 and the like: the root is empty and the path is the URI.
    folder.clear();
    *relative = uri;
  }
  for (const auto& root : roots_)
    if (root->loose && root->path == folder) return root;
  ENGRAMD_TRY(auto index, registry_.open_loose(folder.empty() ? "/" : folder));
  auto root = std::make_shared<Root>();
  root->path = folder;
  root->index = std::move(index);
  root->loose = true;
  roots_.push_back(root);
  return root;
}

void EditorState::rehome() {
  for (auto& [uri, file] : documents_) {
    std::string relative;
    auto home = home_of(uri, &relative);
    if (!home) {
      log_warning("no home for " + uri + ": " + home.error().message);
      continue;
    }
    file.root = *home;
    file.path = std::move(relative);
    file.stale = true;
  }
  for (const auto& root : roots_) {
    root->overlay.reset();
    root->stale = true;
  }
  std::erase_if(roots_, [&](const auto& root) {
    return root->loose &&
           std::none_of(documents_.begin(), documents_.end(),
                        [&](const auto& entry) { return entry.second.root == root; });
  });
}

void EditorState::recount(OpenFile& file) {
  const size_t now = file.document->text().size();
  n_bytes_ = n_bytes_ - file.n_bytes + now;
  file.n_bytes = now;
  file.stale = true;
  file.root->stale = true;
}

Status EditorState::open(lsp::TextDocumentItem item) {
  const std::string key = key_of(item.uri);
  const auto existing = documents_.find(key);
  const size_t before = existing == documents_.end() ? 0 : existing->second.n_bytes;
  if (existing == documents_.end() && documents_.size() >= kMaxOpenDocuments)
    return fail(ErrorCode::exhausted, std::to_string(kMaxOpenDocuments) + " documents are open, " +
                                          item.uri + " is seen as it is on disk");
  if (n_bytes_ - before + item.text.size() > kMaxOpenBytes)
    return fail(ErrorCode::exhausted, "open documents hold " + std::to_string(n_bytes_ >> 20) +
                                          " MB, " + item.uri + " is seen as it is on disk");
  OpenFile file;
  ENGRAMD_TRY(file.root, home_of(item.uri, &file.path));
  file.version = item.version;
  // The path decides the language; the editor's name for it only helps where the path says nothing.
  if (repoindex::language_of(file.path).empty()) file.language = item.language;
  file.document = repoindex::open_guarded_document(
      registry_.parse_hosts(), file.path, std::move(item.text), item.version, file.language);
  file.n_bytes = before;
  OpenFile& stored = documents_[key] = std::move(file);
  recount(stored);
  if (!stored.root->loose) stored.root->index->hurry(stored.path);
  return {};
}

Status EditorState::change(const lsp::DidChangeParams& params) {
  const auto at = documents_.find(key_of(params.uri));
  if (at == documents_.end())
    return fail(ErrorCode::invalid_input, "a change to " + params.uri + ", which is not open");
  OpenFile& file = at->second;
  // A gap or a step back is the client's mistake; its ranges are all we have to go by.
  if (params.version != 0 && params.version <= file.version)
    log_warning("version " + std::to_string(params.version) + " of " + params.uri + " follows " +
                std::to_string(file.version));
  repoindex::Document& document = *file.document;
  for (const lsp::ContentChange& change : params.changes) {
    if (!change.range) {
      document.replace(change.text);
      continue;
    }
    const std::string& text = document.text();
    const LineIndex& lines = document.lines();
    const auto offset_of = [&](lsp::Position position) {
      return lines.offset(lines.from_encoded(encoding_, position.line, position.character, text),
                          text);
    };
    const size_t a = offset_of(change.range->start), b = offset_of(change.range->end);
    document.edit({std::min(a, b), std::max(a, b)}, change.text);
  }
  if (params.version != 0) file.version = params.version;
  document.set_version(file.version);
  recount(file);
  if (n_bytes_ > kMaxOpenBytes) {
    const std::string path = file.path;
    if (Status closed = close(params.uri); !closed) return closed;
    return fail(ErrorCode::exhausted, "open documents hold over " +
                                          std::to_string(kMaxOpenBytes >> 20) + " MB, " + path +
                                          " is seen as it is on disk");
  }
  return {};
}

Status EditorState::close(const std::string& uri) {
  const auto at = documents_.find(key_of(uri));
  if (at == documents_.end())
    return fail(ErrorCode::invalid_input, "a close of " + uri + ", which is not open");
  n_bytes_ -= at->second.n_bytes;
  const std::shared_ptr<Root> root = at->second.root;
  root->stale = true;
  documents_.erase(at);
  if (root->loose) rehome();
  return {};
}

std::shared_ptr<const repoindex::Overlay> EditorState::overlay_of(Root& root) {
  if (!root.stale && root.overlay) return root.overlay;
  auto overlay = std::make_shared<repoindex::Overlay>();
  for (auto& [uri, file] : documents_) {
    if (file.root.get() != &root) continue;
    if (!file.stale && root.overlay) {
      if (const auto old = root.overlay->find(file.path); old != root.overlay->end()) {
        overlay->insert(*old);
        continue;
      }
    }
    (*overlay)[file.path] = file.document->publish();
    file.stale = false;
  }
  root.overlay = std::move(overlay);
  root.stale = false;
  return root.overlay;
}

std::shared_ptr<const repoindex::Overlay> EditorState::texts_of(const Root& root) const {
  if (!root.stale && root.overlay) return root.overlay;
  auto overlay = std::make_shared<repoindex::Overlay>();
  for (const auto& [uri, file] : documents_) {
    if (file.root.get() != &root) continue;
    const bool published = !file.stale && root.overlay && root.overlay->count(file.path) > 0;
    (*overlay)[file.path] = published ? root.overlay->at(file.path) : file.document->text_alone();
  }
  return overlay;
}

Asked EditorState::asked_of(const Root& root, std::string path,
                            std::shared_ptr<const repoindex::Overlay> overlay,
                            PositionEncoding encoding) {
  return {{root.index->snapshot(), std::move(overlay), root.index->uncommitted()},
          root.path,
          std::move(path),
          encoding,
          root.loose ? std::nullopt : root.index->filling()};
}

Result<std::shared_ptr<EditorState::Root>> EditorState::asked_root(const std::string& uri,
                                                                   std::string* path) const {
  std::shared_ptr<Root> root;
  if (const auto at = documents_.find(key_of(uri)); at != documents_.end()) {
    root = at->second.root;
    *path = at->second.path;
  } else if (const auto file = lsp::path_of_uri(uri)) {
    root = root_of(*file, path);
  }
  if (!root) return fail(ErrorCode::not_found, uri + " is neither open nor in a workspace folder");
  return root;
}

Result<Asked> EditorState::ask(const std::string& uri) {
  std::string path;
  ENGRAMD_TRY(const auto root, asked_root(uri, &path));
  return asked_of(*root, std::move(path), overlay_of(*root), encoding_);
}

Result<Asked> EditorState::ask_text(const std::string& uri) {
  std::string path;
  ENGRAMD_TRY(const auto root, asked_root(uri, &path));
  return asked_of(*root, std::move(path), texts_of(*root), encoding_);
}

std::vector<Asked> EditorState::ask_all() {
  std::vector<Asked> out;
  for (const auto& root : roots_) out.push_back(asked_of(*root, {}, overlay_of(*root), encoding_));
  return out;
}

std::string EditorState::a_document_in(const Root& root) const {
  for (const auto& [uri, file] : documents_)
    if (file.root.get() == &root) return file.path;
  return {};
}

std::string EditorState::language(const std::string& uri) const {
  const auto at = documents_.find(key_of(uri));
  if (at != documents_.end() && !at->second.language.empty()) {
    const auto* row = repoindex::find_language(at->second.language);
    return row == nullptr ? std::string() : row->name;
  }
  const auto path = lsp::path_of_uri(uri);
  return path ? repoindex::language_of(path->filename().string()) : std::string();
}

std::optional<int64_t> EditorState::version(const std::string& uri) const {
  const auto at = documents_.find(key_of(uri));
  return at == documents_.end() ? std::nullopt : std::optional(at->second.version);
}

std::optional<std::string> EditorState::text(const std::string& uri) const {
  const auto at = documents_.find(key_of(uri));
  return at == documents_.end() ? std::nullopt : std::optional(at->second.document->text());
}

}  // namespace engramd::daemon
