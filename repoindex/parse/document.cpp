// An open document: text, its tree, and how edits reach the tree before it is parsed again.
#include <algorithm>

#include "repoindex/index.h"
#include "repoindex/origin.h"
#include "repoindex/parse/extract.h"
#include "repoindex/parse/lexical.h"
#include "repoindex/parse/macro_mask.h"
#include "repoindex/parse/syntax_access.h"
#include "repoindex/parse/text_tree.h"
#include "repoindex/parse/tree_memory.h"
#include "repoindex/parse/walk.h"
#include "repoindex/parse/walk_memo.h"

namespace engramd::repoindex {

namespace {

// Error recovery may depend on where the parser came from, so a text with errors is parsed afresh
// up to this size: facts must be those of the text, whatever was typed on the way (tests hold
// this). That costs some 6 ms here, and of 900 broken texts typed in larger files none gave other
// facts (parse_bench --drift).
constexpr size_t kMaxFreshBytes = 32u << 10;

TSPoint point_at(const LineIndex& lines, size_t offset) {
  LineColumn p = lines.position(offset);
  return {p.line, p.column};
}

class DocumentImpl : public Document {
 public:
  DocumentImpl(const std::string& path, std::string text, int64_t version,
               const std::string& language)
      : version_(version), text_(std::make_shared<std::string>(std::move(text))) {
    language_ = language.empty() ? nullptr : find_language(language);
    if (language_ == nullptr) language_ = language_for_path(path, *text_);
    lines_ = std::make_shared<LineIndex>(*text_);
    if (language_ != nullptr) {
      parser_ = new_parser();
      if (!ts_parser_set_language(parser_.get(), language_->grammar())) language_ = nullptr;
    }
  }

  void edit(ByteRange range, std::string_view replacement) override {
    size_t begin = std::min(range.begin, text_->size());
    size_t end = std::clamp(range.end, begin, text_->size());
    TSInputEdit change{};
    if (tree_ != nullptr) {
      change.start_byte = static_cast<uint32_t>(begin);
      change.old_end_byte = static_cast<uint32_t>(end);
      change.new_end_byte = static_cast<uint32_t>(begin + replacement.size());
      change.start_point = ts_point(begin);
      change.old_end_point = ts_point(end);
    }
    auto next = std::make_shared<std::string>();  // the published text is shared: never in place
    next->reserve(text_->size() - (end - begin) + replacement.size());
    next->append(*text_, 0, begin);
    next->append(replacement);
    next->append(*text_, end, std::string::npos);
    text_ = std::move(next);
    if (!blanked_.empty()) blanked_.replace(begin, end - begin, replacement);
    lines_ = std::make_shared<LineIndex>(*text_);
    if (tree_ != nullptr) {
      change.new_end_point = ts_point(begin + replacement.size());
      ts_tree_edit(tree_.get(), &change);
    }
    facts_ = nullptr;
  }

  void replace(std::string text) override {
    text_ = std::make_shared<std::string>(std::move(text));
    lines_ = std::make_shared<LineIndex>(*text_);
    tree_.reset();
    memo_.reset();
    blanked_.clear();
    facts_ = nullptr;
  }

  void set_version(int64_t version) override { version_ = version; }
  const std::string& text() const override { return *text_; }
  const LineIndex& lines() const override { return *lines_; }

  FileFactsPtr walked_afresh() const {
    if (tree_ == nullptr) return facts_;
    const MaskedText masked(language_->grammar(), *text_);
    auto facts = std::make_shared<FileFacts>(facts_of_tree(compiled(*language_),
                                                           ts_tree_root_node(tree_.get()), *text_,
                                                           masked.macros(), ExtractLimits{}, {}));
    facts->marked_generated = says_generated(*text_);
    facts->is_ascii = is_ascii(*text_);
    return facts;
  }

  OpenDocument text_alone() const override { return {text_, lines_, nullptr, version_, nullptr}; }

  OpenDocument publish() override {
    if (facts_ == nullptr) {
      auto facts = std::make_shared<FileFacts>(parse());
      facts->marked_generated = says_generated(*text_);
      facts->is_ascii = is_ascii(*text_);
      facts_ = std::move(facts);
    }
    std::shared_ptr<const TextTree> tree;
    if (tree_ != nullptr) {
      tree = TextTree::made(
          SyntaxAccess::tree_of(text_, *language_, TreePtr(ts_tree_copy(tree_.get()))));
    }
    return {text_, lines_, facts_, version_, std::move(tree)};
  }

