#include "agent/tools/change_log.h"

#include <algorithm>

namespace engramd::agent {

size_t ChangeLog::bytes_of(const std::vector<FileChange>& step) {
  size_t n = 0;
  for (const FileChange& change : step)
    n += change.path.size() + change.before.value_or("").size() + change.after.value_or("").size();
  return n;
}

void ChangeLog::apply(const FileChange& change) {
  const auto [base, is_new] = base_.try_emplace(change.path, change.before);
  diffs_.erase(change.path);
  changed_.erase(change.path);
  removed_.erase(change.path);
  if (change.executable) executable_.insert(change.path);
  if (base->second == change.after) return;
  if (change.after)
    changed_[change.path] = *change.after;
  else
    removed_.insert(change.path);
}

void ChangeLog::record(const std::vector<FileChange>& step) {
  for (const FileChange& change : step) apply(change);
  steps_.push_back(step);
  n_bytes_ += bytes_of(step);
  while (steps_.size() > 1 && (steps_.size() > kMaxSteps || n_bytes_ > kMaxBytes)) {
    n_bytes_ -= bytes_of(steps_.front());
    steps_.pop_front();
  }
}

std::optional<std::vector<FileChange>> ChangeLog::take_back() {
  if (steps_.empty()) return std::nullopt;
  std::vector<FileChange> step = std::move(steps_.back());
  steps_.pop_back();
  n_bytes_ -= bytes_of(step);
  std::reverse(step.begin(), step.end());
  for (FileChange& change : step) {
    std::swap(change.before, change.after);
    apply(change);
  }
  return step;
}

void ChangeLog::set_base(const std::string& path, std::optional<std::string> text) {
  base_[path] = std::move(text);
  diffs_.erase(path);
}

std::vector<FileChange> ChangeLog::changes() const {
  std::vector<FileChange> out;
  for (const auto& [path, text] : changed_) {
    const auto& base = base_.at(path);
    out.push_back({path, base, text, !base && executable_.contains(path)});
  }
  for (const std::string& path : removed_)
    out.push_back({path, base_.at(path), std::nullopt, false});
  std::sort(out.begin(), out.end(),
            [](const FileChange& a, const FileChange& b) { return a.path < b.path; });
  return out;
}

std::string ChangeLog::diff() const {
  std::string out;
  for (const FileChange& change : changes()) {
    const auto [known, is_new] = diffs_.try_emplace(change.path);
    if (is_new) known->second = unified_diff({change});
    out += known->second;
  }
  return out;
}

}  // namespace engramd::agent
