#include "repoindex/store/record.h"

#include <zstd.h>

#include <cstring>
#include <unordered_map>

#include "base/hash.h"

namespace engramd::repoindex {

namespace {

constexpr char kFactsMagic[4] = {'E', 'F', 'X', '1'};
constexpr char kStampsMagic[4] = {'E', 'S', 'T', '1'};
constexpr size_t kHeader = 4 + 8;             // magic, checksum of what follows
constexpr uint64_t kMaxPayload = 512u << 20;  // a record that claims more is damaged

class Writer {
 public:
  void number(uint64_t v) {
    while (v >= 0x80) {
      bytes_ += static_cast<char>(v | 0x80);
      v >>= 7;
    }
    bytes_ += static_cast<char>(v);
  }
  void signed_number(int64_t v) {
    number(static_cast<uint64_t>(v) << 1 ^ static_cast<uint64_t>(v >> 63));
  }
  void text(std::string_view s) {
    number(s.size());
    bytes_ += s;
  }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

// Reads past the end give zeros and turn ok() off; the caller looks once at the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  uint64_t number() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ >= bytes_.size()) break;
      auto b = static_cast<unsigned char>(bytes_[at_++]);
      v |= uint64_t{b & 0x7Fu} << shift;
      if ((b & 0x80) == 0) return v;
    }
    ok_ = false;
    return 0;
  }
  int64_t signed_number() {
    uint64_t v = number();
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
  }
  uint32_t u32() {
    uint64_t v = number();
    if (v > 0xFFFFFFFFu) ok_ = false;
    return static_cast<uint32_t>(v);
  }
  // A count of things that take at least min_bytes each.
  size_t count(size_t min_bytes) {
    uint64_t n = number();
    if (n > (bytes_.size() - at_) / min_bytes) {
      ok_ = false;
      return 0;
    }
    return static_cast<size_t>(n);
  }
  std::string_view text() {
    size_t n = count(1);
    std::string_view s = bytes_.substr(at_, n);
    at_ += n;
    return s;
  }
  bool ok() const { return ok_; }
  void damaged() { ok_ = false; }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

std::string seal(const char* magic, std::string_view payload) {
  Writer size;
  size.number(payload.size());
  std::string body = size.bytes();
  size_t head = body.size();
  body.resize(head + ZSTD_compressBound(payload.size()));
  size_t n =
      ZSTD_compress(body.data() + head, body.size() - head, payload.data(), payload.size(), 1);
  if (ZSTD_isError(n)) return {};
  body.resize(head + n);
  uint64_t sum = hash64(body);
  std::string record(magic, 4);
  for (int i = 0; i < 8; ++i) record += static_cast<char>(sum >> (8 * i));
  return record + body;
}

Result<std::string> open(const char* magic, std::string_view record) {
  if (record.size() < kHeader + 1 || std::memcmp(record.data(), magic, 4) != 0) {
    return fail(ErrorCode::corrupt, "the cache record has no valid header");
  }
  uint64_t sum = 0;
  for (int i = 0; i < 8; ++i) {
    sum |= uint64_t{static_cast<unsigned char>(record[4 + static_cast<size_t>(i)])} << (8 * i);
  }
  std::string_view body = record.substr(kHeader);
  if (hash64(body) != sum) {
    return fail(ErrorCode::corrupt, "the checksum of the cache record does not match");
  }
  uint64_t size = 0;
  size_t at = 0;
  for (int shift = 0; at < body.size() && shift < 64; shift += 7) {
    auto b = static_cast<unsigned char>(body[at++]);
    size |= uint64_t{b & 0x7Fu} << shift;
    if ((b & 0x80) == 0) break;
  }
  if (size > kMaxPayload) return fail(ErrorCode::corrupt, "the cache record claims to be too big");
  std::string payload(size, '\0');
  size_t n = ZSTD_decompress(payload.data(), payload.size(), body.data() + at, body.size() - at);
  if (ZSTD_isError(n) || n != size) {
    return fail(ErrorCode::corrupt, "the cache record cannot be decompressed");
  }
  return payload;
}

}  // namespace

