// What a task has changed: read from the overlay's upper layer, or by walking a copy.
#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "agent/sandbox/work_tree.h"

namespace engramd::agent {
namespace {

// Dependencies and caches: never part of a patch, and they can be very large.
constexpr std::string_view kPassedOver[] = {".git",          "node_modules", ".venv",
                                            ".tox",          ".nox",         "__pycache__",
                                            ".pytest_cache", ".mypy_cache",  ".ruff_cache"};

int64_t nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
}

bool is_whiteout(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}

bool is_opaque(int folder_fd) {
  char value[4] = {};
  for (const char* name : {"user.overlay.opaque", "trusted.overlay.opaque"})
    if (::fgetxattr(folder_fd, name, value, sizeof value) > 0 && value[0] == 'y') return true;
  return false;
}

struct Entry {
  std::string name;
  struct stat info {};
};

class Collector {
 public:
  Collector(int base_fd, int now_fd, int64_t opened_ns, const ChangeLimits& limits)
      : base_fd_(base_fd), now_fd_(now_fd), opened_ns_(opened_ns), limits_(limits) {}

  bool may_look() {
    if (++n_entries_ <= limits_.max_entries) return true;
    out_.complete = false;
    return false;
  }
  bool is_passed_over(const std::string& path, const std::string& name, bool is_folder) const {
    if (std::find(std::begin(kPassedOver), std::end(kPassedOver), name) != std::end(kPassedOver))
      return true;
    return limits_.skip && limits_.skip(path, is_folder);
  }

  // The entries of a folder of the base or of the tree; empty when it is none.
  std::vector<Entry> list(int root, const std::string& relative, bool* opaque = nullptr) {
    std::vector<Entry> entries;
    auto folder = open_folder_inside(root, relative);
    if (!folder) return entries;
    if (opaque != nullptr) *opaque = is_opaque(folder->get());
    DIR* stream = ::fdopendir(::fcntl(folder->get(), F_DUPFD_CLOEXEC, 0));
    if (stream == nullptr) return entries;
    while (const dirent* entry = ::readdir(stream)) {
      if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
      if (!may_look()) break;
      Entry one;
      one.name = entry->d_name;
      if (::fstatat(folder->get(), entry->d_name, &one.info, AT_SYMLINK_NOFOLLOW) == 0)
        entries.push_back(std::move(one));
    }
    ::closedir(stream);
    return entries;
  }

  // A regular file of the tree that may differ from the base's.
  void add_file(const std::string& path, const struct stat& now) {
    if (!room()) return;
    const auto base = stat_inside(base_fd_, path);
    TreeChange change;
    change.path = path;
    change.executable = (now.st_mode & 0100) != 0;
    if (static_cast<uint64_t>(now.st_size) > limits_.max_file_bytes)
      return leave_out(path, "it has " + std::to_string(now.st_size) + " bytes");
    auto after = read_inside(now_fd_, path, limits_.max_file_bytes);
    if (!after) return leave_out(path, after.error().message);
    if (base && S_ISREG(base->st_mode)) {
      auto before = read_inside(base_fd_, path, limits_.max_file_bytes);
      if (!before) return leave_out(path, before.error().message);
      if (*before == *after) {
        if (((base->st_mode ^ now.st_mode) & 0111) != 0) leave_out(path, "only its mode changed");
        return;
      }
      change.before = std::move(*before);
      change.base_changed = nanoseconds(base->st_ctim) > opened_ns_;
    } else if (base) {
      return leave_out(path, "it takes the place of something that is no regular file");
    }
    change.after = std::move(*after);
    keep(std::move(change));
  }

  void add_removed_file(const std::string& path, const struct stat& base) {
    if (!room()) return;
    if (!S_ISREG(base.st_mode)) return leave_out(path, "it was removed, and was no regular file");
    TreeChange change;
    change.path = path;
    auto before = read_inside(base_fd_, path, limits_.max_file_bytes);
    if (!before) return leave_out(path, "it was removed; " + before.error().message);
    change.before = std::move(*before);
    change.base_changed = nanoseconds(base.st_ctim) > opened_ns_;
    keep(std::move(change));
  }

  // A file or everything in a folder of the base that the tree has no more.
  void add_removed(const std::string& first) {
    std::vector<std::string> pending{first};
    while (!pending.empty()) {
      const std::string path = std::move(pending.back());
      pending.pop_back();
      const auto info = stat_inside(base_fd_, path);
      if (!info) continue;
      if (!S_ISDIR(info->st_mode)) {
        add_removed_file(path, *info);
        continue;
      }
      for (const Entry& entry : list(base_fd_, path)) {
        const std::string child = path + "/" + entry.name;
        if (!is_passed_over(child, entry.name, S_ISDIR(entry.info.st_mode)))
          pending.push_back(child);
      }
    }
  }

