#include "agent/repair/flat_tree.h"

#include "repoindex/parse/syntax.h"

namespace engramd::agent {

constexpr size_t kMaxNodes = 400000;

Result<FlatTree> FlatTree::parse(const std::string& text, std::string_view language) {
  ENGRAMD_TRY(const repoindex::SyntaxTree tree, repoindex::SyntaxTree::parse(text, language));
  FlatTree flat;
  std::vector<size_t> path;  // indexes of the nodes above, by depth
  const bool whole = repoindex::walk(
      tree.root(),
      [&](const repoindex::Visit& visit) {
        FlatNode node;
        node.kind = visit.node.kind();
        node.field = visit.field;
        node.begin = visit.node.begin();
        node.end = visit.node.end();
        node.named = visit.node.is_named();
        while (path.size() > visit.depth) {
          flat.nodes_[path.back()].subtree_end = flat.nodes_.size();
          path.pop_back();
        }
        if (!path.empty()) node.parent = path.back();
        path.push_back(flat.nodes_.size());
        flat.nodes_.push_back(node);
        return true;
      },
      kMaxNodes);
  while (!path.empty()) {
    flat.nodes_[path.back()].subtree_end = flat.nodes_.size();
    path.pop_back();
  }
  if (!whole) return fail(ErrorCode::exhausted, "the syntax tree is too large to mutate");
  return flat;
}

std::vector<size_t> FlatTree::children(size_t i) const {
  std::vector<size_t> out;
  for (size_t at = i + 1; at < nodes_[i].subtree_end; at = nodes_[at].subtree_end)
    out.push_back(at);
  return out;
}

size_t FlatTree::child_by_field(size_t i, std::string_view field) const {
  for (size_t at = i + 1; at < nodes_[i].subtree_end; at = nodes_[at].subtree_end)
    if (nodes_[at].field == field) return at;
  return kNoNode;
}

}  // namespace engramd::agent
