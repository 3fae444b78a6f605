#include "repoindex/syntax/syntax_file.h"

#include "repoindex/git/work_tree.h"
#include "repoindex/languages/language.h"
#include "repoindex/parse/text_tree.h"
#include "repoindex/snapshot.h"

namespace engramd::repoindex {

namespace {

bool survived_by_host(const View& view, const std::string& path, const FileFacts& facts,
                      const std::string& text) {
  if (facts.truncated || facts.language.empty() || view.snapshot == nullptr) return false;
  const FileEntry* entry = view.snapshot->find(path);
  return entry != nullptr && entry->indexed && entry->blob_id == git_blob_id(text);
}

}  // namespace

std::optional<SyntaxFile> syntax_file(const View& view, const std::string& path, WithTree with_tree,
                                      const CancelToken& cancel) {
  SyntaxFile file;
  file.path = path;
  std::shared_ptr<const TextTree> tree;
  const bool open = view.overlay != nullptr && view.overlay->count(path) != 0;
  if (open) {
    const OpenDocument& document = view.overlay->at(path);
    file.text = document.text;
    file.lines = document.lines;
    file.facts = document.facts;
    tree = document.tree;
  } else {
    auto text = view.text(path);
    if (!text) return std::nullopt;
    file.text = std::make_shared<const std::string>(std::move(*text));
    file.lines = std::make_shared<const LineIndex>(*file.text);
    file.facts = view.facts(path);
    if (with_tree == WithTree::yes && file.facts != nullptr &&
        survived_by_host(view, path, *file.facts, *file.text)) {
      tree = TextTree::to_make(file.text, file.facts->language);
    }
  }
  if (file.text == nullptr) return std::nullopt;
  if (file.facts != nullptr) file.language = find_language(file.facts->language);
  if (with_tree == WithTree::yes && tree != nullptr) {
    if (auto made = tree->get(cancel)) file.tree = std::move(*made);
  }
  return file;
}

}  // namespace engramd::repoindex
