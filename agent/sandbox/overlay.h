// agent/sandbox/overlay.h - an overlay mount over the user's tree, in a mount namespace of its own.
//
//   lower   the user's folder, only read        upper   what was changed, private to the task
//   merged  both, mounted at the user's own path, seen only by processes that join()
//
// No process keeps it: the namespaces live as long as this object holds their descriptors, so they
// also go when the daemon is killed. Works as root and, with user namespaces, as a plain user. The
// kernel says EXDEV to renames of folders that lie in the lower tree; programs copy then.
//
// Files the user saves meanwhile may or may not show through: applying a change compares the base.
// make() forks once, 2 ms. join() is for the child of a fork; everything else: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "base/result.h"

namespace engramd::agent {

// A descriptor that is closed with the object.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~OwnedFd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

class Overlay {
 public:
  struct Options {
    std::filesystem::path lower;           // canonical
    std::filesystem::path private_folder;  // empty, ours: upper/ and work/ are made in it
    // Not 0: upper and work lie on a tmpfs of this size, mounted over the private folder. For
    // temporary folders that cannot hold an upper layer (another overlay, NFS).
    uint64_t tmpfs_bytes = 0;
  };
  // Error of code unavailable with the step that the kernel refused.
  static Result<Overlay> make(const Options& options);

  // In the child of a fork: enters the namespaces. 0 or an errno; async-signal-safe.
  int join() const;

  // Of the merged tree and of the upper layer, for openat and for /proc/self/fd/N.
  int merged_fd() const { return merged_.get(); }
  int upper_fd() const { return upper_.get(); }
  int lower_fd() const { return lower_.get(); }
  bool on_tmpfs() const { return on_tmpfs_; }

 private:
  OwnedFd merged_, upper_, lower_, mount_namespace_, user_namespace_;
  bool on_tmpfs_ = false;
};

// A path by which any process of this user can name what the descriptor is open on.
std::filesystem::path path_of_fd(int fd);

}  // namespace engramd::agent
