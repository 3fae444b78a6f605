#include "agent/swebench/place.h"

#include <sys/vfs.h>
#include <unistd.h>

#include <array>

namespace engramd::agent::swebench {
namespace {

struct Kind {
  unsigned long magic;
  const char* name;
};
// From linux/magic.h and the file systems' own headers.
constexpr std::array<Kind, 9> kKinds = {{{0x6969, "NFS"},
                                         {0x0BD00BD0, "Lustre"},
                                         {0x517B, "SMB"},
                                         {0xFF534D42, "CIFS"},
                                         {0xFE534D42, "SMB"},
                                         {0x5346414F, "AFS"},
                                         {0x47504653, "GPFS"},
                                         {0x19830326, "BeeGFS"},
                                         {0x00C36400, "Ceph"}}};

}  // namespace

std::string network_file_system_name(unsigned long magic) {
  for (const Kind& kind : kKinds)
    if (kind.magic == magic) return kind.name;
  return {};
}

std::string network_file_system_at(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::path at = std::filesystem::absolute(folder, error);
  struct statfs info {};
  while (::statfs(at.c_str(), &info) != 0) {
    if (at == at.parent_path()) return {};
    at = at.parent_path();
  }
  return network_file_system_name(static_cast<unsigned long>(info.f_type) & 0xFFFFFFFFul);
}

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace engramd::agent::swebench
