// repoindex/parse/syntax_access.h - between SyntaxNode and tree-sitter's TSNode. Inside parse/
// only.
#pragma once

#include <tree_sitter/api.h>

#include <cstring>

#include "repoindex/parse/syntax.h"

namespace engramd::repoindex {

struct SyntaxAccess {
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

struct TreeDeleter {
  void operator()(TSTree* tree) const { ts_tree_delete(tree); }
};
struct ParserDeleter {
  void operator()(TSParser* parser) const { ts_parser_delete(parser); }
};
using TreePtr = std::unique_ptr<TSTree, TreeDeleter>;
using ParserPtr = std::unique_ptr<TSParser, ParserDeleter>;

// Parses with a deadline; old_tree may be null. Null when the limit was hit or it was cancelled.
// The parser keeps nothing between calls.
TreePtr parse_within(TSParser* parser, const TSTree* old_tree, std::string_view text,
                     int64_t time_ms, const CancelToken& cancel);

}  // namespace engramd::repoindex
