// daemon/completion/completion_totals.h - where the time of completions goes: sums since the start
// and the last one by itself, for `engramd status`.
//
// Numbers only, no text and no path. Any thread.
#pragma once

#include <mutex>
#include <string>

#include "daemon/completion/completer.h"

namespace engramd::daemon {

class CompletionTotals {
 public:
  void add(const Completion& completion);
  // {"requests", "prompt_tokens", "prompt_reused", "ms": {...} in all, "last": {the same of one}}.
  std::string json() const;

 private:
  struct Sums {
    size_t n = 0, n_prompt = 0, n_reused = 0, n_generated = 0, n_from_network = 0;
    double learn_s = 0, memory_s = 0, window_s = 0, prompt_s = 0, decode_s = 0, total_s = 0;
    void add(const Completion& completion);
  };
  mutable std::mutex mutex_;  // guards the two below
  Sums all_, last_;
};

}  // namespace engramd::daemon
