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

// Columns of the outline as they stand in numbers, after the head and the two counts.
struct OutlineColumns {
  size_t n_symbols = 0, n_imports = 0, n_errors = 0;
  std::string_view at, symbol_names, kinds, own_places, before, lengths, begin_lines, end_lines,
      parents, qualifiers, types, n_bases, bases, other_lengths, signature_lengths, doc_lengths,
      imported, import_lengths, import_places, error_lengths, error_places;
  std::string_view other_bytes, signature_bytes, doc_bytes, import_bytes, error_bytes;
};
// False when they cannot be.
bool read_columns(ByteReader& numbers, std::string_view texts, OutlineColumns* columns);

// Of the byte for a symbol's kind.
constexpr uint8_t kKindMask = 0x1F, kLocal = 0x20, kDeclaration = 0x40, kInsideOnly = 0x80;
// How far up guesses about what is around something look.
constexpr int kMaxClimb = 64;

// The innermost of the symbol before and those around it that contains the range: mostly the
// parent of what comes next. Of anything with begin, end and parent.
template <class AnySymbol>
uint32_t likely_parent(const std::vector<AnySymbol>& symbols, uint32_t symbol, uint32_t begin,
                       uint32_t end) {
  uint32_t parent = symbol == 0 ? kNone : symbol - 1;
  for (int i = 0; i < kMaxClimb && parent != kNone &&
                  (symbols[parent].begin > begin || symbols[parent].end < end);
       ++i) {
    parent = symbols[parent].parent;
  }
  return parent;
}

// record_outline.cpp. ids: of the names.
void outline_of(const FileFacts& facts, const std::unordered_map<std::string_view, uint32_t>& ids,
                std::string* numbers, std::string* texts);
// Language, counts and flags: what read_places needs before the rest can be read.
bool read_head(ByteReader& numbers, FileFacts& facts, bool* has_lines);
// Needs names and occurrences, and facts.lines of these. Puts its own lines into lines.
bool read_outline(ByteReader& numbers, std::string_view texts, FileFacts& facts,
                  std::vector<LineMap::Line>* lines);

}  // namespace engramd::repoindex
