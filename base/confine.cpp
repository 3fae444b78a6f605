#include "base/confine.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <vector>

namespace engramd {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Its runtime maps terabytes of shadow, and makes pipes to see whether memory can be read.
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kArchitecture = 0;  // no filter is made
#endif

// Compared whole, so that the numbers of x86-64's other calling convention are not on the list.
constexpr uint32_t kAllowed[] = {
    // Talking over what is open.
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    // Memory; mmap and mprotect are looked at closer below.
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    // Time and chance.
    SYS_clock_gettime,
    SYS_gettimeofday,
    SYS_getrandom,
    // What the C library does on its own: locks, aborting, going back from a signal.
    SYS_futex,
    SYS_sched_yield,
    SYS_restart_syscall,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_getpid,
    SYS_gettid,
    SYS_exit,
    SYS_exit_group,
};

// The low half of an argument, which is where these have their bits.
constexpr uint32_t argument_at(unsigned i) {
  return static_cast<uint32_t>(offsetof(seccomp_data, args)) + 8 * i;
}

class Filter {
 public:
  void load(uint32_t offset) { add(BPF_LD | BPF_W | BPF_ABS, offset); }
  void keep_bits(uint32_t bits) { add(BPF_ALU | BPF_AND | BPF_K, bits); }
  void end(uint32_t what) { add(BPF_RET | BPF_K, what); }
  void allow_if(uint32_t value) {
    jump(BPF_JEQ, value, 0, 1);
    end(SECCOMP_RET_ALLOW);
  }
  void kill_unless(uint32_t value) {
    jump(BPF_JEQ, value, 1, 0);
    end(SECCOMP_RET_KILL_PROCESS);
  }
  // For this call: allowed when the bits of its argument have the value, else the end.
  void allow_call_if(uint32_t call, unsigned argument, uint32_t bits, uint32_t value) {
    jump(BPF_JEQ, call, 0, 5);
    load(argument_at(argument));
    keep_bits(bits);
    jump(BPF_JEQ, value, 0, 1);
    end(SECCOMP_RET_ALLOW);
    end(SECCOMP_RET_KILL_PROCESS);
  }
  int install() {
    sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
  }

 private:
  void add(int code, uint32_t k) { code_.push_back({static_cast<__u16>(code), 0, 0, k}); }
  void jump(int test, uint32_t k, uint8_t if_true, uint8_t if_false) {
    code_.push_back({static_cast<__u16>(BPF_JMP | test | BPF_K), if_true, if_false, k});
  }
  std::vector<sock_filter> code_;
};

std::string install_filter() {
  if (kArchitecture == 0) return "no filter is known for this processor";
  Filter filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.kill_unless(kArchitecture);
  filter.load(offsetof(seccomp_data, nr));
  for (uint32_t call : kAllowed) filter.allow_if(call);
  filter.allow_call_if(SYS_mmap, 2, PROT_EXEC, 0);
  filter.allow_call_if(SYS_mprotect, 2, PROT_EXEC, 0);
  // abort() sends a signal to the own thread; nobody else's may be named.
  filter.allow_call_if(SYS_tgkill, 0, ~0u, static_cast<uint32_t>(::getpid()));
  filter.end(SECCOMP_RET_KILL_PROCESS);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || filter.install() != 0) {
    return std::string("the kernel does not take a system call filter: ") + std::strerror(errno);
  }
  return {};
}

uint64_t mapped_bytes() {
  unsigned long pages = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "re"); file != nullptr) {
    if (std::fscanf(file, "%lu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return uint64_t{pages} * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

void limit(__rlimit_resource resource, uint64_t value) {
  const rlimit both{value, value};
  ::setrlimit(resource, &both);
}

}  // namespace

Confinement confine_this_process(const ConfineOptions& options) {
  if (options.die_with_parent) ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (options.max_memory_bytes != 0 && !kSanitized) {
    limit(RLIMIT_AS, mapped_bytes() + options.max_memory_bytes);
  }
  ::syscall(SYS_close_range, 3u, ~0u, 0u);
  limit(RLIMIT_CORE, 0);  // a dump would hold the user's source
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NPROC, 0);
  Confinement out;
  if (kSanitized) {
    out.problem = "a sanitizer makes system calls of its own";
    return out;
  }
  limit(RLIMIT_NOFILE, 3);
  out.problem = install_filter();
  out.filters_system_calls = out.problem.empty();
  return out;
}

}  // namespace engramd
