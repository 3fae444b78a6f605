// repoindex/store/record.h - FileFacts as bytes and back; docs/formats/index-cache.md draws it.
//
// Decoding checks every bound: damage is an error of code corrupt, never a crash. Any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "repoindex/facts.h"

namespace engramd::repoindex {

// Raise it when the parts change: segments of other versions are then not read.
inline constexpr uint32_t kRecordVersion = 3;

// Facts in three parts. A segment has a table of names already, so its records only number them;
// and the uses stand apart because the places of a name are read without the rest.
struct FactsParts {
  std::vector<std::string_view> names;  // sorted; views into the facts
  std::string outline;                  // counts, symbols, imports
  std::string uses;                     // occurrences
};
FactsParts split_facts(const FileFacts& facts);
// names as they were split; the facts number their names in that order.
Result<FileFactsPtr> join_facts(std::vector<std::string> names, std::string_view outline,
                                std::string_view uses);

// The places of one name in uses, in order: visit(begin, end, role) -> go on?  name is its number
// in FactsParts::names. Returns whether all was visited; damage ends it early.
bool visit_places(std::string_view uses, uint32_t name, size_t name_size,
                  const std::function<bool(uint32_t begin, uint32_t end, Role role)>& visit);

// One zstd frame. Decompressing never takes more memory than a file's facts can need.
std::string compress(std::string_view bytes);
Status decompress(std::string_view frame, std::string* out);

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
