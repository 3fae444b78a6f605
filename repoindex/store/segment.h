// repoindex/store/segment.h - the facts of many blobs in one immutable file: records, names,
// postings. docs/formats/index-cache.md draws it.
//
// A segment is mapped when it came from a file, owned when it was made in memory; readers cannot
// tell. Nothing in it points outside it, names and docs have numbers of their own, so segments can
// be written, shared between processes, merged and dropped without touching others. All but the
// records (which have checksums of their own) is checked against its checksum when it is opened,
// and every number is checked again when it is used: damage is an error or a missing answer.
// Immutable: any thread.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "repoindex/facts.h"
#include "repoindex/store/bytes.h"
#include "repoindex/store/summary.h"

namespace engramd::repoindex {

class Segment;
struct NamePlace;   // store/record.h
struct SymbolCard;  // store/record.h
using SegmentPtr = std::shared_ptr<const Segment>;

enum class Section : uint8_t {
  docs,
  keys,
  languages,
  blocks,
  names,
  occurs_in,
  definitions,
  records
};
constexpr size_t kNSections = 8;
std::string_view to_string(Section section);

// What segments of this program carry: grammar, extractor and format versions as one number.
uint64_t segment_pin();
uint32_t segment_format_version();

constexpr std::string_view kSegmentMagic = "ENGRSEG3";
constexpr size_t kSegmentHeader = 64 + kNSections * 24;
constexpr size_t kDocRow = 32;  // and the blob id
constexpr size_t kKeyRow = 12;
constexpr size_t kBlockRow = 12;
constexpr size_t kNamesInBlock = 16;

struct NamePostings {
  uint32_t name = kNone;  // its number
  std::string_view docs, definitions;
};

// What a segment holds of one doc's facts, checked against its checksum.
struct Record {
  // Numbers of the doc's names that occur nowhere in it (receivers that are calls, for one), as
  // gaps, rising. Those that occur are known from the postings.
  std::string_view other_names;
  std::string_view outline, uses;  // packed
};

// Goes over the names of a segment in their order, from a block on.
class NameCursor {
 public:
  NameCursor(const Segment& segment, uint32_t block);
  // False at the end or at damage.
  bool next();
  const std::string& name() const { return name_; }
  const NamePostings& postings() const { return postings_; }

 private:
  const Segment* segment_;
  std::string name_;
  NamePostings postings_;
  ByteReader names_;
  uint64_t docs_at_ = 0, definitions_at_ = 0;
  uint32_t next_;
};

// The names that have definitions, for a scan: made when the first fuzzy question comes.
struct DefinedNames {
  std::vector<uint32_t> numbers;
  std::vector<uint64_t> letters;
  std::vector<std::string_view> definitions;
};

// All names of a segment side by side, and for each doc those that occur in it: made when facts or
// places are first asked for. Some 30 bytes a name and 4 for each doc that it occurs in.
struct NameTable {
  std::string bytes;
  std::vector<uint32_t> begins;                 // of a name in bytes, and one past the end
  std::vector<uint32_t> doc_begins, doc_names;  // rising for each doc
};

class Segment {
 public:
  // Maps the file. Error: corrupt, or unsupported when another version of the program wrote it.
  static Result<SegmentPtr> open(const std::filesystem::path& path);
  static Result<SegmentPtr> from_bytes(std::string bytes);
  ~Segment();
  Segment(const Segment&) = delete;

  uint64_t serial() const { return serial_; }                  // unique in the process
  const std::filesystem::path& path() const { return path_; }  // empty: in memory
  uint64_t n_bytes() const { return bytes_.size(); }
  uint64_t section_bytes(Section section) const { return view(section).size(); }
  std::string_view bytes() const { return bytes_; }
  uint32_t n_docs() const { return n_docs_; }
  uint32_t n_names() const { return n_names_; }

  // The doc of a blob, or kNone.
  uint32_t find_doc(std::string_view blob_id, std::string_view language) const;
  FileSummary summary(uint32_t doc) const;
  std::string blob_id(uint32_t doc) const;
  uint16_t used_day(uint32_t doc) const;
  // Nothing when it is damaged, and damaged() says so from then on; empty parts for a doc whose
  // summary says it all.
  std::optional<Record> record(uint32_t doc) const;
  Result<FileFactsPtr> facts(uint32_t doc) const;
  // The language and the imports of a doc alone: a fraction of its facts.
  Result<FileFactsPtr> imports(uint32_t doc) const;
  // What the uses of a name of this segment need of a doc: FileFacts::partial.
  Result<FileFactsPtr> facts_around(uint32_t doc, std::string_view places, uint32_t name) const;
  // One of the facts' symbols by itself, for a fraction of what all of them cost.
  Result<SymbolCard> symbol(uint32_t doc, std::string_view places, uint32_t symbol) const;
  // Where all names of a doc stand, for the two functions around this; see FactsLru.
  Result<std::string> places(uint32_t doc) const;
  // Those of a name of this segment, in order: visit(place) -> go on?
  bool visit_name(uint32_t doc, std::string_view places, uint32_t name,
                  const std::function<bool(const NamePlace&)>& visit) const;
  // Numbers of the names of a doc, rising; damage ends them early.
  void doc_names(uint32_t doc, const Record& record, std::vector<uint32_t>* out) const;
  bool damaged() const { return damaged_.load(std::memory_order_relaxed); }

  NamePostings find_name(std::string_view name) const;
  std::string name(uint32_t number) const;
  std::string_view name_view(uint32_t number) const;  // by the table; empty when there is none
  const DefinedNames& defined_names() const;

 private:
  friend class NameCursor;
  Segment() = default;
  const NameTable& name_table() const;
  Status check();
  std::string_view view(Section section) const { return sections_[static_cast<size_t>(section)]; }
  std::string_view row(uint32_t doc) const;

  std::filesystem::path path_;
  std::string owned_;
  void* mapped_ = nullptr;
  size_t mapped_size_ = 0;
  std::string_view bytes_;
  std::string_view sections_[kNSections];
  uint32_t n_docs_ = 0, n_names_ = 0, blob_bytes_ = 0;
  std::vector<std::string_view> languages_;
  uint64_t serial_ = 0;
  mutable std::atomic<bool> damaged_{false};
  mutable std::once_flag defined_names_once_, name_table_once_;
  mutable DefinedNames defined_names_;
  mutable NameTable name_table_;
};

// "0a1f" as bytes, and nothing when it is not pairs of hex digits.
std::optional<std::string> bytes_of_hex(std::string_view hex);
uint32_t record_check(std::string_view record);
uint64_t doc_key(std::string_view blob_bytes, std::string_view language);

// Days since 1970: how long a blob has not been used is counted in days.
uint16_t today();

}  // namespace engramd::repoindex
