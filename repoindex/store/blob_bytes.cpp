#include "repoindex/store/blob_bytes.h"

#include <algorithm>

#include "repoindex/store/bytes.h"
#include "repoindex/store/record.h"

namespace engramd::repoindex {

namespace {

constexpr uint8_t kHasErrors = 1, kTruncated = 2, kMarkedGenerated = 4, kIsAscii = 8;  // of a blob
constexpr uint64_t kOccurs = 1, kDefines = 2;                                          // of a term
constexpr uint8_t kDeclaration = 0x20, kTopLevel = 0x40, kHasOwner = 0x80,
                  kKind = 0x1F;  // of a definition

Error out_of_bounds() {
  return {ErrorCode::corrupt, "the encoded facts are out of bounds"};
}

// The names come first and rise, the others follow in no order; none comes twice, for a segment's
// lists hold a doc once.
bool names_are_distinct(const EncodedBlob& blob) {
  for (uint32_t t = 1; t < blob.n_names; ++t) {
    if (blob.name_of(blob.terms[t - 1]) >= blob.name_of(blob.terms[t])) return false;
  }
  std::vector<std::string_view> others;
  for (size_t t = blob.n_names; t < blob.terms.size(); ++t) {
    std::string_view name = blob.name_of(blob.terms[t]);
    auto begin = blob.terms.begin(), end = begin + blob.n_names;
    auto at = std::lower_bound(begin, end, name, [&](const EncodedBlob::Term& term, auto other) {
      return blob.name_of(term) < other;
    });
    if (at != end && blob.name_of(*at) == name) return false;
    others.push_back(name);
  }
  std::sort(others.begin(), others.end());
  return std::adjacent_find(others.begin(), others.end()) == others.end();
}

}  // namespace

std::string bytes_of_blob(const EncodedBlob& blob) {
  // Named one by one, so that a new member does not compile until it travels too.
  const auto& [blob_id, language, n_bytes, n_lines, n_symbols, n_occurrences, has_errors, truncated,
               marked_generated, is_ascii, outline, uses, pool, terms, n_names] = blob;
  std::string out;
  out.reserve(outline.size() + uses.size() + pool.size() + 4 * terms.size() + 8 * n_symbols + 64);
  put_varint(out, n_bytes);
  put_varint(out, n_lines);
  put_varint(out, n_symbols);
  put_varint(out, n_occurrences);
  out += static_cast<char>((has_errors ? kHasErrors : 0) | (truncated ? kTruncated : 0) |
                           (marked_generated ? kMarkedGenerated : 0) | (is_ascii ? kIsAscii : 0));
  put_text(out, outline);
  put_text(out, uses);
  put_text(out, pool);
  put_varint(out, n_names);
  put_varint(out, terms.size());
  uint32_t next = 0;
  for (const EncodedBlob::Term& term : terms) {
    put_varint(out, zigzag(int64_t{term.name} - next));  // names follow each other in the pool
    next = term.name + term.name_size;
    put_varint(out, uint64_t{term.name_size} << 2 | (term.occurs ? kOccurs : 0) |
                        (term.definitions.empty() ? 0 : kDefines));
    if (term.definitions.empty()) continue;
    put_varint(out, term.definitions.size());
    for (const EncodedBlob::Definition& d : term.definitions) {
      put_varint(out, d.symbol);
      put_varint(out, d.container == kNone ? 0 : uint64_t{d.container} + 1);
      out +=
          static_cast<char>(static_cast<uint8_t>(d.kind) | (d.is_declaration ? kDeclaration : 0) |
                            (d.is_top_level ? kTopLevel : 0) | (d.has_owner ? kHasOwner : 0));
    }
  }
  return out;
}

Result<EncodedBlob> blob_of_bytes(std::string_view bytes, std::string blob_id, std::string language,
                                  size_t n_bytes) {
  ByteReader r(bytes);
  EncodedBlob out;
  out.blob_id = std::move(blob_id);
  out.language = std::move(language);
  out.n_bytes = r.u32();
  out.n_lines = r.u32();
  out.n_symbols = r.u32();
  out.n_occurrences = r.u32();
  uint8_t flags = r.byte();
  out.has_errors = (flags & kHasErrors) != 0;
  out.truncated = (flags & kTruncated) != 0;
  out.marked_generated = (flags & kMarkedGenerated) != 0;
  out.is_ascii = (flags & kIsAscii) != 0;
  out.outline = std::string(r.text());
  out.uses = std::string(r.text());
  out.pool = std::string(r.text());
  out.n_names = r.u32();
  if (!r.ok() || out.n_bytes != n_bytes || out.n_lines > n_bytes + 1) return fail(out_of_bounds());
  out.terms.resize(r.count(2));
  uint64_t next = 0;
  for (EncodedBlob::Term& term : out.terms) {
    uint64_t begin = next + static_cast<uint64_t>(r.signed_number());
    uint64_t size_and_flags = r.number(), size = size_and_flags >> 2;
    if (!r.ok() || begin > out.pool.size() || size > out.pool.size() - begin) {
      return fail(out_of_bounds());
    }
    term.name = static_cast<uint32_t>(begin);
    term.name_size = static_cast<uint32_t>(size);
    next = begin + size;
    term.occurs = (size_and_flags & kOccurs) != 0;
    if ((size_and_flags & kDefines) == 0) continue;
    term.definitions.resize(r.count(3));
    for (EncodedBlob::Definition& d : term.definitions) {
      d.symbol = r.u32();
      uint64_t container = r.number();
      uint8_t bits = r.byte();
      if (!r.ok() || d.symbol >= out.n_symbols || container > out.terms.size() ||
          (bits & kKind) > static_cast<uint8_t>(SymbolKind::heading)) {
        return fail(out_of_bounds());
      }
      d.container = container == 0 ? kNone : static_cast<uint32_t>(container - 1);
      d.kind = static_cast<SymbolKind>(bits & kKind);
      d.is_declaration = (bits & kDeclaration) != 0;
      d.is_top_level = (bits & kTopLevel) != 0;
      d.has_owner = (bits & kHasOwner) != 0;
    }
  }
  if (!r.ok() || !r.at_end() || out.n_names > out.terms.size() || !names_are_distinct(out)) {
    return fail(out_of_bounds());
  }
  return out;
}

Result<FileFactsPtr> facts_of_blob(const EncodedBlob& blob) {
  if (blob.outline.empty() && blob.n_symbols == 0 && blob.n_occurrences == 0) {
    auto facts = std::make_shared<FileFacts>();
    facts->language = blob.language;
    facts->n_bytes = blob.n_bytes;
    facts->n_lines = blob.n_lines;
    facts->has_errors = blob.has_errors;
    facts->truncated = blob.truncated;
    facts->marked_generated = blob.marked_generated;
    facts->is_ascii = blob.is_ascii;
    return FileFactsPtr(std::move(facts));
  }
  std::vector<std::string> names;
  names.reserve(blob.n_names);
  for (uint32_t t = 0; t < blob.n_names; ++t) names.emplace_back(blob.name_of(blob.terms[t]));
  ENGRAMD_TRY(FileFactsPtr facts, unpack_facts(std::move(names), blob.outline, blob.uses));
  if (facts->n_bytes != blob.n_bytes || facts->symbols.size() != blob.n_symbols ||
      facts->occurrences.size() != blob.n_occurrences || facts->language != blob.language) {
    return fail(ErrorCode::corrupt, "the record and its summary disagree");
  }
  return facts;
}

}  // namespace engramd::repoindex
