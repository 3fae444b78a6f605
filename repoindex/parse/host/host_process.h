// repoindex/parse/host/host_process.h - one parse host, seen from whoever started it.
//
// Everything that comes from it counts as hostile: sizes are bounded, memory is taken as bytes
// come, and every wait has an end. One thread at a time.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/child.h"

namespace engramd::repoindex::host {

enum class Fate {
  answered,
  cancelled,       // we stopped waiting
  crashed,         // a signal of its own, or an exit that nobody asked for
  forbidden_call,  // the filter of system calls ended it
  out_of_memory,
  too_slow,
  garbled,  // what it sent is no reply
  killed,   // by somebody else: a person, or the kernel short of memory
};

struct Answer {
  Fate fate = Fate::crashed;
  std::string reply;  // bytes_of_blob, when answered
  int signal = 0;     // when crashed
};
// "crashed (segmentation fault)": what a note says about a file.
std::string describe(const Answer& answer);

struct AskLimits {
  // Processor time rather than a clock: the same on a loaded machine. The clock is for a host that
  // does not run at all.
  double max_cpu_s = 30;
  std::chrono::milliseconds max_wall = std::chrono::minutes(5);
};

class HostProcess {
 public:
  explicit HostProcess(Child child) : child_(std::move(child)) {}

  // Waits until it is there; an error when it is not, or when it is of another build.
  Status greet(std::chrono::milliseconds max_wall);
  // Why system calls are not filtered in it; empty when they are.
  const std::string& problem() const { return problem_; }

  // After any fate but answered it has ended.
  Answer ask(std::string_view language, std::string_view text, uint64_t max_bytes,
             const AskLimits& limits, const CancelToken& cancel);
  // Processor time since the last call.
  double take_cpu_s();
  pid_t pid() const { return pid_; }
  uint64_t peak_bytes() const { return peak_bytes_; }  // once it has ended
  Child::End end();

 private:
  class Deadline;
  Fate send_all(std::string_view header, std::string_view name, std::string_view text,
                Deadline& deadline);
  Fate receive(std::string& out, size_t n, Deadline& deadline);
  Answer ended(Fate fate);

  Child child_;
  const pid_t pid_ = child_.pid();
  std::string problem_;
  double counted_cpu_s_ = 0, total_cpu_s_ = 0;
  uint64_t peak_bytes_ = 0;
};

}  // namespace engramd::repoindex::host
