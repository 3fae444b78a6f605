// repoindex/store/record.h - FileFacts as bytes and back; docs/formats/index-cache.md draws it.
//
// Decoding checks every bound: damage is an error of code corrupt, never a crash. Any thread.
//
//   record.cpp          parts together, payloads, seals
//   record_uses.cpp     occurrences
//   record_outline.cpp  symbols and imports
//   record_symbol.cpp   one symbol alone
//   record_imports.cpp  the imports alone
//   record_around.cpp   what the uses of one name need
//   frames.cpp          compression
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "repoindex/facts.h"
#include "repoindex/store/frames.h"

namespace engramd::repoindex {

// Raise it when the parts change: segments of other versions are then not read.
inline constexpr uint32_t kRecordVersion = 6;

// Facts in parts. A segment has a table of names already, so its records only number them; and the
// places stand apart because those of one name are read without the rest.
struct FactsParts {
  std::vector<std::string_view> names;  // sorted; views into the facts
  std::string numbers, texts, prose;  // outline: counts, symbols, imports; prose: signatures, docs
  std::string places, scopes;         // uses: occurrences
};
FactsParts split_facts(const FileFacts& facts);

// The parts as they stand in a record: three frames for the outline, two for the uses.
std::string packed_outline(const FactsParts& parts);
std::string packed_uses(const FactsParts& parts);
// names as they were split; the facts number their names in that order.
Result<FileFactsPtr> unpack_facts(std::vector<std::string> names, std::string_view outline,
                                  std::string_view uses);

struct NamePlace {
  uint32_t begin = 0, end = 0;
  LineColumn start_at, end_at;
  Role role = Role::reference;
  bool has_receiver = false;  // it stands behind a dot or the like
};
// The places of packed uses; error: corrupt.
Result<std::string> unpack_places(std::string_view uses);
// Those of one name, in order: visit(place) -> go on?  name is its number in FactsParts::names,
// whose lengths are name_sizes. Returns whether all was visited; damage ends it early.
bool visit_places(std::string_view places, uint32_t name, const std::vector<uint32_t>& name_sizes,
                  const std::function<bool(const NamePlace&)>& visit);

// One definition with its places, without the rest of the facts.
struct SymbolCard {
  Symbol symbol;  // its parent means nothing without the others
  LineColumn name_start, name_end, start, end;
  std::string container;  // enclosing definitions joined with '.', or empty
};
// places are unpacked; name_of(number) is a name by its number in FactsParts::names. Error:
// corrupt; not_found when there is no such symbol, or the file's lines are not known.
Result<SymbolCard> unpack_symbol(std::string_view outline, std::string_view places, uint32_t symbol,
                                 const std::vector<uint32_t>& name_sizes,
                                 const std::function<std::string_view(uint32_t)>& name_of);

// The imports and the language alone, without names, symbols and occurrences. n_names: of the
// record. Error: corrupt.
Result<FileFactsPtr> unpack_imports(std::string_view outline, size_t n_names,
                                    const std::function<std::string_view(uint32_t)>& name_of);

// Facts that are partial (see there): around the occurrences of the name of that number. places
// are unpacked. Error: corrupt; not_found when the file's lines are not known.
Result<FileFactsPtr> unpack_around(std::string_view outline, std::string_view uses,
                                   std::string_view places, uint32_t name,
                                   const std::vector<uint32_t>& name_sizes,
                                   const std::function<std::string_view(uint32_t)>& name_of);

// All parts and the names as one: what exchange files hold, one file's facts for themselves.
std::string facts_payload(const FileFacts& facts);
Result<FileFactsPtr> facts_of_payload(std::string_view payload);
// The same, sealed.
std::string encode_facts(const FileFacts& facts);
Result<FileFactsPtr> decode_facts(std::string_view record);

// Magic (4 bytes), checksum (8) and one zstd frame around a payload.
std::string seal(std::string_view magic, std::string_view payload);
Result<std::string> unseal(std::string_view magic, std::string_view record);

}  // namespace engramd::repoindex
