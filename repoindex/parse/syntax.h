// repoindex/parse/syntax.h - a parsed file, to be walked by code that knows no tree-sitter.
//
//   auto tree = SyntaxTree::parse(text, "python");       // or SyntaxTree::parse_path(path, text)
//   if (tree) walk(tree->root(), [&](const Visit& v) {
//     if (v.node.kind() == "comparison_operator") ...
//     return true;                                        // go into the children
//   });
//
// Node kinds are those of the language's grammar; languages/language.h says which kinds mean what
// ("a boolean operator in Java"). Broken text is normal: it gives a tree with error nodes.
// Offsets are bytes. A node is a small value that is valid as long as its tree lives.
// A tree is immutable: any thread may read it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "base/text.h"

namespace engramd::repoindex {

class SyntaxNode {
 public:
  SyntaxNode() = default;  // no node
  bool valid() const { return id_ != nullptr; }
  explicit operator bool() const { return valid(); }
  bool operator==(const SyntaxNode& other) const {
    return id_ == other.id_ && tree_ == other.tree_;
  }

  std::string_view kind() const;  // "call", "if_statement", "+" for an anonymous node
  bool is_named() const;          // false for punctuation, operators and keywords
  bool is_error() const;          // an ERROR node: text the grammar could not place
  bool is_missing() const;        // zero wide, put there by error recovery
  bool has_error() const;         // it or something below is an error or missing

  uint32_t begin() const { return context_[0]; }
  uint32_t end() const;  // exclusive
  ByteRange range() const { return {begin(), end()}; }
  std::string_view text(std::string_view source) const;  // empty when source is too short

  uint32_t child_count() const;
  SyntaxNode child(uint32_t index) const;  // all children; no node past the end
  uint32_t named_child_count() const;
  SyntaxNode named_child(uint32_t index) const;
  std::vector<SyntaxNode> children() const;  // one pass: use this to loop
  std::vector<SyntaxNode> named_children() const;
  SyntaxNode child_by_field(std::string_view field) const;
  std::vector<SyntaxNode> children_by_field(std::string_view field) const;
  std::string_view field_of_child(uint32_t index) const;  // of child(index); empty when it has none

  SyntaxNode parent() const;  // walks down from the root: not for inner loops
  SyntaxNode next_sibling() const;
  SyntaxNode previous_sibling() const;
  std::string_view field_name() const;  // in its parent; empty when it has none

 private:
  friend struct SyntaxAccess;  // parse/syntax_access.h, inside parse/ only
  uint32_t context_[4] = {0, 0, 0, 0};
  const void* id_ = nullptr;
  const void* tree_ = nullptr;
};

struct ParseLimits {
  int64_t time_ms = 5000;  // wall; then the error code is exhausted
  uint64_t max_bytes = 64u << 20;
};

class SyntaxTree {
 public:
  // Errors: unknown language (not_found), text too big or limits hit (exhausted), cancelled.
  static Result<SyntaxTree> parse(std::string text, std::string_view language,
                                  const ParseLimits& limits = {}, const CancelToken& cancel = {});
  static Result<SyntaxTree> parse(std::shared_ptr<const std::string> text,
                                  std::string_view language, const ParseLimits& limits = {},
                                  const CancelToken& cancel = {});
  // The language is chosen by the path (and the first line, for scripts).
  static Result<SyntaxTree> parse_path(const std::string& path, std::string text,
                                       const ParseLimits& limits = {},
                                       const CancelToken& cancel = {});
  SyntaxTree(SyntaxTree&&) noexcept;
  SyntaxTree& operator=(SyntaxTree&&) noexcept;
  ~SyntaxTree();

  SyntaxNode root() const;
  bool has_error() const;
  const std::string& text() const;
  const std::string& language() const;  // name of the row in languages/table.h
  // The smallest named node that covers the range.
  SyntaxNode node_at(ByteRange range) const;
  // The nodes around a byte, from the root to the token; only the root when the byte is in none of
  // its children, and no deeper than kMaxPath.
  static constexpr size_t kMaxPath = 2000;
  std::vector<SyntaxNode> path_to(uint32_t offset) const;
  // Where the first ERROR or MISSING node starts; nothing when the text is clean.
  std::optional<uint32_t> first_error() const;

 private:
  friend struct SyntaxAccess;
  struct Impl;
  explicit SyntaxTree(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct Visit {
  SyntaxNode node;
  std::string_view field;  // of the node in its parent; empty when it has none
  uint32_t depth = 0;      // 0 for the node walk() was given
};
// Depth first, in text order, without recursion. The visitor returns whether to go into the
// children. Stops after max_nodes and then returns false.
bool walk(SyntaxNode root, const std::function<bool(const Visit&)>& visitor,
          size_t max_nodes = SIZE_MAX);

}  // namespace engramd::repoindex
