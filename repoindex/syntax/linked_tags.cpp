#include "repoindex/syntax/linked_tags.h"

#include <algorithm>

#include "repoindex/languages/language.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxTags = 100'000;  // children of one element that are looked at

// The name of the tag of this kind among the element's children; the last one for an end tag.
SyntaxNode name_in(const SyntaxNode& element, std::string_view kind) {
  SyntaxNode found;
  size_t n = 0;
  for (const SyntaxNode& child : element.named_children()) {
    if (++n > kMaxTags) break;
    if (child.kind() == kind) found = child;
  }
  if (!found) return {};
  const SyntaxNode name = found.child_by_field("name");
  return name ? name : found.named_child(0);
}

}  // namespace

std::optional<LinkedTags> linked_tags(const SyntaxFile& file, size_t offset) {
  if (file.tree == nullptr || file.language == nullptr || file.language->tags.empty())
    return std::nullopt;
  const std::string_view text = *file.text;
  // At the end of a name the token that begins there is another one.
  for (const size_t probe : {offset, offset == 0 ? offset : offset - 1}) {
    const std::vector<SyntaxNode> path = file.tree->path_to(static_cast<uint32_t>(probe));
    for (auto node = path.rbegin(); node != path.rend(); ++node) {
      for (const TagRule& rule : file.language->tags) {
        if (node->kind() != rule.element) continue;
        const SyntaxNode open = name_in(*node, rule.open), close = name_in(*node, rule.close);
        if (!open || !close || open.text(text) != close.text(text)) continue;
        if (open.begin() == open.end() || close.is_missing()) continue;
        const auto holds = [&](const SyntaxNode& name) {
          return name.begin() <= offset && offset <= name.end();
        };
        if (!holds(open) && !holds(close)) continue;
        return LinkedTags{open.range(), close.range()};
      }
    }
  }
  return std::nullopt;
}

}  // namespace engramd::repoindex
