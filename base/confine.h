// base/confine.h - a process gives up what it does not need before it touches hostile bytes.
//
// Afterwards it can compute, ask for memory up to a limit, and read and write what is open already:
// no file, socket, process or thread can be made, no memory made executable, nobody else signalled.
// Once, from a process with one thread. Linux on x86-64 and aarch64.
#pragma once

#include <cstdint>
#include <string>

namespace engramd {

struct ConfineOptions {
  uint64_t max_memory_bytes = 0;  // address space beyond what is mapped now; 0: no limit
  bool die_with_parent = true;    // with the thread that started us, to be exact
};

struct Confinement {
  bool filters_system_calls = false;
  std::string problem;  // when it does not: why
};

// Closes every descriptor above 2, sets the limits and, where the kernel can, the filter of system
// calls: a call that is not on the list ends the process with SIGSYS.
Confinement confine_this_process(const ConfineOptions& options);

}  // namespace engramd
