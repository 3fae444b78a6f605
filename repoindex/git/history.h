// repoindex/git/history.h - who changed what last, and what changes together.
//
// Always asked of the git program, which is 10 to 20 times cheaper at this than libgit2. Results
// are bounded, every call has a deadline and takes a token; nothing is fetched, so in a shallow or
// partial clone the answer ends where the objects do. An error of code unavailable without git or
// without a repository, not_found for a path that no commit has. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd::repoindex {

struct LineSpan {
  uint32_t first = 0;  // 0-based
  uint32_t n = 1;
};

struct BlameRange {
  LineSpan lines;      // of the asked text
  std::string commit;  // hex; empty: not committed yet
  std::string author;
  int64_t author_time = 0;  // Unix seconds
  std::string summary;
  std::string path;  // the file's name in that commit, from the work tree's top
};

// The last change of each line, sorted by line. text is what the lines are counted in: the file as
// it is, or an unsaved buffer; without it, and for files that a filter rewrites, it is HEAD's.
Result<std::vector<BlameRange>> blame(const std::filesystem::path& root, const std::string& path,
                                      LineSpan lines, const std::optional<std::string>& text,
                                      const CancelToken& cancel = {});

struct CommitInfo {
  std::string id, author;
  int64_t time = 0;  // of the commit, Unix seconds
  std::string subject;
};

// Commits that touched the path, newest first, renames followed.
Result<std::vector<CommitInfo>> recent_commits(const std::filesystem::path& root,
                                               const std::string& path, size_t limit,
                                               const CancelToken& cancel = {});

struct MineLimits {
  size_t max_commits = 2000;
  // A larger commit (a reformat, an import) says nothing about what belongs together.
  size_t max_files = 50;
  int64_t wall_ms = 60'000;
};

struct CoChange {
  std::string path;
  uint32_t n_together = 0;  // commits that changed both
  uint32_t n_changes = 0;   // commits that changed this one
};

// Names changed by the latest commits. Plain data after mine(): any thread.
class ChangeHistory {
 public:
  static Result<ChangeHistory> mine(const std::filesystem::path& root,
                                    const MineLimits& limits = {}, const CancelToken& cancel = {});

  const std::string& head() const { return head_; }  // the newest commit; empty when there is none
  size_t n_commits() const { return commits_.size(); }
  uint32_t n_changes(const std::string& path) const;
  int64_t last_change(const std::string& path) const;  // Unix seconds; 0: not in these commits
  // Most often first, then by path.
  std::vector<CoChange> changed_with(const std::string& path, size_t limit) const;

 private:
  struct Commit {
    int64_t time = 0;
    std::vector<uint32_t> paths;
  };
  std::string head_;
  std::vector<Commit> commits_;  // newest first
  std::vector<std::string> paths_;
  std::unordered_map<std::string, uint32_t> ids_;
  std::vector<std::vector<uint32_t>> commits_of_;  // per path, indexes into commits_
};

}  // namespace engramd::repoindex
