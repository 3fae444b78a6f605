// base/syscall_filter.h - a seccomp filter for programs that are not ours: nearly everything is
// allowed, and what reaches out of a sandbox is answered with an error.
//
// Always refused: the kernel's keyrings (a login's credentials), BPF, performance events,
// userfault, io_uring (its requests pass no filter), mounting, modules, other calling conventions.
// Immutable after make(). x86-64 and aarch64.
#pragma once

#include <linux/filter.h>

#include <string_view>
#include <vector>

#include "base/result.h"

namespace engramd {

class SyscallFilter {
 public:
  struct Options {
    // For sandboxes without a network namespace. Pairs of connected sockets still can be made.
    bool refuse_sockets = false;
    bool refuse_user_namespaces = false;
    // Truncating without opening for writing: what Landlock does not see before ABI 3.
    bool refuse_blind_truncation = false;
  };
  // Error of code unsupported on another processor.
  static Result<SyscallFilter> make(const Options& options);

  // Async-signal-safe. 0 or an errno. Sets no_new_privs.
  int install() const;
  // As bubblewrap reads it from a descriptor.
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(code_.data()), code_.size() * sizeof(sock_filter)};
  }

 private:
  std::vector<sock_filter> code_;
};

}  // namespace engramd
