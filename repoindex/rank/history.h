// repoindex/rank/history.h - past changes as evidence: messages, files changed often, and together.
//
// Read with the git command line (libgit2 needs about nine times the CPU for this), first parents
// only, newest first, bounded. A ChangeLog is immutable: any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/rank/task_query.h"

namespace engramd::repoindex {

struct ChangeLog {
  struct Change {
    std::string commit;
    uint32_t n_terms = 0;         // of the message
    std::vector<uint32_t> paths;  // of code, into paths; none when there were very many
  };
  struct Posting {
    uint32_t change = 0, count = 0;
  };
  std::vector<Change> changes;  // newest first
  std::vector<std::string> paths;
  std::unordered_map<Term, std::vector<Posting>> messages;  // by the words of the messages

  void add(std::string commit, std::string_view message, const std::vector<std::string>& files,
           TermTable& table);

 private:
  std::unordered_map<std::string, uint32_t> path_ids_;
};
using ChangeLogPtr = std::shared_ptr<const ChangeLog>;

struct ChangeLogOptions {
  std::string revision = "HEAD";
  size_t max_changes = 6000;
  size_t max_bytes = 64u << 20;  // of git's output
  int64_t max_ms = 20000;
};
// Paths are relative to the folder. An empty log where there is no git or no commit.
Result<ChangeLogPtr> read_change_log(const std::filesystem::path& folder, const ChangeLogOptions&,
                                     const CancelToken&);

// Keeps the log of one folder until HEAD moves, which is looked at again after recheck_ms: what was
// committed a moment ago changes a ranking little, and starting git costs as much as ranking. Any
// thread; a reader waits for another's reading.
class ChangeLogCache {
 public:
  explicit ChangeLogCache(int64_t recheck_ms = 5000) : recheck_ms_(recheck_ms) {}
  // commit: the newest change; empty: HEAD.
  Result<ChangeLogPtr> log(const std::filesystem::path& folder, const std::string& commit,
                           const CancelToken&);

 private:
  const int64_t recheck_ms_;
  std::mutex mutex_;  // guards all below; held while git runs, so that it runs once
  std::chrono::steady_clock::time_point checked_;
  std::filesystem::path folder_;
  std::string asked_, head_;  // the commit asked for, and what it is
  ChangeLogPtr log_;
};

// What a log says of some of its changes (a benchmark asks of an older moment). Maps are by index
// into log.paths; absent means 0.
class PastChanges {
 public:
  explicit PastChanges(ChangeLogPtr log, size_t first = 0, size_t end = SIZE_MAX);

  // Votes of the most similar messages for the files they changed.
  std::vector<double> voted_by_messages(const TaskQuery& query) const;
  // How often files changed, late changes counting more.
  std::vector<double> churn() const;
  // How likely each file is to change with this one.
  std::vector<std::pair<uint32_t, double>> changed_with(uint32_t path) const;

  const std::vector<std::string>& paths() const { return log_->paths; }
  size_t n_changes() const { return end_ - first_; }

 private:
  ChangeLogPtr log_;
  size_t first_, end_;
};

}  // namespace engramd::repoindex
