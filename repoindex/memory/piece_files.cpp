#include "repoindex/memory/piece_files.h"

#include <algorithm>
#include <system_error>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"

namespace engramd::repoindex {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kMaxFileBytes = 256u << 20;
constexpr size_t kMaxFiles = 4096;  // looked at in one folder
constexpr const char* kSuffix = ".piece";

struct File {
  fs::path path;
  uint64_t n_bytes = 0;
  fs::file_time_type used;
};

void list_pieces(const fs::path& folder, std::vector<File>& files) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (files.size() >= kMaxFiles) return;
    if (at->path().extension() != kSuffix || !at->is_regular_file(error)) continue;
    File file{at->path(), at->file_size(error), {}};
    if (error) continue;
    file.used = at->last_write_time(error);
    files.push_back(std::move(file));
  }
}

}  // namespace

PieceFiles::PieceFiles(fs::path folder, const fs::path& root, std::string tokenizer,
                       uint64_t max_bytes)
    : tokenizer_(std::move(tokenizer)), max_bytes_(max_bytes) {
  if (folder.empty() || tokenizer_.empty()) return;
  all_ = folder / "memory";
  folder_ = all_ / hash128_hex(root.string() + '\0' + tokenizer_);
}

std::vector<PieceFiles::Stored> PieceFiles::load(size_t depth, size_t max_tokens) {
  std::vector<Stored> stored;
  if (folder_.empty()) return stored;
  std::vector<File> files;
  list_pieces(folder_, files);
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return a.n_bytes != b.n_bytes ? a.n_bytes > b.n_bytes : a.path < b.path;
  });
  size_t n_tokens = 0;
  std::error_code error;
  for (const File& file : files) {
    if (n_tokens >= max_tokens) break;
    const auto bytes = read_file(file.path, kMaxFileBytes);
    if (!bytes) continue;
    auto piece = MemoryPiece::decode(*bytes, tokenizer_);
    if (!piece || (*piece)->depth() < depth) {
      if (!piece) log_warning(file.path.string() + ": " + piece.error().message);
      fs::remove(file.path, error);
      continue;
    }
    fs::last_write_time(file.path, fs::file_time_type::clock::now(), error);
    n_tokens += (*piece)->n_tokens();
    stored.push_back({*std::move(piece), file.path.filename().string()});
  }
  return stored;
}

std::string PieceFiles::save(const MemoryPiece& piece) {
  if (folder_.empty()) return {};
  const std::string bytes = piece.encode(tokenizer_);
  if (bytes.size() > std::min(kMaxFileBytes, max_bytes_)) return {};
  std::string sum(8, '\0');
  const uint64_t hash = hash64(bytes);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] = static_cast<char>(hash >> 8 * i);
  const std::string name = to_hex(sum) + kSuffix;
  if (const Status written = write_file_atomic(folder_ / name, bytes, 0600); !written) {
    log_warning("repository memory is not kept: " + written.error().message);
    return {};
  }
  evict(folder_ / name);
  return name;
}

void PieceFiles::remove(const std::string& name) {
  if (folder_.empty() || name.empty()) return;
  std::error_code error;
  fs::remove(folder_ / name, error);
}

uint64_t PieceFiles::bytes_on_disk() const {
  std::vector<File> files;
  if (!folder_.empty()) list_pieces(folder_, files);
  uint64_t n = 0;
  for (const File& file : files) n += file.n_bytes;
  return n;
}

void PieceFiles::evict(const fs::path& fresh) {
  std::vector<File> files;
  std::error_code error;
  for (fs::directory_iterator at(all_, error), end; !error && at != end; at.increment(error))
    list_pieces(at->path(), files);
  uint64_t n = 0;
  for (const File& file : files) n += file.n_bytes;
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return a.used != b.used ? a.used < b.used : a.path < b.path;
  });
  for (const File& file : files) {
    if (n <= max_bytes_) break;
    if (file.path == fresh) continue;
    fs::remove(file.path, error);
    fs::remove(file.path.parent_path(), error);  // when it was the last
    n -= file.n_bytes;
  }
}

}  // namespace engramd::repoindex
