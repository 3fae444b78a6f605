#include "repoindex/parse/extract.h"

#include <algorithm>

#include "repoindex/index.h"
#include "repoindex/origin.h"
#include "repoindex/parse/syntax_access.h"
#include "repoindex/parse/walk.h"

namespace engramd::repoindex {

struct Extractor::Impl {
  ParserPtr parser{ts_parser_new()};
  const Language* language = nullptr;  // the parser is set to
};

Extractor::Extractor() : impl_(std::make_unique<Impl>()) {}
Extractor::~Extractor() = default;

uint32_t count_lines(std::string_view text) {
  auto n = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n'));
  return n + (!text.empty() && text.back() != '\n' ? 1 : 0);
}

FileFactsPtr Extractor::extract(const Language* language, std::string_view text,
                                const CancelToken& cancel, const ExtractLimits& limits) {
  auto plain = [&](bool truncated) {
    auto facts = std::make_shared<FileFacts>();
    if (language != nullptr) facts->language = language->name;
    facts->n_bytes = static_cast<uint32_t>(text.size());
    facts->n_lines = count_lines(text);
    facts->truncated = truncated;
    facts->marked_generated = says_generated(text);
    return facts;
  };
  if (language == nullptr) return plain(false);
  const CompiledLanguage& rules = compiled(*language);
  if (impl_->language != language) {
    if (!ts_parser_set_language(impl_->parser.get(), rules.grammar)) return plain(true);
    impl_->language = language;
  }
  TreePtr tree = parse_within(impl_->parser.get(), nullptr, text, limits.parse_ms, cancel);
  if (tree == nullptr) {
    if (cancel.cancelled()) return nullptr;
    return plain(true);
  }
  auto facts = std::make_shared<FileFacts>(
      facts_of_tree(rules, ts_tree_root_node(tree.get()), text, limits, cancel));
  facts->marked_generated = says_generated(text);
  return facts;
}

std::vector<std::string> unknown_names(const Language& language) {
  return compiled(language).unknown;
}

FileFactsPtr extract_facts(const std::string& path, std::string_view text) {
  return Extractor().extract(language_for_path(path, text), text);
}

bool parses_cleanly(const std::string& path, std::string_view text, LineColumn* first_error) {
  const Language* language = language_for_path(path, text);
  if (language == nullptr) return true;
  auto tree = SyntaxTree::parse(std::string(text), language->name);
  if (!tree) return false;
  auto at = tree->first_error();
  if (at && first_error != nullptr) *first_error = LineIndex(text).position(*at);
  return !at;
}

std::string language_of(const std::string& path, std::string_view first_line) {
  const Language* language = language_for_path(path, first_line);
  return language != nullptr ? language->name : std::string();
}

}  // namespace engramd::repoindex
