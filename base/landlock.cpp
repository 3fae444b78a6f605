#include "base/landlock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace engramd {
namespace {

// The kernel's own numbers: the system's header may be older than the kernel that we run on.
constexpr uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadFolder = 1 << 3;
constexpr uint64_t kFirstRights = (1 << 13) - 1;  // of ABI 1
constexpr uint64_t kRefer = 1 << 13, kTruncate = 1 << 14, kDeviceIoctl = 1 << 15;
constexpr uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceIoctl;
constexpr uint64_t kBindTcp = 1 << 0, kConnectTcp = 1 << 1;
constexpr uint64_t kScopeAbstractSockets = 1 << 0, kScopeSignals = 1 << 1;
constexpr uint32_t kVersionFlag = 1;
constexpr uint32_t kPathBeneath = 1;

struct RulesetAttributes {
  uint64_t handled_access_fs = 0, handled_access_net = 0, scoped = 0;
};
struct __attribute__((packed)) PathRule {
  uint64_t allowed_access = 0;
  int32_t parent_fd = -1;
};

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

uint64_t file_rights(int abi) {
  return kFirstRights | (abi >= 2 ? kRefer : 0) | (abi >= 3 ? kTruncate : 0) |
         (abi >= 5 ? kDeviceIoctl : 0);
}

}  // namespace

int landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, size_t{0}, kVersionFlag);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

Result<LandlockRules> LandlockRules::make(int abi) {
  abi = std::min(abi, landlock_abi());
  if (abi < 1) return fail(ErrorCode::unavailable, "this kernel has no Landlock");
  RulesetAttributes attributes;
  attributes.handled_access_fs = file_rights(abi);
  if (abi >= 4) attributes.handled_access_net = kBindTcp | kConnectTcp;
  if (abi >= 6) attributes.scoped = kScopeAbstractSockets | kScopeSignals;
  // An older kernel takes a shorter struct only.
  const size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
  const long fd = ::syscall(SYS_landlock_create_ruleset, &attributes, size, 0u);
  if (fd < 0) return fail(errno_error("cannot make Landlock rules", errno));
  return LandlockRules(static_cast<int>(fd), abi);
}

LandlockRules::LandlockRules(LandlockRules&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), abi_(other.abi_) {}

LandlockRules::~LandlockRules() {
  if (fd_ >= 0) ::close(fd_);
}

Status LandlockRules::allow(const std::filesystem::path& path, uint64_t rights) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return {};
  struct stat info {};
  if (::fstat(fd, &info) == 0 && !S_ISDIR(info.st_mode)) rights &= kOfFiles;
  PathRule rule;
  rule.allowed_access = rights & file_rights(abi_);
  rule.parent_fd = fd;
  const long added = ::syscall(SYS_landlock_add_rule, fd_, kPathBeneath, &rule, 0u);
  const int reason = errno;
  ::close(fd);
  if (added != 0)
    return fail(errno_error("cannot add a Landlock rule for " + path.string(), reason));
  return {};
}

Status LandlockRules::allow_reading(const std::filesystem::path& path) {
  return allow(path, kExecute | kReadFile | kReadFolder);
}
Status LandlockRules::allow_all(const std::filesystem::path& path) {
  // No devices: making one needs privilege that the command does not have anyway.
  return allow(path, ~uint64_t{0});
}
Status LandlockRules::allow_device(const std::filesystem::path& path) {
  return allow(path, kReadFile | kWriteFile | kTruncate | kDeviceIoctl);
}

int LandlockRules::restrict_self() const {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  if (::syscall(SYS_landlock_restrict_self, fd_, 0u) != 0) return errno;
  return 0;
}

}  // namespace engramd
