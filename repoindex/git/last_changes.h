// repoindex/git/last_changes.h - which commit last changed a line, for answers that cannot wait.
//
// Blame takes from some milliseconds to seconds. It runs on a thread of this object; the asker
// waits as long as it can spare, and who asks again finds the answer. Bounded: kMaxKept answers,
// kMaxWaiting questions (more are not answered), kMaxBlame for each. Any thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/thread_pool.h"
#include "repoindex/git/history.h"

namespace engramd::repoindex {

class LastChanges {
 public:
  static constexpr size_t kMaxKept = 1000, kMaxWaiting = 8;
  static constexpr std::chrono::seconds kMaxBlame{5};
  // A line that no commit has yet may have one soon.
  static constexpr std::chrono::seconds kRecheck{15};

  LastChanges();
  ~LastChanges();  // ends what runs

  // version: what tells this text of the file from others, a blob id say. text is called when it is
  // not known yet. Nothing: not known in time, or never.
  std::optional<BlameRange> of(const std::filesystem::path& root, const std::string& path,
                               uint32_t line, const std::string& version,
                               const std::function<std::optional<std::string>()>& text,
                               std::chrono::milliseconds patience);

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::unique_ptr<ThreadPool> pool_;  // last: its jobs use the state
};

}  // namespace engramd::repoindex
