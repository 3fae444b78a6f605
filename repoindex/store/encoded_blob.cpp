#include "repoindex/store/encoded_blob.h"

#include <unordered_map>

#include "repoindex/store/postings.h"
#include "repoindex/store/record.h"

namespace engramd::repoindex {

namespace {

bool is_top_level(const FileFacts& facts, const Symbol& symbol) {
  if (!symbol.qualifier.empty()) return false;
  uint32_t parent = symbol.parent;
  for (int i = 0; i < 50 && parent != kNone; ++i) {
    const Symbol& above = facts.symbols[parent];
    if (above.kind != SymbolKind::namespace_ && above.kind != SymbolKind::module) return false;
    parent = above.parent;
  }
  return true;
}

// As owner_of() of query/candidates.cpp has it.
bool has_owner(const FileFacts& facts, const Symbol& symbol) {
  if (!symbol.qualifier.empty()) return true;
  if (symbol.parent == kNone) return false;
  const Symbol& around = facts.symbols[symbol.parent];
  return !around.name.empty() &&
         (around.kind == SymbolKind::class_ || around.kind == SymbolKind::struct_ ||
          around.kind == SymbolKind::enum_ || around.kind == SymbolKind::interface_);
}

}  // namespace

EncodedBlob encode_blob(std::string blob_id, const FileFacts& facts) {
  EncodedBlob out;
  out.blob_id = std::move(blob_id);
  out.language = facts.language;
  out.n_bytes = facts.n_bytes;
  out.n_lines = facts.n_lines;
  out.n_symbols = static_cast<uint32_t>(facts.symbols.size());
  out.n_occurrences = static_cast<uint32_t>(facts.occurrences.size());
  out.has_errors = facts.has_errors;
  out.truncated = facts.truncated;
  out.marked_generated = facts.marked_generated;
  out.is_ascii = facts.is_ascii;
  if (facts.names.empty() && facts.symbols.empty() && facts.imports.empty() &&
      facts.errors.empty()) {
    return out;
  }
  FactsParts parts = split_facts(facts);
  out.outline = packed_outline(parts);
  out.uses = packed_uses(parts);

  std::unordered_map<std::string_view, uint32_t> terms;  // views into facts
  terms.reserve(parts.names.size() * 2);
  auto term_of = [&](std::string_view name) {
    auto [it, added] = terms.try_emplace(name, static_cast<uint32_t>(out.terms.size()));
    if (added) {
      out.terms.emplace_back();
      out.terms.back().name = static_cast<uint32_t>(out.pool.size());
      out.terms.back().name_size = static_cast<uint32_t>(name.size());
      out.pool += name;
    }
    return it->second;
  };
  for (std::string_view name : parts.names) term_of(name);
  out.n_names = static_cast<uint32_t>(parts.names.size());
  std::vector<bool> occurs(facts.names.size());
  for (const Occurrence& o : facts.occurrences) occurs[o.name] = true;
  for (size_t i = 0; i < occurs.size(); ++i) {
    if (occurs[i]) out.terms[term_of(facts.names[i])].occurs = true;
  }
  for (uint32_t s = 0; s < facts.symbols.size(); ++s) {
    const Symbol& symbol = facts.symbols[s];
    if (symbol.local || symbol.name.empty()) continue;
    EncodedBlob::Definition d{s,
                              kNone,
                              symbol.kind,
                              symbol.is_declaration,
                              is_top_level(facts, symbol),
                              has_owner(facts, symbol)};
    if (!symbol.qualifier.empty()) {
      d.container = term_of(symbol.qualifier);
    } else if (symbol.parent != kNone && !facts.symbols[symbol.parent].name.empty()) {
      d.container = term_of(facts.symbols[symbol.parent].name);
    }
    out.terms[term_of(symbol.name)].definitions.push_back(d);
  }
  return out;
}

}  // namespace engramd::repoindex
