// repoindex/store/record_parts.h - what the files of record.h share. Only they include it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "repoindex/facts.h"
#include "repoindex/store/bytes.h"

namespace engramd::repoindex {

// Texts in one column for their lengths and one for their bytes: like goes with like, which is
// what a compressor wants.
struct TextColumn {
  std::string lengths, bytes;
  void add(std::string_view s) {
    put_varint(lengths, s.size());
    bytes += s;
  }
};

class TextColumnReader {
 public:
  TextColumnReader(std::string_view lengths, std::string_view bytes)
      : lengths_(lengths), bytes_(bytes) {}
  std::string_view next() { return bytes_.bytes(lengths_.number()); }
  bool ok() const { return lengths_.ok() && bytes_.ok() && lengths_.at_end() && bytes_.at_end(); }

 private:
  ByteReader lengths_, bytes_;
};

// By start, each once.
void sort_lines(std::vector<LineMap::Line>* lines);

// record_uses.cpp. new_number: of facts.names.
std::string places_of(const FileFacts& facts, const std::vector<uint32_t>& new_number);
std::string scopes_of(const FileFacts& facts, const std::vector<uint32_t>& new_number);
// Needs names, n_bytes. lines: those that a name begins or ends on, rising and sound. receivers:
// per occurrence what places say of it, for read_scopes.
bool read_places(std::string_view bytes, FileFacts& facts, std::vector<LineMap::Line>* lines,
                 std::vector<uint8_t>* receivers);
// Needs names, occurrences and symbols.
bool read_scopes(std::string_view bytes, const std::vector<uint8_t>& receivers, FileFacts& facts);

// record_outline.cpp. ids: of the names.
void outline_of(const FileFacts& facts, const std::unordered_map<std::string_view, uint32_t>& ids,
                std::string* numbers, std::string* texts);
// Language, counts and flags: what read_places needs before the rest can be read.
bool read_head(ByteReader& numbers, FileFacts& facts, bool* has_lines);
// Needs names and occurrences, and facts.lines of these. Puts its own lines into lines.
bool read_outline(ByteReader& numbers, std::string_view texts, FileFacts& facts,
                  std::vector<LineMap::Line>* lines);

}  // namespace engramd::repoindex
