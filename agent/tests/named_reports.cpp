#include "agent/tests/named_reports.h"

#include <fnmatch.h>

#include <algorithm>

#include "agent/tests/detect.h"
#include "base/file.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxReportFiles = 2000;
constexpr uint64_t kMaxReportBytes = 128u << 20;

// Files of the tree that a pattern names; "**" stands for any folders.
void expand(const fs::path& folder, std::string_view pattern, int depth,
            std::vector<fs::path>& found) {
  const size_t slash = pattern.find('/');
  const std::string part(pattern.substr(0, slash));
  const std::string_view rest =
      slash == std::string_view::npos ? std::string_view() : pattern.substr(slash + 1);
  if (depth > 24 || found.size() >= kMaxReportFiles) return;
  if (part == "**") expand(folder, rest, depth + 1, found);
  std::error_code error;
  for (fs::directory_iterator at(folder, fs::directory_options::skip_permission_denied, error),
       last;
       !error && at != last && found.size() < kMaxReportFiles; at.increment(error)) {
    const std::string name = at->path().filename().string();
    const fs::file_type type = at->symlink_status(error).type();
    if (type == fs::file_type::directory) {
      if (part == "**")
        expand(at->path(), pattern, depth + 1, found);
      else if (!rest.empty() && ::fnmatch(part.c_str(), name.c_str(), 0) == 0)
        expand(at->path(), rest, depth + 1, found);
    } else if (type == fs::file_type::regular && rest.empty() &&
               ::fnmatch(part.c_str(), name.c_str(), 0) == 0) {
      found.push_back(at->path());
    }
  }
}

}  // namespace

NamedReports::NamedReports(fs::path tree, std::string glob)
    : tree_(std::move(tree)), glob_(check_report_glob(glob) ? std::move(glob) : std::string()) {
  for (const fs::path& file : files()) before_[file] = state_of(file);
}

std::vector<fs::path> NamedReports::files() const {
  std::vector<fs::path> found;
  if (!glob_.empty()) expand(tree_, glob_, 0, found);
  std::sort(found.begin(), found.end());
  return found;
}

NamedReports::State NamedReports::state_of(const fs::path& file) {
  std::error_code error;
  return {fs::last_write_time(file, error), fs::file_size(file, error)};
}

bool NamedReports::read(std::string_view tree_inside, Findings& findings) const {
  bool any = false;
  for (const fs::path& file : files()) {
    const auto old = before_.find(file);
    if (old != before_.end() && old->second == state_of(file)) continue;
    const auto text = read_file(file, kMaxReportBytes);
    if (!text) {
      findings.truncated = true;
      continue;
    }
    if (std::string_view(*text).substr(0, 4096).find("<testsuite") != std::string_view::npos) {
      any = read_junit_text(*text, tree_inside, findings) || any;
    } else {
      read_tap_text(*text, findings);
      any = true;
    }
  }
  return any && !findings.cases.empty();
}

}  // namespace engramd::agent
