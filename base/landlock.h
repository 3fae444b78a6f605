// base/landlock.h - Landlock, the kernel's sandbox that needs no privilege: a process gives up
// files that no rule names, for itself and all it will ever start.
//
//   ABI  Linux  adds
//   1    5.13   reading, writing, making, removing, executing of files
//   2    5.19   moving between folders (refused before)
//   3    6.2    truncating
//   4    6.7    TCP ports
//   5    6.10   ioctl of devices
//   6    6.12   abstract Unix sockets and signals stay inside
//
// What no ABI holds: looking whether a path exists, modes and times of files, Unix sockets with a
// path. Building rules: any thread; restrict_self() in the child of a fork.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"

namespace engramd {

// 0 when the kernel has none, or it is switched off.
int landlock_abi();

class LandlockRules {
 public:
  // A rule set of the rights that this ABI knows; at most the kernel's.
  static Result<LandlockRules> make(int abi);
  LandlockRules(LandlockRules&& other) noexcept;
  LandlockRules& operator=(LandlockRules&&) = delete;
  ~LandlockRules();

  // A folder with all below it, or a file. Paths that are not there are no error.
  Status allow_reading(const std::filesystem::path& path);  // and executing
  Status allow_all(const std::filesystem::path& path);
  // Reading, writing, ioctl: of a device.
  Status allow_device(const std::filesystem::path& path);
  int abi() const { return abi_; }

  // Async-signal-safe. 0 or an errno. Sets no_new_privs.
  int restrict_self() const;

 private:
  LandlockRules(int fd, int abi) : fd_(fd), abi_(abi) {}
  Status allow(const std::filesystem::path& path, uint64_t rights);
  int fd_ = -1;
  int abi_ = 0;
};

}  // namespace engramd
