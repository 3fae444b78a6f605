#include "repoindex/parse/extract.h"

#include <algorithm>

#include "repoindex/index.h"
#include "repoindex/origin.h"
#include "repoindex/parse/lexical.h"
#include "repoindex/parse/macro_mask.h"
#include "repoindex/parse/syntax_access.h"
#include "repoindex/parse/tree_memory.h"
#include "repoindex/parse/walk.h"

namespace engramd::repoindex {

struct Extractor::Impl {
  TreeMemory memory;
};

Extractor::Extractor() : impl_(std::make_unique<Impl>()) {}
Extractor::~Extractor() = default;

uint32_t count_lines(std::string_view text) {
  auto n = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n'));
  return n + (!text.empty() && text.back() != '\n' ? 1 : 0);
}

namespace {

// Null when the runtime cannot use this grammar.
ParserPtr parser_for(const Language& language) {
  ParserPtr parser = new_parser();
  if (!ts_parser_set_language(parser.get(), compiled(language).grammar)) return nullptr;
  return parser;
}

}  // namespace

FileFactsPtr Extractor::extract(const Language* language, std::string_view text,
                                const CancelToken& cancel, const ExtractLimits& limits) {
  if (language == nullptr) {
    auto facts = std::make_shared<FileFacts>();
    facts->n_bytes = static_cast<uint32_t>(text.size());
    facts->n_lines = count_lines(text);
    facts->marked_generated = says_generated(text);
    facts->is_ascii = is_ascii(text);
    return facts;
  }
  const CompiledLanguage& rules = compiled(*language);
  // A parser for each text: it takes a few µs, and what it keeps is in this memory too.
  const TreeMemory::Use use(impl_->memory);
  const ParserPtr parser = text.size() <= limits.max_bytes ? parser_for(*language) : nullptr;
  TreePtr tree;
  std::vector<ByteRange> macros;
  if (parser != nullptr) {
    const MaskedText masked(rules.grammar, text);
    ParseBudget budget{limits.max_parse_steps, limits.parse_ms};
    tree = parse_within(parser.get(), nullptr, masked.shown(), budget, cancel);
    macros = masked.macros();
  }
  if (cancel.cancelled()) return nullptr;
  auto facts = std::make_shared<FileFacts>(
      tree == nullptr
          ? lexical_facts(rules, text)
          : facts_of_tree(rules, ts_tree_root_node(tree.get()), text, macros, limits, cancel));
  impl_->memory.forget(std::move(tree));
  facts->marked_generated = says_generated(text);
  facts->is_ascii = is_ascii(text);
  if (cancel.cancelled()) return nullptr;  // half a walk must not be cached as the file's facts
  return facts;
}

Extractor::ParseCost Extractor::parse_only(const Language& language, std::string_view text) {
  const TreeMemory::Use use(impl_->memory);
  const ParserPtr parser = parser_for(language);
  if (parser == nullptr) return {};
  const ExtractLimits limits;
  ParseBudget budget{limits.max_parse_steps, limits.parse_ms};
  const MaskedText masked(language.grammar(), text);
  TreePtr tree = parse_within(parser.get(), nullptr, masked.shown(), budget, {});
  const bool complete = tree != nullptr;
  impl_->memory.forget(std::move(tree));
  return {budget.steps, budget.pieces, complete};
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
