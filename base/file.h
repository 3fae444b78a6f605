// base/file.h - reading and writing whole files, with caps and without half-written results.
//
// User files are read with read(2), never mapped: a file that shrinks under us must not kill the
// process. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engramd {

// At most max_bytes; a longer file is an error of code exhausted that names both sizes.
// Only regular files: a fifo or device is invalid_input (nothing blocks).
Result<std::string> read_file(const std::filesystem::path& path, uint64_t max_bytes = 256u << 20);

// Temporary name beside it, write, optional fsync of file and folder, rename. Parents are made.
// On failure (a full disk, say) the old content is still there and the temporary is gone.
Status write_file_atomic(const std::filesystem::path& path, std::string_view bytes,
                         unsigned mode = 0644, bool durable = false);

Status make_directories(const std::filesystem::path& path, unsigned mode = 0755);

// A folder with all that is in it, also where a program has taken our permission to look or to
// write from the folders in it. Links are not followed. What cannot be removed stays, silently.
void remove_tree(const std::filesystem::path& folder);

// A fresh private folder below the system's temporary folder, removed with the object.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make(std::string_view prefix);
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// An exclusive flock on a file that is made when absent; released with the object or the process,
// whichever ends first (so a kill never leaves it locked).
class FileLock {
 public:
  // Error of code unavailable when somebody else holds it.
  static Result<FileLock> try_acquire(const std::filesystem::path& path);
  FileLock(FileLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace engramd