std::string encode_facts(const FileFacts& facts) {
  Writer w;
  w.text(facts.language);
  w.number(facts.n_bytes);
  w.number(facts.n_lines);
  w.number((facts.has_errors ? 1u : 0u) | (facts.truncated ? 2u : 0u) |
           (facts.marked_generated ? 4u : 0u));
  w.number(facts.names.size());
  std::unordered_map<std::string_view, uint32_t> ids;
  ids.reserve(facts.names.size());
  for (uint32_t i = 0; i < facts.names.size(); ++i) {
    w.text(facts.names[i]);
    ids.emplace(facts.names[i], i);
  }
  // A string that is also a name is written as that name's number plus one.
  auto named = [&](const std::string& s) {
    auto it = ids.find(s);
    w.number(it == ids.end() ? 0 : it->second + 1);
    if (it == ids.end()) w.text(s);
  };
  w.number(facts.symbols.size());
  uint32_t before = 0;
  for (const Symbol& s : facts.symbols) {
    named(s.name);
    w.number(static_cast<uint8_t>(s.kind));
    w.number((s.local ? 1u : 0u) | (s.is_declaration ? 2u : 0u));
    w.signed_number(int64_t{s.begin} - before);
    before = s.begin;
    w.number(s.end - s.begin);
    w.signed_number(int64_t{s.name_begin} - s.begin);
    w.number(s.name_end - s.name_begin);
    w.number(s.parent == kNone ? 0 : uint64_t{s.parent} + 1);
    w.text(s.signature);
    w.text(s.doc);
    named(s.qualifier);
    named(s.type_name);
    w.number(s.bases.size());
    for (const std::string& base : s.bases) named(base);
  }
  w.number(facts.occurrences.size());
  before = 0;
  for (const Occurrence& o : facts.occurrences) {
    w.number(o.begin - before);
    before = o.begin;
    w.number(o.end - o.begin);
    w.number(o.name);
    w.number(static_cast<uint8_t>(o.role));
    w.number(o.scope == kNone ? 0 : uint64_t{o.scope} + 1);
    w.number(o.receiver == kNone ? 0 : uint64_t{o.receiver} + 1);
  }
  w.number(facts.imports.size());
  for (const Import& i : facts.imports) {
    w.text(i.target);
    w.text(i.name);
    w.text(i.alias);
    w.number(i.begin);
    w.number(i.end - i.begin);
    w.number(i.level);
  }
  return seal(kFactsMagic, w.bytes());
}

