// agent/repair/flat_tree.h - a syntax tree as one array, for code that looks up and down a lot.
//
// Nodes are in text order; the subtree of node i is [i, subtree_end(i)). Immutable: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engramd::repoindex {
class SyntaxTree;
}

namespace engramd::agent {

inline constexpr size_t kNoNode = static_cast<size_t>(-1);

struct FlatNode {
  std::string_view kind, field;  // constants of the grammar
  size_t begin = 0, end = 0;
  size_t parent = kNoNode;
  size_t subtree_end = 0;
  bool named = false;
};

class FlatTree {
 public:
  static Result<FlatTree> parse(const std::string& text, std::string_view language);
  size_t size() const { return nodes_.size(); }
  const FlatNode& operator[](size_t i) const { return nodes_[i]; }
  size_t subtree_end(size_t i) const { return nodes_[i].subtree_end; }
  std::vector<size_t> children(size_t i) const;
  size_t child_by_field(size_t i, std::string_view field) const;  // kNoNode when absent

 private:
  std::vector<FlatNode> nodes_;
};

}  // namespace engramd::agent
