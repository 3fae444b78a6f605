#include "repoindex/parse/embedded.h"

#include <algorithm>
#include <unordered_map>

#include "repoindex/parse/syntax_access.h"
#include "repoindex/parse/tree_memory.h"
#include "repoindex/parse/walk.h"

namespace engramd::repoindex {

namespace {

constexpr int kMaxEmbeddedDepth = 3;

void merge(FileFacts& facts, std::unordered_map<std::string, uint32_t>& name_ids, FileFacts inner,
           const EmbeddedText& from) {
  std::vector<uint32_t> new_name(inner.names.size());
  for (size_t i = 0; i < inner.names.size(); ++i) {
    auto [it, added] =
        name_ids.try_emplace(inner.names[i], static_cast<uint32_t>(facts.names.size()));
    if (added) facts.names.push_back(std::move(inner.names[i]));
    new_name[i] = it->second;
  }
  auto first_symbol = static_cast<uint32_t>(facts.symbols.size());
  auto moved = [&](uint32_t index) { return index == kNone ? from.scope : first_symbol + index; };
  for (Symbol& symbol : inner.symbols) {
    symbol.parent = moved(symbol.parent);
    symbol.local |= from.example;
    facts.symbols.push_back(std::move(symbol));
  }
  for (Occurrence o : inner.occurrences) {
    o.name = new_name[o.name];
    o.scope = moved(o.scope);
    if (o.receiver != kNone) o.receiver = new_name[o.receiver];
    facts.occurrences.push_back(o);
  }
  if (!from.example) {  // an example imports nothing into the file that shows it
    facts.imports.insert(facts.imports.end(), std::make_move_iterator(inner.imports.begin()),
                         std::make_move_iterator(inner.imports.end()));
  }
  if (!from.example) {
    facts.errors.insert(facts.errors.end(), std::make_move_iterator(inner.errors.begin()),
                        std::make_move_iterator(inner.errors.end()));
  }
  facts.truncated |= inner.truncated;
}

}  // namespace

void add_embedded(FileFacts& facts, const std::vector<EmbeddedText>& texts, std::string_view text,
                  const ExtractLimits& limits, const CancelToken& cancel, int depth) {
  if (texts.empty() || depth >= kMaxEmbeddedDepth) return;
  std::unordered_map<std::string, uint32_t> name_ids;
  for (uint32_t i = 0; i < facts.names.size(); ++i) name_ids.emplace(facts.names[i], i);
  ParserPtr parser = new_parser();
  const Language* set = nullptr;
  // One budget for all pieces. The clock only guards against a step that takes ages.
  ParseBudget budget{limits.max_parse_steps, limits.parse_ms};
  for (const EmbeddedText& piece : texts) {
    if (budget.steps >= budget.max_steps || facts.symbols.size() > limits.max_symbols ||
        cancel.cancelled()) {
      facts.truncated = true;
      break;
    }
    const CompiledLanguage& language = compiled(*piece.language);
    if (set != piece.language && !ts_parser_set_language(parser.get(), language.grammar)) continue;
    set = piece.language;
    if (!ts_parser_set_included_ranges(parser.get(), piece.ranges.data(),
                                       static_cast<uint32_t>(piece.ranges.size()))) {
      continue;
    }
    TreePtr tree = parse_within(parser.get(), nullptr, text, budget, cancel);
    if (tree == nullptr) {
      facts.truncated = true;
      continue;
    }
    merge(
        facts, name_ids,
        facts_of_tree(language, ts_tree_root_node(tree.get()), text, {}, limits, cancel, depth + 1),
        piece);
  }
  std::stable_sort(facts.occurrences.begin(), facts.occurrences.end(),
                   [](const auto& a, const auto& b) { return a.begin < b.begin; });
}

}  // namespace engramd::repoindex