Result<FileFactsPtr> decode_facts(std::string_view record) {
  ENGRAMD_TRY(std::string payload, open(kFactsMagic, record));
  Reader r(payload);
  auto facts = std::make_shared<FileFacts>();
  facts->language = std::string(r.text());
  facts->n_bytes = r.u32();
  facts->n_lines = r.u32();
  uint64_t flags = r.number();
  facts->has_errors = (flags & 1) != 0;
  facts->truncated = (flags & 2) != 0;
  facts->marked_generated = (flags & 4) != 0;
  size_t n_names = r.count(1);
  facts->names.reserve(n_names);
  for (size_t i = 0; i < n_names; ++i) facts->names.emplace_back(r.text());
  auto named = [&]() -> std::string {
    uint64_t id = r.number();
    if (id == 0) return std::string(r.text());
    if (id > facts->names.size()) {
      r.damaged();
      return {};
    }
    return facts->names[id - 1];
  };
  size_t n_symbols = r.count(10);
  facts->symbols.resize(n_symbols);
  int64_t before = 0;
  for (size_t i = 0; i < n_symbols && r.ok(); ++i) {
    Symbol& s = facts->symbols[i];
    s.name = named();
    uint64_t kind = r.number();
    if (kind > static_cast<uint64_t>(SymbolKind::heading)) r.damaged();
    s.kind = static_cast<SymbolKind>(kind);
    uint64_t symbol_flags = r.number();
    s.local = (symbol_flags & 1) != 0;
    s.is_declaration = (symbol_flags & 2) != 0;
    int64_t begin = before + r.signed_number();
    before = begin;
    int64_t end = begin + static_cast<int64_t>(r.u32());
    int64_t name_begin = begin + r.signed_number();
    int64_t name_end = name_begin + static_cast<int64_t>(r.u32());
    if (begin < 0 || name_begin < 0 || end > facts->n_bytes || name_end > facts->n_bytes) {
      r.damaged();
    }
    s.begin = static_cast<uint32_t>(begin);
    s.end = static_cast<uint32_t>(end);
    s.name_begin = static_cast<uint32_t>(name_begin);
    s.name_end = static_cast<uint32_t>(name_end);
    uint64_t parent = r.number();
    if (parent > i) r.damaged();  // a parent comes before its children
    s.parent = parent == 0 ? kNone : static_cast<uint32_t>(parent - 1);
    s.signature = std::string(r.text());
    s.doc = std::string(r.text());
    s.qualifier = named();
    s.type_name = named();
    size_t n_bases = r.count(1);
    for (size_t b = 0; b < n_bases && r.ok(); ++b) s.bases.push_back(named());
  }
  size_t n_occurrences = r.count(6);
  facts->occurrences.resize(n_occurrences);
  uint64_t at = 0;
  for (Occurrence& o : facts->occurrences) {
    at += r.number();
    uint64_t end = at + r.u32();
    o.begin = static_cast<uint32_t>(at);
    o.end = static_cast<uint32_t>(end);
    o.name = r.u32();
    uint64_t role = r.number();
    uint64_t scope = r.number(), receiver = r.number();
    if (at > facts->n_bytes || end > facts->n_bytes || o.name >= n_names ||
        role > static_cast<uint64_t>(Role::write) || scope > n_symbols || receiver > n_names) {
      r.damaged();
      break;
    }
    o.role = static_cast<Role>(role);
    o.scope = scope == 0 ? kNone : static_cast<uint32_t>(scope - 1);
    o.receiver = receiver == 0 ? kNone : static_cast<uint32_t>(receiver - 1);
  }
  size_t n_imports = r.count(6);
  for (size_t i = 0; i < n_imports && r.ok(); ++i) {
    Import import;
    import.target = std::string(r.text());
    import.name = std::string(r.text());
    import.alias = std::string(r.text());
    import.begin = r.u32();
    import.end = import.begin + r.u32();
    import.level = r.u32();
    facts->imports.push_back(std::move(import));
  }
  if (!r.ok() || !r.at_end()) {
    return fail(ErrorCode::corrupt, "the cache record's content is out of bounds");
  }
  return FileFactsPtr(std::move(facts));
}

std::string encode_stamps(const std::vector<FileStamp>& stamps) {
  Writer w;
  w.number(stamps.size());
  for (const FileStamp& s : stamps) {
    w.text(s.path);
    w.number(s.n_bytes);
    w.signed_number(s.mtime_ns);
    w.number(s.inode);
    w.text(s.blob_id);
    w.number(s.is_binary ? 1 : 0);
  }
  return seal(kStampsMagic, w.bytes());
}

Result<std::vector<FileStamp>> decode_stamps(std::string_view record) {
  ENGRAMD_TRY(std::string payload, open(kStampsMagic, record));
  Reader r(payload);
  std::vector<FileStamp> stamps(r.count(6));
  for (FileStamp& s : stamps) {
    s.path = std::string(r.text());
    s.n_bytes = r.number();
    s.mtime_ns = r.signed_number();
    s.inode = r.number();
    s.blob_id = std::string(r.text());
    s.is_binary = r.number() != 0;
  }
  if (!r.ok() || !r.at_end()) {
    return fail(ErrorCode::corrupt, "the cache record's content is out of bounds");
  }
  return stamps;
}

}  // namespace engramd::repoindex
