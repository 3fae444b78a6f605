#include "repoindex/query.h"

#include <algorithm>

#include "repoindex/query/references.h"
#include "repoindex/query/resolve.h"
#include "repoindex/snapshot.h"

namespace engramd::repoindex {

namespace {

bool is_value(SymbolKind kind) {
  return kind == SymbolKind::variable || kind == SymbolKind::constant ||
         kind == SymbolKind::type_alias || kind == SymbolKind::field;
}

std::vector<SymbolHit> hits_of(Resolver& resolver, const std::vector<Found>& found, size_t limit) {
  std::vector<SymbolHit> out;
  for (const Found& f : found) {
    if (out.size() >= limit) break;
    out.push_back(resolver.hit(f));
  }
  return out;
}

// Without loading its facts; empty when it has none.
std::string language_of(const View& view, const std::string& path) {
  if (view.overlay != nullptr) {
    const auto open = view.overlay->find(path);
    if (open != view.overlay->end() && open->second.facts != nullptr)
      return open->second.facts->language;
  }
  const FileEntry* file = view.snapshot != nullptr ? view.snapshot->find(path) : nullptr;
  return file != nullptr ? std::string(view.snapshot->summary(*file).language) : std::string();
}

}  // namespace

std::optional<NameAt> name_at(const View& view, const std::string& path, size_t offset) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return std::nullopt;
  const Occurrence* o = occurrence_at(*facts, offset);
  if (o == nullptr) return std::nullopt;
  return NameAt{facts->names[o->name], {o->begin, o->end}};
}

std::vector<SymbolHit> find_definitions(const View& view, const std::string& path, size_t offset,
                                        size_t limit) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return {};
  Resolver resolver(view);
  const Occurrence* o = occurrence_at(*facts, offset);
  if (o == nullptr) {
    return hits_of(resolver, imported_file_at(resolver, view, path, *facts, offset), limit);
  }
  return resolver.resolve_hits(path, facts, *o, limit);
}

std::vector<SymbolHit> definitions_of(const View& view, std::string_view name, size_t limit) {
  Resolver resolver(view);
  std::vector<Found> found = resolver.by_name(name, 5000);
  std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    auto score = [](const Found& f) {
      const Symbol& s = f.facts->symbols[f.symbol];
      int n = s.is_declaration ? 4 : 0;
      n += s.kind == SymbolKind::key ? 8 : is_value(s.kind) ? 2 : 0;
      return n + (f.path.find("test") != std::string::npos ? 1 : 0);
    };
    int x = score(a), y = score(b);
    return x != y ? x < y : a.path < b.path;
  });
  return hits_of(resolver, found, limit);
}

std::vector<SymbolHit> document_symbols(const View& view, const std::string& path) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return {};
  Resolver resolver(view);
  std::vector<SymbolHit> out;
  std::vector<uint32_t> index(facts->symbols.size(), kNone);
  for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
    const Symbol& symbol = facts->symbols[s];
    uint32_t parent = symbol.parent == kNone ? kNone : index[symbol.parent];
    if (symbol.local && is_value(symbol.kind)) continue;
    SymbolHit hit = resolver.hit({path, facts, s, Confidence::certain});
    hit.symbol.parent = parent;
    index[s] = static_cast<uint32_t>(out.size());
    out.push_back(std::move(hit));
  }
  return out;
}

std::optional<HoverInfo> hover(const View& view, const std::string& path, size_t offset) {
  FileFactsPtr facts = view.facts(path);
  auto at = name_at(view, path, offset);
  if (facts == nullptr || !at) return std::nullopt;
  std::vector<SymbolHit> found = find_definitions(view, path, offset);
  if (found.empty()) return std::nullopt;
  HoverInfo info;
  info.at = *at;
  info.n_definitions = found.size();
  info.definition = std::move(found[0]);
  info.language = language_of(view, info.definition.place.path);
  if (info.language.empty()) info.language = facts->language;
  Symbol& symbol = info.definition.symbol;
  // Locals carry no signature of their own: the line they are written on.
  if (symbol.signature.empty() && symbol.kind != SymbolKind::file) {
    if (auto text = view.text(info.definition.place.path);
        text && symbol.name_begin < text->size()) {
      LineIndex lines(*text);
      ByteRange line = lines.line_range(info.definition.place.start.line, *text);
      symbol.signature = utf8_sanitized(
          trim(std::string_view(*text).substr(line.begin, std::min<size_t>(line.size(), 300))));
    }
  }
  return info;
}

std::optional<SymbolHit> enclosing_symbol(const View& view, const std::string& path,
                                          size_t offset) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return std::nullopt;
  uint32_t best = kNone;
  for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
    const Symbol& symbol = facts->symbols[s];
    if (is_value(symbol.kind) || symbol.kind == SymbolKind::key ||
        symbol.kind == SymbolKind::enum_member || symbol.kind == SymbolKind::macro) {
      continue;
    }
    if (symbol.begin > offset || offset >= symbol.end) continue;
    if (best == kNone ||
        symbol.end - symbol.begin <= facts->symbols[best].end - facts->symbols[best].begin) {
      best = s;
    }
  }
  if (best == kNone) return std::nullopt;
  Resolver resolver(view);
  return resolver.hit({path, facts, best, Confidence::certain});
}

}  // namespace engramd::repoindex
