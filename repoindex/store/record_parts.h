// repoindex/store/record_parts.h - what the files of record.h share. Only they include it.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "repoindex/facts.h"
#include "repoindex/store/bytes.h"
#include "repoindex/store/record.h"

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
// False when they cannot be. The bytes of signatures and docs are left empty.
bool read_columns(ByteReader& numbers, std::string_view texts, OutlineColumns* columns);
bool read_prose(std::string_view prose, OutlineColumns* columns);

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

// Of the role byte of a place: bits 3 and 4.
constexpr uint8_t kNoReceiver = 0, kNameBefore = 1, kOtherReceiver = 2;

// The symbol that an occurrence is probably inside: the last one that begins before it, or around
// that. Only a guess, but the same one when writing and reading, whichever occurrences are asked
// about; these come by their begin.
class ScopeGuess {
 public:
  explicit ScopeGuess(const std::vector<Symbol>& symbols) : symbols_(symbols) {
    auto before = [&](const Symbol& a, const Symbol& b) { return a.begin < b.begin; };
    if (std::is_sorted(symbols.begin(), symbols.end(), before)) return;
    order_.resize(symbols.size());
    for (uint32_t i = 0; i < order_.size(); ++i) order_[i] = i;
    std::stable_sort(order_.begin(), order_.end(),
                     [&](uint32_t a, uint32_t b) { return before(symbols[a], symbols[b]); });
  }
  uint32_t of(uint32_t begin, uint32_t end) {
    while (next_ < symbols_.size() && symbols_[nth(next_)].begin <= begin) ++next_;
    uint32_t scope = next_ == 0 ? kNone : nth(next_ - 1);
    for (int i = 0; i < kMaxClimb && scope != kNone && symbols_[scope].end < end; ++i) {
      scope = symbols_[scope].parent;
    }
    return scope;
  }

 private:
  uint32_t nth(size_t i) const { return order_.empty() ? static_cast<uint32_t>(i) : order_[i]; }
  const std::vector<Symbol>& symbols_;
  std::vector<uint32_t> order_;  // by begin; empty: they stand so
  size_t next_ = 0;
};
// record_uses.cpp. others: of the scopes that no climbing leads to, at the one of this occurrence.
bool read_scope(uint8_t climbs, ByteReader& others, const std::vector<Symbol>& symbols,
                ScopeGuess& guess, Occurrence* o);

// record_imports.cpp. Needs n_bytes.
bool read_imports(const OutlineColumns& columns, size_t n_names,
                  const std::function<std::string_view(uint32_t)>& name_of, FileFacts& facts);

// record_outline.cpp. ids: of the names.
void outline_of(const FileFacts& facts, const std::unordered_map<std::string_view, uint32_t>& ids,
                FactsParts* out);
// Language, counts and flags: what read_places needs before the rest can be read.
bool read_head(ByteReader& numbers, FileFacts& facts, bool* has_lines);
// Needs names and occurrences, and facts.lines of these. Puts its own lines into lines.
bool read_outline(ByteReader& numbers, std::string_view texts, std::string_view prose,
                  FileFacts& facts, std::vector<LineMap::Line>* lines);

}  // namespace engramd::repoindex
