#include "repoindex/store/segment.h"

#include <fcntl.h>
#include <grammar_pin.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "base/hash.h"
#include "repoindex/parse/extract.h"
#include "repoindex/snapshot.h"
#include "repoindex/store/postings.h"
#include "repoindex/store/record.h"

namespace engramd::repoindex {

namespace {

constexpr uint32_t kFormatVersion = 4;
constexpr uint64_t kMaxSegmentBytes = 0xFFFFFFFFu;

uint64_t next_serial() {
  static std::atomic<uint64_t> counter{1};
  return counter++;
}

}  // namespace

std::string_view to_string(Section section) {
  constexpr std::string_view kNames[] = {"docs",  "keys",      "languages",   "blocks",
                                         "names", "occurs in", "definitions", "records"};
  return kNames[static_cast<size_t>(section)];
}

uint64_t segment_pin() {
  return hash64(std::string(ENGRAMD_GRAMMAR_PIN) + ":" + std::to_string(kExtractorVersion) + ":" +
                    std::to_string(kRecordVersion) + ":" + std::to_string(kFormatVersion),
                dictionaries_pin());
}

uint32_t segment_format_version() {
  return kFormatVersion;
}

uint16_t today() {
  return static_cast<uint16_t>(std::time(nullptr) / 86400);
}

std::optional<std::string> bytes_of_hex(std::string_view hex) {
  if (hex.empty() || hex.size() % 2 != 0 || hex.size() > 128) return std::nullopt;
  std::string out;
  int high = -1;
  for (char c : hex) {
    int digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else {
      return std::nullopt;
    }
    if (high < 0) {
      high = digit;
    } else {
      out += static_cast<char>(high << 4 | digit);
      high = -1;
    }
  }
  return out;
}

uint32_t record_check(std::string_view record) {
  return static_cast<uint32_t>(hash64(record));
}

uint64_t doc_key(std::string_view blob_bytes, std::string_view language) {
  return hash64(blob_bytes, hash64(language));
}

Segment::~Segment() {
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_size_);
}

Result<SegmentPtr> Segment::open(const std::filesystem::path& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(errno_error("cannot open " + path.string(), errno));
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return fail(ErrorCode::io, path.string() + " is not a regular file");
  }
  auto size = static_cast<uint64_t>(info.st_size);
  if (size < kSegmentHeader || size > kMaxSegmentBytes) {
    ::close(fd);
    return fail(ErrorCode::corrupt,
                path.string() + " has " + std::to_string(size) + " bytes, which no segment has");
  }
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  int error = errno;
  ::close(fd);
  if (mapped == MAP_FAILED) return fail(errno_error("cannot map " + path.string(), error));
  std::shared_ptr<Segment> segment(new Segment);
  segment->path_ = path;
  segment->mapped_ = mapped;
  segment->mapped_size_ = size;
  segment->bytes_ = {static_cast<const char*>(mapped), size};
  if (Status good = segment->check(); !good) return fail(good.error().with(path.string()));
  // What the checksums made resident is given back; questions bring in what they need.
  ::madvise(mapped, size, MADV_DONTNEED);
  return SegmentPtr(std::move(segment));
}

Result<SegmentPtr> Segment::from_bytes(std::string bytes) {
  std::shared_ptr<Segment> segment(new Segment);
  segment->owned_ = std::move(bytes);
  segment->bytes_ = segment->owned_;
  ENGRAMD_CHECK(segment->check());
  return SegmentPtr(std::move(segment));
}

