#include "agent/sandbox/index_overlay.h"

#include "repoindex/index.h"

namespace engramd::agent {

std::shared_ptr<const repoindex::Overlay> index_overlay(
    const std::map<std::string, std::string>& texts) {
  if (texts.empty()) return nullptr;
  auto overlay = std::make_shared<repoindex::Overlay>();
  for (const auto& [path, text] : texts)
    (*overlay)[path] = repoindex::Document::open(path, text, 1)->publish();
  return overlay;
}

std::shared_ptr<const repoindex::Overlay> index_overlay(const WorkTree& tree) {
  if (!tree.is_overlay()) return nullptr;
  std::map<std::string, std::string> texts;
  for (const TreeChange& change : tree.changes().files)
    if (!repoindex::language_of(change.path).empty())
      texts[change.path] = change.after.value_or("");
  return index_overlay(texts);
}

const std::filesystem::path& index_root(const WorkTree& tree) {
  return tree.is_overlay() ? tree.original() : tree.root();
}

}  // namespace engramd::agent
