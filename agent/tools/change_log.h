// agent/tools/change_log.h - what a run has changed so far, and how to take it back.
//
// Knows texts only, not where they are kept. Base texts are those of the user's tree when the file
// was first touched. Steps are kept for undo up to kMaxSteps and kMaxBytes; the oldest go first.
// One thread at a time.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/edit/unified_diff.h"

namespace engramd::agent {

class ChangeLog {
 public:
  static constexpr size_t kMaxSteps = 500;
  static constexpr size_t kMaxBytes = 64u << 20;

  // The changes are of files as they are now; together they are one step.
  void record(const std::vector<FileChange>& step);
  // The last step turned round, which is no step of its own; nothing when there is none.
  std::optional<std::vector<FileChange>> take_back();
  // Null when there is none.
  const std::vector<FileChange>* last() const { return steps_.empty() ? nullptr : &steps_.back(); }
  size_t n_steps() const { return steps_.size(); }

  const std::map<std::string, std::string>& changed() const { return changed_; }
  const std::set<std::string>& removed() const { return removed_; }
  bool touched(const std::string& path) const { return base_.contains(path); }
  // Of a touched file.
  const std::optional<std::string>& base(const std::string& path) const { return base_.at(path); }
  // The user's file is another one now, and nothing of ours is in it.
  void set_base(const std::string& path, std::optional<std::string> text);

  std::vector<FileChange> changes() const;  // against the base, by path
  std::string diff() const;                 // of files that did not change it is kept

 private:
  void apply(const FileChange& change);
  static size_t bytes_of(const std::vector<FileChange>& step);

  std::map<std::string, std::optional<std::string>> base_;
  std::map<std::string, std::string> changed_;
  std::set<std::string> removed_, executable_;
  std::deque<std::vector<FileChange>> steps_;
  size_t n_bytes_ = 0;
  mutable std::map<std::string, std::string> diffs_;
};

}  // namespace engramd::agent
