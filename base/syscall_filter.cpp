#include "base/syscall_filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace engramd {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kArchitecture = 0;
#endif
constexpr uint32_t kX32Bit = 0x40000000;

constexpr uint32_t kNewMountCalls[] = {428, 429, 430, 431,
                                       432, 433, 442};  // open_tree … mount_setattr
constexpr uint32_t kIoUring[] = {425, 426, 427};
constexpr uint32_t kClone3 = 435, kOpenat2 = 437;

// As if the caller lacked the right.
constexpr uint32_t kRefused[] = {
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_swapon,
    SYS_swapoff,
    SYS_reboot,
    SYS_acct,
    SYS_quotactl,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_open_by_handle_at,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_syslog,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif
};

class Builder {
 public:
  void load(uint32_t offset) { add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offset); }
  void load_argument(unsigned i) {
    load(static_cast<uint32_t>(offsetof(seccomp_data, args)) + 8 * i);
  }
  void reload_call() { load(offsetof(seccomp_data, nr)); }
  void end(uint32_t what) { add(BPF_RET | BPF_K, 0, 0, what); }
  void refuse(int error) { end(SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)); }
  void refuse_if(uint32_t call, int error) {
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call);
    refuse(error);
  }
  // For this call: refused when the bits of the argument have the value.
  void refuse_if(uint32_t call, unsigned argument, uint32_t bits, uint32_t value, int error) {
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 5, call);
    load_argument(argument);
    add(BPF_ALU | BPF_AND | BPF_K, 0, 0, bits);
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
    refuse(error);
    reload_call();
  }
  void add(int code, uint8_t if_true, uint8_t if_false, uint32_t k) {
    out.push_back({static_cast<__u16>(code), if_true, if_false, k});
  }
  std::vector<sock_filter> out;
};

}  // namespace

Result<SyscallFilter> SyscallFilter::make(const Options& options) {
  if (kArchitecture == 0)
    return fail(ErrorCode::unsupported, "no system call filter is known for this processor");
  Builder filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.add(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kArchitecture);
  filter.refuse(ENOSYS);
  filter.reload_call();
#if defined(__x86_64__)
  filter.add(BPF_JMP | BPF_JGE | BPF_K, 0, 1, kX32Bit);
  filter.refuse(ENOSYS);
#endif
  for (const uint32_t call : kRefused) filter.refuse_if(call, EPERM);
  for (const uint32_t call : kNewMountCalls) filter.refuse_if(call, EPERM);
  for (const uint32_t call : kIoUring) filter.refuse_if(call, ENOSYS);
  if (options.refuse_sockets) filter.refuse_if(SYS_socket, EACCES);
  if (options.refuse_user_namespaces) {
    filter.refuse_if(SYS_unshare, 0, CLONE_NEWUSER, CLONE_NEWUSER, EPERM);
    filter.refuse_if(SYS_clone, 0, CLONE_NEWUSER, CLONE_NEWUSER, EPERM);
    // Its flags lie behind a pointer; the C library goes on with clone.
    filter.refuse_if(kClone3, ENOSYS);
  }
  if (options.refuse_blind_truncation) {
    filter.refuse_if(SYS_truncate, EPERM);
    filter.refuse_if(SYS_openat, 2, O_TRUNC | O_ACCMODE, O_TRUNC | O_RDONLY, EPERM);
#ifdef SYS_open
    filter.refuse_if(SYS_open, 1, O_TRUNC | O_ACCMODE, O_TRUNC | O_RDONLY, EPERM);
#endif
    filter.refuse_if(kOpenat2, ENOSYS);
  }
  filter.end(SECCOMP_RET_ALLOW);
  SyscallFilter made;
  made.code_ = std::move(filter.out);
  return made;
}

int SyscallFilter::install() const {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  const sock_fprog program{static_cast<unsigned short>(code_.size()),
                           const_cast<sock_filter*>(code_.data())};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0 ? 0 : errno;
}

}  // namespace engramd