  void add_link(const std::string& path) {
    // The same link again (a folder that was copied up and back) is no change.
    const auto base = stat_inside(base_fd_, path);
    if (base && S_ISLNK(base->st_mode)) return;
    leave_out(path, "it is a symbolic link");
  }

  void leave_out(const std::string& path, const std::string& why) {
    if (out_.left_out.size() < limits_.max_files)
      out_.left_out.push_back(path + ": " + why);
    else
      out_.complete = false;
  }

  TreeChanges take() {
    std::sort(out_.files.begin(), out_.files.end(),
              [](const TreeChange& a, const TreeChange& b) { return a.path < b.path; });
    std::sort(out_.left_out.begin(), out_.left_out.end());
    return std::move(out_);
  }

 private:
  bool room() {
    if (out_.files.size() < limits_.max_files && n_bytes_ < limits_.max_bytes) return true;
    out_.complete = false;
    return false;
  }
  void keep(TreeChange change) {
    const auto is_binary = [](const std::optional<std::string>& text) {
      return text && text->find('\0') != std::string::npos;
    };
    if (is_binary(change.before) || is_binary(change.after))
      return leave_out(change.path, "it is binary");
    n_bytes_ += change.before.value_or("").size() + change.after.value_or("").size();
    out_.files.push_back(std::move(change));
  }

  const int base_fd_, now_fd_;
  const int64_t opened_ns_;
  const ChangeLimits& limits_;
  TreeChanges out_;
  size_t n_entries_ = 0;
  uint64_t n_bytes_ = 0;
};

}  // namespace

TreeChanges WorkTree::changes(const ChangeLimits& limits) const {
  const int base_fd = overlay_ ? overlay_->lower_fd() : original_fd_.get();
  const int now_fd = overlay_ ? overlay_->upper_fd() : root_fd_.get();
  Collector collector(base_fd, now_fd, opened_ns_, limits);
  std::vector<std::string> pending{""};
  while (!pending.empty()) {
    const std::string at = std::move(pending.back());
    pending.pop_back();
    bool opaque = false;
    const std::vector<Entry> entries = collector.list(now_fd, at, &opaque);
    std::set<std::string> names;
    for (const Entry& entry : entries) {
      const std::string path = at.empty() ? entry.name : at + "/" + entry.name;
      names.insert(entry.name);
      const bool is_folder = S_ISDIR(entry.info.st_mode);
      if (collector.is_passed_over(path, entry.name, is_folder)) continue;
      if (overlay_ && is_whiteout(entry.info)) {
        collector.add_removed(path);
      } else if (is_folder) {
        // A folder where the base has a file: that file is gone.
        if (const auto base = stat_inside(base_fd, path); base && !S_ISDIR(base->st_mode))
          collector.add_removed(path);
        if (std::find(read_only_folders_.begin(), read_only_folders_.end(), path) ==
            read_only_folders_.end())
          pending.push_back(path);
      } else if (S_ISLNK(entry.info.st_mode)) {
        collector.add_link(path);
      } else if (S_ISREG(entry.info.st_mode)) {
        if (!overlay_) {
          const auto copied = copied_.find(path);
          if (copied != copied_.end() &&
              copied->second.mtime_ns == nanoseconds(entry.info.st_mtim) &&
              copied->second.n_bytes == static_cast<uint64_t>(entry.info.st_size))
            continue;
        }
        collector.add_file(path, entry.info);
      }
    }
    // What an opaque folder does not hold is hidden by it. A folder that is new has no base.
    if (overlay_ && opaque)
      for (const Entry& entry : collector.list(base_fd, at)) {
        const std::string path = at.empty() ? entry.name : at + "/" + entry.name;
        if (names.count(entry.name) == 0 &&
            !collector.is_passed_over(path, entry.name, S_ISDIR(entry.info.st_mode)))
          collector.add_removed(path);
      }
  }
  if (!overlay_)
    for (const auto& [path, copied] : copied_) {
      const std::string name = path.substr(path.rfind('/') + 1);
      if (!stat_inside(now_fd, path) && !collector.is_passed_over(path, name, false))
        if (const auto base = stat_inside(base_fd, path)) collector.add_removed_file(path, *base);
    }
  return collector.take();
}

}  // namespace engramd::agent