 private:
  // Tree-sitter counts rows by \n only; a lone \r is no row of its.
  TSPoint ts_point(size_t offset) const {
    if (text_->find('\r') == std::string::npos) return point_at(*lines_, offset);
    auto row = static_cast<uint32_t>(
        std::count(text_->begin(), text_->begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
    size_t line = offset == 0 ? std::string::npos : text_->rfind('\n', offset - 1);
    return {row, static_cast<uint32_t>(line == std::string::npos ? offset : offset - line - 1)};
  }

  FileFacts parse() {
    const ExtractLimits limits;
    if (language_ == nullptr) {
      FileFacts facts;
      facts.n_bytes = static_cast<uint32_t>(text_->size());
      facts.n_lines = count_lines(*text_);
      return facts;
    }
    TreePtr tree;
    MaskedText masked(language_->grammar(), *text_);
    if (text_->size() <= limits.max_bytes) {
      tell_mask(masked.shown());
      bool reused = tree_ != nullptr;
      tree = parse_once(masked.shown(), tree_.get(), limits);
      if (tree != nullptr && reused && text_->size() <= kMaxFreshBytes &&
          ts_node_has_error(ts_tree_root_node(tree.get()))) {
        tree = parse_once(masked.shown(), nullptr, limits);
      }
    }
    blanked_ = masked.take_blanked();
    std::swap(tree_, tree);  // the one before lives on here: the memo is of its subtrees
    const CompiledLanguage& rules = compiled(*language_);
    if (tree_ == nullptr) {
      memo_.reset();
      return lexical_facts(rules, *text_);
    }
    return facts_of_edited_tree(rules, ts_tree_root_node(tree_.get()), *text_, masked.macros(),
                                limits, &memo_);
  }

  TreePtr parse_once(std::string_view shown, const TSTree* old_tree, const ExtractLimits& limits) {
    ParseBudget budget{limits.max_parse_steps, limits.parse_ms};
    return parse_within(parser_.get(), old_tree, shown, budget, {});
  }

  // An edit beside a macro may change what is blank far from the edit. The tree is told of that as
  // of any edit: what it was made of, with the edits, against what the parser will be shown now.
  void tell_mask(std::string_view shown) {
    constexpr int kMaxDifferences = 1000;
    const std::string_view told = blanked_.empty() ? std::string_view(*text_) : blanked_;
    if (tree_ == nullptr || told.data() == shown.data()) return;
    if (told.size() != shown.size()) return tree_.reset();
    int n = 0;
    for (size_t at = 0; at < told.size();) {
      at = static_cast<size_t>(std::mismatch(told.begin() + static_cast<std::ptrdiff_t>(at),
                                             told.end(),
                                             shown.begin() + static_cast<std::ptrdiff_t>(at))
                                   .first -
                               told.begin());
      if (at == told.size()) break;
      size_t end = at;
      while (end < told.size() && told[end] != shown[end]) ++end;
      if (++n > kMaxDifferences) return tree_.reset();
      TSInputEdit change{};
      change.start_byte = static_cast<uint32_t>(at);
      change.old_end_byte = change.new_end_byte = static_cast<uint32_t>(end);
      change.start_point = ts_point(at);
      change.old_end_point = change.new_end_point = ts_point(end);
      ts_tree_edit(tree_.get(), &change);
      at = end;
    }
  }

  int64_t version_;
  std::shared_ptr<const std::string> text_;
  std::shared_ptr<const LineIndex> lines_;
  const Language* language_ = nullptr;
  ParserPtr parser_;
  std::unique_ptr<WalkMemo> memo_;  // of tree_, null when there is none
  TreePtr tree_;                    // of the last parse, with the edits since told to it
  std::string blanked_;  // what the parser was shown for tree_, with the edits since; empty: text_
  FileFactsPtr facts_;   // of the text; null when an edit came since
};

}  // namespace

FileFactsPtr facts_walked_afresh(const Document& document) {
  return static_cast<const DocumentImpl&>(document).walked_afresh();
}

std::unique_ptr<Document> Document::open(const std::string& path, std::string text, int64_t version,
                                         const std::string& language) {
  return std::make_unique<DocumentImpl>(path, std::move(text), version, language);
}

}  // namespace engramd::repoindex
