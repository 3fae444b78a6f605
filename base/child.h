// base/child.h - a program that runs beside us and answers over one socket, its standard input.
//
// Started without a copy of our memory, in a session of its own, with its output thrown away, no
// descriptor but those three and no environment but what is given. Ended with the object. One
// thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace engramd {

class Child {
 public:
  struct Options {
    std::vector<std::string> argv;  // argv[0] is a path
    std::vector<std::pair<std::string, std::string>> env;
  };
  // How it ended: one of the two is set.
  struct End {
    int exit_code = -1, signal = 0;
    double cpu_s = 0;
  };

  static Result<Child> start(const Options& options);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  int socket() const { return socket_; }  // ours, a stream; the child closes its end by ending
  pid_t pid() const { return pid_; }
  // Processor time it has used so far; nothing once it is gone.
  std::optional<double> cpu_s() const;
  // Kills it unless it has ended by itself, and says how it did.
  End end();

 private:
  Child(pid_t pid, int socket) : pid_(pid), socket_(socket) {}
  pid_t pid_ = -1;
  int socket_ = -1;
};

// Memory of a process that is resident now, and the most that was; zeros when there is none.
struct ProcessMemory {
  uint64_t now_bytes = 0, peak_bytes = 0;
};
ProcessMemory memory_of(pid_t pid);

}  // namespace engramd
