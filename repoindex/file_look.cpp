#include "repoindex/file_look.h"

#include <algorithm>
#include <ctime>

#include "base/file.h"
#include "repoindex/store/blob_bytes.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kBinaryProbe = 8000;          // as git does: a zero byte in here means binary
constexpr uint64_t kMaxScanBytes = 32u << 20;  // a larger file is listed, whatever its language
constexpr int64_t kRacy_ns = 2'000'000'000;    // a file written this recently may change unnoticed

int64_t wall_ns() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// Facts of a blob with another size are a lie: their offsets would lead out of the text.
bool fits(const BlobPlace& place, uint64_t n_bytes) {
  return place.segment != nullptr && place.segment->summary(place.doc).n_bytes == n_bytes;
}

}  // namespace

bool FileLook::at_state(const ListedFile& file, const RootRow* known, const FileEntry* old,
                        const BlobPlace& old_place, Outcome& o) const {
  o.entry.path = file.path;
  o.entry.n_bytes = file.n_bytes;
  o.row.path = file.path;
  o.row.n_bytes = file.n_bytes;
  o.row.mtime_ns = file.mtime_ns;
  o.row.inode = file.inode;
  o.listed_origin = o.entry.origin = file.origin;
  o.racy = wall_ns() - file.mtime_ns < kRacy_ns;
  bool oversized = file.n_bytes > options_.max_parse_bytes;
  if (oversized && (file.n_bytes > kMaxScanBytes || language_for_path(file.path) == nullptr)) {
    o.large = true;
    return true;
  }
  bool trusted = known != nullptr && known->n_bytes == file.n_bytes &&
                 known->mtime_ns == file.mtime_ns && known->inode == file.inode &&
                 (options_.revision.empty() || known->blob_id == file.index_blob_id);
  if (!trusted) return from_known_blob(file, o);
  o.row = *known;
  o.binary = known->is_binary;
  if (o.binary) return true;
  if (old != nullptr && old->blob_id == known->blob_id && old_place.segment != nullptr &&
      !old_place.segment->damaged() &&
      old_place.segment->summary(old_place.doc).language == known->language) {
    o.place = old_place;
  } else {
    o.place = store_.find(known->blob_id, known->language);
  }
  o.entry.blob_id = known->blob_id;
  o.has_facts = fits(o.place, file.n_bytes);
  return o.has_facts;
}

// When git vouches for the blob and its facts are here, the bytes need not be read.
bool FileLook::from_known_blob(const ListedFile& file, Outcome& o) const {
  if (file.index_blob_id.empty()) return false;
  const Language* language = language_for_path(file.path, {});
  if (language == nullptr) return false;
  std::string id = tree_.direct_blob_id(file);
  if (id.empty()) return false;
  o.place = store_.find(id, language->name);
  o.has_facts = fits(o.place, file.n_bytes);
  if (!o.has_facts) return false;
  o.row.language = language->name;
  o.row.blob_id = o.entry.blob_id = std::move(id);
  return true;
}

FileFactsPtr FileLook::inside(const ListedFile& file, BlobMaker& maker, const CancelToken& cancel,
                              bool want_facts, Outcome& o, bool* made_segment) const {
  const uint64_t max_bytes = std::max(options_.max_parse_bytes, kMaxScanBytes);
  const auto source = tree_.source();
  auto bytes =
      source ? source->read(file.path, max_bytes) : read_file(root_ / file.path, max_bytes);
  if (!bytes) {
    o.large = bytes.error().code == ErrorCode::exhausted;
    o.unreadable = !o.large;
    return nullptr;
  }
  const std::string& text = *bytes;
  o.entry.n_bytes = text.size();
  if (text.size() != o.row.n_bytes) o.racy = true;  // it changed since it was listed
  if (std::string_view(text).substr(0, kBinaryProbe).find('\0') != std::string_view::npos) {
    o.binary = o.row.is_binary = true;
    o.row.blob_id = file.index_blob_id;
    return nullptr;
  }
  o.row.blob_id = o.entry.blob_id = git_blob_id(text);
  const Language* language = language_for_path(file.path, text);
  o.row.language = language != nullptr ? language->name : std::string();
  o.place = store_.find(o.row.blob_id, o.row.language);
  if (o.place.segment != nullptr) {
    o.has_facts = fits(o.place, text.size());
    if (o.has_facts) return nullptr;
    o.place = {};
  }
  o.has_facts = store_.is_pending(o.row.blob_id, o.row.language);  // a copy of it came before
  if (o.has_facts) return nullptr;
  ExtractLimits limits;
  limits.max_bytes = options_.max_parse_bytes;
  auto blob = maker.make(o.row.blob_id, language, text, limits, cancel);
  if (!blob) return nullptr;
  o.parsed = o.has_facts = true;
  FileFactsPtr facts = want_facts ? facts_of_blob(*blob).value_or(nullptr) : nullptr;
  *made_segment = store_.add(std::move(*blob));
  return facts;
}

}  // namespace engramd::repoindex
