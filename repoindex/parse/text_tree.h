// repoindex/parse/text_tree.h - the tree of one published text: there already, or made by whoever
// asks first and kept for the others.
//
// An edited document publishes the tree that its facts came from, so a question about syntax parses
// nothing. A document that was only opened has facts from a parse host and no tree yet. Made only
// for texts that a parse host has survived. Any thread: a second asker waits for the first.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/parse/syntax.h"

namespace engramd::repoindex {

class TextTree {
 public:
  static std::shared_ptr<const TextTree> made(SyntaxTree tree);
  // language: a row of the language table.
  static std::shared_ptr<const TextTree> to_make(std::shared_ptr<const std::string> text,
                                                 std::string language);

  // Errors as those of SyntaxTree::parse(); one that a limit caused is remembered.
  Result<std::shared_ptr<const SyntaxTree>> get(const CancelToken& cancel = {}) const;

 private:
  TextTree() = default;
  std::shared_ptr<const std::string> text_;
  std::string language_;
  mutable std::mutex mutex_;  // guards the two below; held while parsing, for there is one parse
  mutable std::shared_ptr<const SyntaxTree> tree_;
  mutable Status failed_;
};

}  // namespace engramd::repoindex
