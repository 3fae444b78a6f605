#include "repoindex/parse/text_tree.h"

#include "repoindex/parse/extract.h"

namespace engramd::repoindex {

std::shared_ptr<const TextTree> TextTree::made(SyntaxTree tree) {
  std::shared_ptr<TextTree> out(new TextTree());
  out->tree_ = std::make_shared<const SyntaxTree>(std::move(tree));
  return out;
}

std::shared_ptr<const TextTree> TextTree::to_make(std::shared_ptr<const std::string> text,
                                                  std::string language) {
  std::shared_ptr<TextTree> out(new TextTree());
  out->text_ = std::move(text);
  out->language_ = std::move(language);
  return out;
}

Result<std::shared_ptr<const SyntaxTree>> TextTree::get(const CancelToken& cancel) const {
  std::lock_guard lock(mutex_);
  if (tree_ != nullptr) return tree_;
  ENGRAMD_CHECK(failed_);
  const ExtractLimits limits;
  auto tree = SyntaxTree::parse(text_, language_, {.max_bytes = limits.max_bytes}, cancel);
  if (!tree) {
    if (tree.error().code != ErrorCode::cancelled) failed_ = fail(tree.error());
    return fail(tree.error());
  }
  tree_ = std::make_shared<const SyntaxTree>(std::move(*tree));
  return tree_;
}

}  // namespace engramd::repoindex
