// repoindex/store/postings.h - the two lists that a segment keeps for a name: the docs it occurs in
// and its definitions.
//
//   docs:        (gap)...  to the end
//   definitions: n | (doc gap, symbol, kind and flags, container)...
//
// Docs are numbers inside the segment, rising. The places in a doc are read from its record: a
// second copy of them here made the index a fifth bigger and saved some 5 us a doc. Reading stops
// at the first number that cannot be. Plain values: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "repoindex/facts.h"
#include "repoindex/store/bytes.h"

namespace engramd::repoindex {

constexpr uint8_t kKindBits = 0x1F, kIsDeclaration = 0x20, kIsTopLevel = 0x40, kHasOwner = 0x80;

// Collects the docs of one name, rising.
class DocsWriter {
 public:
  void add(uint32_t doc) {
    put_varint(bytes_, doc - next_);
    next_ = doc + 1;
  }
  bool empty() const { return bytes_.empty(); }
  void finish(std::string& out) {
    out += bytes_;
    bytes_.clear();
    next_ = 0;
  }

 private:
  std::string bytes_;
  uint32_t next_ = 0;
};

// visit(doc) -> go on?  Returns whether all was visited.
template <class Visit>
bool visit_docs(std::string_view docs, Visit visit) {
  ByteReader r(docs);
  uint64_t next = 0;
  while (!r.at_end()) {
    uint64_t doc = next + r.u32();
    if (!r.ok() || doc >= kNone) return true;
    next = doc + 1;
    if (!visit(static_cast<uint32_t>(doc))) return false;
  }
  return true;
}

struct DefinitionPosting {
  uint32_t doc = 0, symbol = 0;
  uint32_t container = kNone;  // a name's number in the segment
  SymbolKind kind = SymbolKind::variable;
  bool is_declaration = false, is_top_level = false;
  bool has_owner = false;  // a qualifier, or a class right around it
};

// Collects the definitions of one name; docs do not fall.
class DefinitionsWriter {
 public:
  void add(const DefinitionPosting& d) {
    put_varint(bytes_, d.doc - last_);
    last_ = d.doc;
    put_varint(bytes_, d.symbol);
    bytes_ +=
        static_cast<char>(static_cast<uint8_t>(d.kind) | (d.is_declaration ? kIsDeclaration : 0) |
                          (d.is_top_level ? kIsTopLevel : 0) | (d.has_owner ? kHasOwner : 0));
    put_varint(bytes_, d.container == kNone ? 0 : uint64_t{d.container} + 1);
    ++n_;
  }
  bool empty() const { return n_ == 0; }
  void finish(std::string& out) {
    if (n_ == 0) return;
    put_varint(out, n_);
    out += bytes_;
    bytes_.clear();
    n_ = last_ = 0;
  }

 private:
  std::string bytes_;
  uint32_t n_ = 0, last_ = 0;
};

// visit(const DefinitionPosting&) -> go on?
template <class Visit>
bool visit_definitions(std::string_view definitions, Visit visit) {
  if (definitions.empty()) return true;
  ByteReader r(definitions);
  uint64_t doc = 0;
  for (uint32_t n = r.u32(); n > 0; --n) {
    DefinitionPosting d;
    doc += r.u32();
    d.symbol = r.u32();
    uint8_t bits = r.byte();
    uint64_t container = r.number();
    if (!r.ok() || doc >= kNone || container >= kNone ||
        (bits & kKindBits) > static_cast<uint8_t>(SymbolKind::heading)) {
      return true;
    }
    d.doc = static_cast<uint32_t>(doc);
    d.container = container == 0 ? kNone : static_cast<uint32_t>(container - 1);
    d.kind = static_cast<SymbolKind>(bits & kKindBits);
    d.is_declaration = (bits & kIsDeclaration) != 0;
    d.is_top_level = (bits & kIsTopLevel) != 0;
    d.has_owner = (bits & kHasOwner) != 0;
    if (!visit(static_cast<const DefinitionPosting&>(d))) return false;
  }
  return true;
}

}  // namespace engramd::repoindex