Status Segment::check() {
  auto corrupt = [](const char* what) {
    return fail(ErrorCode::corrupt, std::string("not a sound segment: ") + what);
  };
  if (bytes_.size() < kSegmentHeader || bytes_.substr(0, 8) != kSegmentMagic) {
    return corrupt("no header");
  }
  const char* at = bytes_.data();
  std::string header(bytes_.substr(0, kSegmentHeader));
  uint64_t sum = get_fixed<uint64_t>(at + 48);
  std::fill(header.begin() + 48, header.begin() + 56, '\0');
  if (hash64(header) != sum) return corrupt("the header's checksum does not match");
  if (get_fixed<uint32_t>(at + 8) != kFormatVersion ||
      get_fixed<uint64_t>(at + 24) != segment_pin()) {
    return fail(ErrorCode::unsupported, "a segment of another version");
  }
  n_docs_ = get_fixed<uint32_t>(at + 12);
  n_names_ = get_fixed<uint32_t>(at + 16);
  blob_bytes_ = get_fixed<uint32_t>(at + 20);
  if (get_fixed<uint64_t>(at + 32) != bytes_.size()) return corrupt("the file is cut or longer");
  for (size_t s = 0; s < kNSections; ++s) {
    const char* entry = at + 64 + s * 24;
    auto begin = get_fixed<uint64_t>(entry), size = get_fixed<uint64_t>(entry + 8);
    if (begin < kSegmentHeader || begin > bytes_.size() || size > bytes_.size() - begin) {
      return corrupt("a section is outside the file");
    }
    sections_[s] = bytes_.substr(begin, size);
    if (static_cast<Section>(s) == Section::records) continue;
    if (hash64(sections_[s]) != get_fixed<uint64_t>(entry + 16)) {
      return corrupt("the checksum of a section does not match");
    }
  }
  if (blob_bytes_ > 64 || view(Section::docs).size() != n_docs_ * uint64_t{kDocRow + blob_bytes_} ||
      view(Section::keys).size() != n_docs_ * uint64_t{kKeyRow} ||
      view(Section::blocks).size() !=
          (uint64_t{n_names_} + kNamesInBlock - 1) / kNamesInBlock * kBlockRow) {
    return corrupt("sections and counts disagree");
  }
  ByteReader languages(view(Section::languages));
  while (languages.ok() && !languages.at_end()) languages_.push_back(languages.text());
  if (!languages.ok() || languages_.size() > 256) return corrupt("bad languages");
  serial_ = next_serial();
  return {};
}

std::string_view Segment::row(uint32_t doc) const {
  if (doc >= n_docs_) return {};
  size_t width = kDocRow + blob_bytes_;
  return view(Section::docs).substr(doc * width, width);
}

