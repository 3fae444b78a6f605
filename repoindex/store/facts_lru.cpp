#include "repoindex/store/facts_lru.h"

namespace engramd::repoindex {

namespace {
// What the facts take in memory, near enough.
size_t bytes_of(const FileFacts& facts) {
  size_t n = sizeof facts + facts.names.size() * (sizeof(std::string) + 8) +
             facts.occurrences.size() * sizeof(Occurrence) +
             facts.imports.size() * (sizeof(Import) + 32) +
             facts.lines.n_lines() * sizeof(LineMap::Line);
  for (const Symbol& s : facts.symbols) n += sizeof s + s.signature.size() + s.doc.size() + 16;
  return n;
}
}  // namespace

FileFactsPtr FactsLru::get(const Segment& segment, uint32_t doc) {
  const Key key{segment.serial(), doc};
  if (FileFactsPtr known = facts_.find(key)) return known;
  auto decoded = segment.facts(doc);
  if (!decoded) return nullptr;
  return facts_.add(key, *decoded, bytes_of(**decoded));
}

PlacesPtr FactsLru::places(const Segment& segment, uint32_t doc) {
  const Key key{segment.serial(), doc};
  if (PlacesPtr known = places_.find(key)) return known;
  auto decoded = segment.places(doc);
  if (!decoded) return nullptr;
  size_t n_bytes = decoded->size() + 128;
  return places_.add(key, std::make_shared<const std::string>(std::move(*decoded)), n_bytes);
}

FileFactsPtr FactsLru::imports(const Segment& segment, uint32_t doc) {
  const Key key{segment.serial(), doc};
  if (FileFactsPtr known = imports_.find(key)) return known;
  auto decoded = segment.imports(doc);
  if (!decoded) return nullptr;
  return imports_.add(key, *decoded, bytes_of(**decoded));
}

}  // namespace engramd::repoindex
