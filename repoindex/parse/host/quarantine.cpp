#include "repoindex/parse/host/quarantine.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "repoindex/store/bytes.h"
#include "repoindex/store/record.h"
#include "repoindex/store/segment.h"

namespace engramd::repoindex::host {

namespace {
constexpr std::string_view kMagic = "EQT1";
constexpr uint64_t kMaxFileBytes = 4u << 20;
constexpr size_t kMaxWhat = 200;

std::string key_of(std::string_view blob_id, std::string_view language) {
  std::string out(blob_id);
  out += ':';
  out += language;
  return out;
}
}  // namespace

Quarantine::Quarantine(std::filesystem::path file) : file_(std::move(file)) {
  for (Entry& entry : read()) insert(std::move(entry));
}

std::vector<Quarantine::Entry> Quarantine::read() const {
  std::vector<Entry> out;
  if (file_.empty()) return out;
  auto bytes = read_file(file_, kMaxFileBytes);
  if (!bytes) return out;
  auto payload = unseal(kMagic, *bytes);
  if (!payload) return out;
  ByteReader r(*payload);
  std::string_view pin = r.bytes(8);
  if (!r.ok() || get_fixed<uint64_t>(pin.data()) != segment_pin()) return out;
  out.resize(std::min(r.count(3), kMaxEntries));
  for (Entry& entry : out) {
    entry.blob_id = to_hex(r.text());
    entry.language = std::string(r.text());
    entry.what = std::string(r.text().substr(0, kMaxWhat));
  }
  if (!r.ok()) out.clear();
  return out;
}

std::optional<std::string> Quarantine::find(std::string_view blob_id,
                                            std::string_view language) const {
  std::lock_guard lock(mutex_);
  if (keys_.count(key_of(blob_id, language)) == 0) return std::nullopt;
  for (const Entry& entry : entries_) {
    if (entry.blob_id == blob_id && entry.language == language) return entry.what;
  }
  return std::nullopt;
}

void Quarantine::insert(Entry entry) {
  if (!keys_.insert(key_of(entry.blob_id, entry.language)).second) return;
  entries_.push_back(std::move(entry));
  if (entries_.size() <= kMaxEntries) return;
  keys_.erase(key_of(entries_[0].blob_id, entries_[0].language));
  entries_.erase(entries_.begin());
}

void Quarantine::add(std::string blob_id, std::string language, std::string what) {
  what.resize(std::min(what.size(), kMaxWhat));
  std::lock_guard lock(mutex_);
  Entry entry{std::move(blob_id), std::move(language), std::move(what)};
  if (file_.empty()) {
    insert(std::move(entry));
    return;
  }
  if (auto made = make_directories(file_.parent_path(), 0700); !made) {
    log_warning("the quarantine is not kept: " + made.error().message);
    insert(std::move(entry));
    return;
  }
  // Other processes add theirs: what they wrote is kept, ours comes last.
  const std::filesystem::path lock_file = file_.string() + ".lock";
  auto held = FileLock::try_acquire(lock_file);
  for (int i = 0; !held && i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    held = FileLock::try_acquire(lock_file);
  }
  for (Entry& theirs : read()) insert(std::move(theirs));
  insert(std::move(entry));
  std::string payload;
  put_fixed(payload, segment_pin());
  put_varint(payload, entries_.size());
  for (const Entry& e : entries_) {
    put_text(payload, bytes_of_hex(e.blob_id).value_or(std::string()));
    put_text(payload, e.language);
    put_text(payload, e.what);
  }
  if (auto written = write_file_atomic(file_, seal(kMagic, payload), 0600, true); !written) {
    log_warning("the quarantine is not kept: " + written.error().message);
  }
}

size_t Quarantine::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace engramd::repoindex::host