uint32_t Segment::find_doc(std::string_view blob_id, std::string_view language) const {
  auto blob = bytes_of_hex(blob_id);
  if (!blob || blob->size() > blob_bytes_) return kNone;
  blob->resize(blob_bytes_, '\0');
  uint64_t key = doc_key(*blob, language);
  const char* keys = view(Section::keys).data();
  uint32_t low = 0, high = n_docs_;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (get_fixed<uint64_t>(keys + size_t{middle} * kKeyRow) < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (; low < n_docs_ && get_fixed<uint64_t>(keys + size_t{low} * kKeyRow) == key; ++low) {
    auto doc = get_fixed<uint32_t>(keys + size_t{low} * kKeyRow + 8);
    std::string_view found = row(doc);
    if (!found.empty() && found.substr(kDocRow) == *blob && summary(doc).language == language) {
      return doc;
    }
  }
  return kNone;
}

// Row: record begin, record size, bytes, lines, symbols, occurrences, checksum of the record (u32
// each), flags, language (u8), day of last use (u16), blob id.
FileSummary Segment::summary(uint32_t doc) const {
  std::string_view r = row(doc);
  if (r.empty()) return {};
  FileSummary out;
  out.n_bytes = get_fixed<uint32_t>(r.data() + 8);
  out.n_lines = get_fixed<uint32_t>(r.data() + 12);
  out.n_symbols = get_fixed<uint32_t>(r.data() + 16);
  out.n_occurrences = get_fixed<uint32_t>(r.data() + 20);
  auto flags = get_fixed<uint8_t>(r.data() + 28);
  out.has_errors = (flags & 1) != 0;
  out.truncated = (flags & 2) != 0;
  out.marked_generated = (flags & 4) != 0;
  out.is_ascii = (flags & 8) != 0;
  auto language = get_fixed<uint8_t>(r.data() + 29);
  if (language < languages_.size()) out.language = languages_[language];
  return out;
}

std::string Segment::blob_id(uint32_t doc) const {
  std::string_view r = row(doc);
  return r.empty() ? std::string() : to_hex(r.substr(kDocRow));
}

uint16_t Segment::used_day(uint32_t doc) const {
  std::string_view r = row(doc);
  return r.empty() ? 0 : get_fixed<uint16_t>(r.data() + 30);
}

std::optional<Record> Segment::record(uint32_t doc) const {
  std::string_view r = row(doc), records = view(Section::records);
  Record out;
  if (r.empty()) return std::nullopt;
  auto begin = get_fixed<uint32_t>(r.data()), size = get_fixed<uint32_t>(r.data() + 4);
  if (size == 0) return out;
  if (begin <= records.size() && size <= records.size() - begin) {
    std::string_view bytes = records.substr(begin, size);
    ByteReader reader(bytes);
    out.other_names = reader.text();
    out.outline = reader.text();
    out.uses = reader.rest();
    if (reader.ok() && record_check(bytes) == get_fixed<uint32_t>(r.data() + 24)) return out;
  }
  damaged_.store(true, std::memory_order_relaxed);
  return std::nullopt;
}

Result<FileFactsPtr> Segment::facts(uint32_t doc) const {
  FileSummary s = summary(doc);
  auto damage = [&](std::string_view what) {
    damaged_.store(true, std::memory_order_relaxed);
    return fail(ErrorCode::corrupt, "doc " + std::to_string(doc) + ": " + std::string(what));
  };
  auto parts = record(doc);
  if (!parts) return damage("the checksum of the record does not match");
  if (parts->outline.empty() && s.n_symbols == 0 && s.n_occurrences == 0) {
    auto facts = std::make_shared<FileFacts>();
    facts->language = s.language;
    facts->n_bytes = s.n_bytes;
    facts->n_lines = s.n_lines;
    facts->has_errors = s.has_errors;
    facts->truncated = s.truncated;
    facts->marked_generated = s.marked_generated;
    facts->is_ascii = s.is_ascii;
    return FileFactsPtr(std::move(facts));
  }
  std::vector<uint32_t> numbers;
  doc_names(doc, *parts, &numbers);
  std::vector<std::string> names;
  names.reserve(numbers.size());
  for (uint32_t number : numbers) names.emplace_back(name_view(number));
  auto facts = unpack_facts(std::move(names), parts->outline, parts->uses);
  if (!facts) return damage(facts.error().message);
  if ((*facts)->n_bytes != s.n_bytes || (*facts)->symbols.size() != s.n_symbols ||
      (*facts)->occurrences.size() != s.n_occurrences || (*facts)->language != s.language) {
    return damage("the record and its row disagree");
  }
  return facts;
}

const NameTable& Segment::name_table() const {
  std::call_once(name_table_once_, [this] {
    NameTable& table = name_table_;
    table.begins.reserve(size_t{n_names_} + 1);
    table.doc_begins.assign(size_t{n_docs_} + 1, 0);
    std::vector<std::string_view> lists;
    lists.reserve(n_names_);
    for (NameCursor cursor(*this, 0); cursor.next();) {
      table.begins.push_back(static_cast<uint32_t>(table.bytes.size()));
      table.bytes += cursor.name();
      lists.push_back(cursor.postings().docs);
      visit_docs(lists.back(), [&](uint32_t doc) {
        if (doc < n_docs_) ++table.doc_begins[doc + 1];
        return true;
      });
    }
    table.begins.push_back(static_cast<uint32_t>(table.bytes.size()));
    table.bytes.shrink_to_fit();
    for (size_t d = 0; d < n_docs_; ++d) table.doc_begins[d + 1] += table.doc_begins[d];
    table.doc_names.resize(table.doc_begins.back());
    std::vector<uint32_t> next(table.doc_begins.begin(), table.doc_begins.end() - 1);
    for (uint32_t name = 0; name < lists.size(); ++name) {
      visit_docs(lists[name], [&](uint32_t doc) {
        if (doc < n_docs_) table.doc_names[next[doc]++] = name;
        return true;
      });
    }
  });
  return name_table_;
}

std::string_view Segment::name_view(uint32_t number) const {
  const NameTable& table = name_table();
  if (size_t{number} + 1 >= table.begins.size()) return {};
  return std::string_view(table.bytes)
      .substr(table.begins[number], table.begins[number + 1] - table.begins[number]);
}

void Segment::doc_names(uint32_t doc, const Record& record, std::vector<uint32_t>* out) const {
  out->clear();
  const NameTable& table = name_table();
  if (doc >= n_docs_) return;
  auto it = table.doc_names.begin() + table.doc_begins[doc];
  auto end = table.doc_names.begin() + table.doc_begins[doc + 1];
  ByteReader others(record.other_names);
  uint64_t next = 0;
  while (!others.at_end()) {
    next += others.u32();
    if (!others.ok() || next >= n_names_) break;
    while (it != end && *it < next) out->push_back(*it++);
    out->push_back(static_cast<uint32_t>(next++));
  }
  out->insert(out->end(), it, end);
}

Result<SymbolCard> Segment::symbol(uint32_t doc, std::string_view places, uint32_t symbol) const {
  auto parts = record(doc);
  if (!parts) return fail(ErrorCode::corrupt, "the checksum of the record does not match");
  std::vector<uint32_t> numbers, sizes;
  doc_names(doc, *parts, &numbers);
  sizes.reserve(numbers.size());
  const std::vector<uint32_t>& begins = name_table().begins;
  for (uint32_t number : numbers) {
    sizes.push_back(size_t{number} + 1 < begins.size() ? begins[number + 1] - begins[number] : 0);
  }
  return unpack_symbol(parts->outline, places, symbol, sizes,
                       [&](uint32_t name) { return name_view(numbers[name]); });
}

Result<FileFactsPtr> Segment::facts_around(uint32_t doc, std::string_view places,
                                           uint32_t name) const {
  auto parts = record(doc);
  if (!parts) return fail(ErrorCode::corrupt, "the checksum of the record does not match");
  std::vector<uint32_t> numbers, sizes;
  doc_names(doc, *parts, &numbers);
  auto it = std::lower_bound(numbers.begin(), numbers.end(), name);
  if (it == numbers.end() || *it != name || parts->outline.empty()) {
    return fail(ErrorCode::not_found, "the name is not in the file");
  }
  sizes.reserve(numbers.size());
  const std::vector<uint32_t>& begins = name_table().begins;
  for (uint32_t number : numbers) {
    sizes.push_back(size_t{number} + 1 < begins.size() ? begins[number + 1] - begins[number] : 0);
  }
  return unpack_around(parts->outline, parts->uses, places,
                       static_cast<uint32_t>(it - numbers.begin()), sizes,
                       [&](uint32_t n) { return name_view(numbers[n]); });
}

Result<FileFactsPtr> Segment::imports(uint32_t doc) const {
  auto parts = record(doc);
  if (!parts) return fail(ErrorCode::corrupt, "the checksum of the record does not match");
  std::vector<uint32_t> numbers;
  doc_names(doc, *parts, &numbers);
  return unpack_imports(parts->outline, numbers.size(),
                        [&](uint32_t name) { return name_view(numbers[name]); });
}

Result<std::string> Segment::places(uint32_t doc) const {
  auto parts = record(doc);
  if (!parts) return fail(ErrorCode::corrupt, "the checksum of the record does not match");
  if (parts->uses.empty()) return std::string();
  return unpack_places(parts->uses);
}

bool Segment::visit_name(uint32_t doc, std::string_view places, uint32_t name,
                         const std::function<bool(const NamePlace&)>& visit) const {
  std::string_view r = row(doc), records = view(Section::records);
  if (r.empty() || places.empty()) return true;
  // Whoever made the places has checked the record.
  Record parts;
  auto begin = get_fixed<uint32_t>(r.data()), size = get_fixed<uint32_t>(r.data() + 4);
  if (begin > records.size() || size > records.size() - begin) return true;
  parts.other_names = ByteReader(records.substr(begin, size)).text();
  // Kept between calls: a name in many docs would else ask for memory for each. Taken while in
  // use, because the visitor may ask for another name.
  thread_local std::vector<uint32_t> spare;
  std::vector<uint32_t> numbers = std::move(spare);
  doc_names(doc, parts, &numbers);
  auto it = std::lower_bound(numbers.begin(), numbers.end(), name);
  bool more = true;
  if (it != numbers.end() && *it == name) {
    auto index = static_cast<uint32_t>(it - numbers.begin());
    const std::vector<uint32_t>& begins = name_table().begins;
    for (uint32_t& number : numbers) {  // their lengths from here on
      number = size_t{number} + 1 < begins.size() ? begins[number + 1] - begins[number] : 0;
    }
    more = visit_places(places, index, numbers, visit);
  }
  spare = std::move(numbers);
  return more;
}

NameCursor::NameCursor(const Segment& segment, uint32_t block)
    : segment_(&segment), names_({}), next_(block * kNamesInBlock) {
  std::string_view blocks = segment.view(Section::blocks);
  if (uint64_t{block} * kBlockRow >= blocks.size()) {
    next_ = segment.n_names_;
    return;
  }
  const char* entry = blocks.data() + uint64_t{block} * kBlockRow;
  std::string_view names = segment.view(Section::names);
  names_ = ByteReader(names.substr(std::min<size_t>(get_fixed<uint32_t>(entry), names.size())));
  docs_at_ = get_fixed<uint32_t>(entry + 4);
  definitions_at_ = get_fixed<uint32_t>(entry + 8);
}

bool NameCursor::next() {
  if (next_ >= segment_->n_names_) return false;
  uint64_t shared = next_ % kNamesInBlock == 0 ? 0 : names_.number();
  std::string_view rest = names_.text();
  uint64_t n_docs = names_.number(), n_definitions = names_.number();
  std::string_view docs = segment_->view(Section::occurs_in);
  std::string_view definitions = segment_->view(Section::definitions);
  if (!names_.ok() || shared > name_.size() || docs_at_ > docs.size() ||
      n_docs > docs.size() - docs_at_ || definitions_at_ > definitions.size() ||
      n_definitions > definitions.size() - definitions_at_) {
    next_ = segment_->n_names_;
    return false;
  }
  name_.resize(shared);
  name_ += rest;
  postings_ = {next_, docs.substr(docs_at_, n_docs),
               definitions.substr(definitions_at_, n_definitions)};
  docs_at_ += n_docs;
  definitions_at_ += n_definitions;
  ++next_;
  return true;
}

NamePostings Segment::find_name(std::string_view name) const {
  std::string_view blocks = view(Section::blocks), names = view(Section::names);
  // The last block whose first name is not after the one asked for.
  auto first_name = [&](uint32_t block) {
    auto at = get_fixed<uint32_t>(blocks.data() + uint64_t{block} * kBlockRow);
    ByteReader r(names.substr(std::min<size_t>(at, names.size())));
    return r.text();
  };
  auto n_blocks = static_cast<uint32_t>(blocks.size() / kBlockRow);
  uint32_t low = 0, high = n_blocks;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (first_name(middle) <= name) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return {};
  NameCursor cursor(*this, low - 1);
  for (size_t i = 0; i < kNamesInBlock && cursor.next(); ++i) {
    int order = cursor.name().compare(name);
    if (order == 0) return cursor.postings();
    if (order > 0) break;
  }
  return {};
}

std::string Segment::name(uint32_t number) const {
  if (number >= n_names_) return {};
  NameCursor cursor(*this, number / kNamesInBlock);
  for (uint32_t i = 0; i <= number % kNamesInBlock; ++i) {
    if (!cursor.next()) return {};
  }
  return cursor.name();
}

const DefinedNames& Segment::defined_names() const {
  std::call_once(defined_names_once_, [this] {
    DefinedNames& all = defined_names_;
    NameCursor cursor(*this, 0);
    while (cursor.next()) {
      if (cursor.postings().definitions.empty()) continue;
      all.numbers.push_back(cursor.postings().name);
      all.letters.push_back(letter_bits(cursor.name()));
      all.definitions.push_back(cursor.postings().definitions);
    }
    all.numbers.shrink_to_fit();
    all.letters.shrink_to_fit();
    all.definitions.shrink_to_fit();
  });
  return defined_names_;
}

}  // namespace engramd::repoindex
