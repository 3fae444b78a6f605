// repoindex/parse/syntax_access.h - between SyntaxNode and tree-sitter's TSNode. Inside parse/
// only.
#pragma once

#include <tree_sitter/api.h>

#include <cstring>

#include "repoindex/parse/syntax.h"

namespace engramd::repoindex {

struct TreeDeleter {
  void operator()(TSTree* tree) const { ts_tree_delete(tree); }
};
struct ParserDeleter {
  void operator()(TSParser* parser) const { ts_parser_delete(parser); }
};
using TreePtr = std::unique_ptr<TSTree, TreeDeleter>;
using ParserPtr = std::unique_ptr<TSParser, ParserDeleter>;

struct Language;

struct SyntaxAccess {
  // Of a tree that was made outside of any TreeMemory::Use.
  static SyntaxTree tree_of(std::shared_ptr<const std::string> text, const Language& language,
                            TreePtr tree);
  static SyntaxNode wrap(TSNode node) {
    SyntaxNode out;
    if (node.id == nullptr) return out;
    std::memcpy(out.context_, node.context, sizeof(out.context_));
    out.id_ = node.id;
    out.tree_ = node.tree;
    return out;
  }
  static TSNode unwrap(const SyntaxNode& node) {
    TSNode out;
    std::memcpy(out.context, node.context_, sizeof(node.context_));
    out.id = node.id_;
    out.tree = static_cast<const TSTree*>(node.tree_);
    return out;
  }
};

// Which subtree of the runtime's a node with children is. An edited tree that is parsed again keeps
// the subtrees that no edit touched, and while one of the two trees lives nothing else is at that
// address. The runtime promises as much for TSNode::id, which is where the parent keeps its pointer
// to the subtree; so an untouched node under a new parent has a new id and the old subtree.
inline const void* subtree_of(TSNode node) {
  const void* subtree;
  std::memcpy(&subtree, node.id, sizeof(subtree));
  return subtree;
}

// What a parse may take, and what it took: see ExtractLimits.
struct ParseBudget {
  uint64_t max_steps = UINT64_MAX;
  int64_t time_ms = 5000;
  uint64_t steps = 0;
  uint64_t pieces = 0;  // of text handed to the parser
};
// Old_tree may be null. Null when the budget was used up or it was cancelled. The parser keeps
// nothing between calls.
TreePtr parse_within(TSParser* parser, const TSTree* old_tree, std::string_view text,
                     ParseBudget& budget, const CancelToken& cancel);

}  // namespace engramd::repoindex
