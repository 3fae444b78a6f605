#include "agent/sandbox/work_tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>

#include "agent/sandbox/view.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kReadOnlyFolders[] = {"node_modules", ".venv", ".tox", ".nox"};
// Caches that only slow the copy down, or that would answer for an older text of a file.
constexpr std::string_view kLeftOut[] = {".git", "__pycache__", ".pytest_cache", ".mypy_cache",
                                         ".ruff_cache"};

bool contains(const auto& names, const std::string& name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

constexpr const char* kFolderPrefix = "engramd-task";
constexpr uint64_t kMaxRead = 16u << 20;

int64_t nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
}

Status copy_regular_file(const fs::path& from, const fs::path& to, const struct stat& info) {
  const OwnedFd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!in) return fail(errno_error("cannot read " + from.string(), errno));
  const OwnedFd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out) return fail(errno_error("cannot copy to " + to.string(), errno));
  if (::ioctl(out.get(), FICLONE, in.get()) != 0) {
    static thread_local std::array<char, 1u << 17> buffer;
    for (;;) {
      const ssize_t n = ::read(in.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(errno_error("cannot read " + from.string(), errno));
      if (n == 0) break;
      for (ssize_t done = 0; done < n;) {
        const ssize_t written =
            ::write(out.get(), buffer.data() + done, static_cast<size_t>(n - done));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
          const int reason = errno;
          Error error = errno_error("cannot copy the work tree to " + to.string(), reason);
          if (reason == ENOSPC || reason == EDQUOT) {
            error.code = ErrorCode::exhausted;
            error.message += "; free some space or set TMPDIR to a larger disk";
          }
          return fail(std::move(error));
        }
        done += written;
      }
    }
  }
  const timespec times[2] = {info.st_atim, info.st_mtim};
  ::futimens(out.get(), times);
  ::fchmod(out.get(), (info.st_mode & 0777) | 0600);
  return {};
}

// In /proc/self/mountinfo a path has its blanks as octal numbers.
std::string unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::optional<fs::path> mount_inside(const fs::path& folder) {
  std::ifstream file("/proc/self/mountinfo");
  std::string line;
  while (std::getline(file, line)) {
    size_t begin = 0;
    for (int field = 0; field < 4 && begin != std::string::npos; ++field)
      begin = line.find(' ', begin + (field > 0));
    if (begin == std::string::npos) continue;
    const fs::path point = unescaped(line.substr(begin + 1, line.find(' ', begin + 1) - begin - 1));
    if (point != folder && is_below(point, folder)) return point;
  }
  return std::nullopt;
}

// Folders that a killed process left: nobody holds their lock any more.
void sweep_old_folders(const fs::path& parent) {
  std::error_code error;
  size_t n_seen = 0;
  const auto now = std::chrono::file_clock::now();
  for (fs::directory_iterator at(parent, error), end; !error && at != end && n_seen < 10000;
       at.increment(error), ++n_seen) {
    const std::string name = at->path().filename().string();
    if (name.rfind("engramd-", 0) != 0) continue;
    struct stat info {};
    if (::lstat(at->path().c_str(), &info) != 0 || !S_ISDIR(info.st_mode) ||
        info.st_uid != ::geteuid())
      continue;
    std::error_code ignored;
    // A sandbox's own folders have no lock: their age tells.
    for (const char* prefix :
         {"engramd-helpers.", "engramd-reports.", "engramd-cache.", "engramd-tmp."})
      if (name.rfind(prefix, 0) == 0 &&
          now - fs::last_write_time(at->path(), ignored) > std::chrono::hours(24 * 7))
        remove_tree(at->path());
    if (name.rfind(std::string(kFolderPrefix) + ".", 0) != 0) continue;
    const fs::path lock = at->path() / "lock";
    // A folder that is being made has no lock yet.
    if (!fs::exists(lock, ignored) ||
        now - fs::last_write_time(lock, ignored) < std::chrono::minutes(1))
      continue;
    if (const auto free = FileLock::try_acquire(lock)) remove_tree(at->path());
  }
}

}  // namespace

WorkTree::WorkTree(TemporaryFolder folder, fs::path original)
    : folder_(std::move(folder)), original_(std::move(original)) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  opened_ns_ = nanoseconds(now);
}

Result<WorkTree> WorkTree::begin(const fs::path& given) {
  std::error_code error;
  const fs::path original = fs::canonical(given, error);
  if (error) return fail(ErrorCode::not_found, "folder not found: " + given.string());
  if (!fs::is_directory(original, error))
    return fail(ErrorCode::invalid_input, original.string() + " is not a folder");
  const fs::path home = home_folder();
  if (original == "/" || (!home.empty() && is_below(fs::weakly_canonical(home, error), original)))
    return fail(ErrorCode::invalid_input,
                original.string() +
                    " holds your home folder, which commands must not see; start in "
                    "the folder of one project");
  ENGRAMD_TRY(TemporaryFolder folder, TemporaryFolder::make(kFolderPrefix));
  sweep_old_folders(folder.path().parent_path());
  WorkTree tree(std::move(folder), original);
  ENGRAMD_TRY(tree.lock_, FileLock::try_acquire(tree.folder_.path() / "lock"));
  return tree;
}

Result<WorkTree> WorkTree::open(const fs::path& given, const WorkTreeOptions& options,
                                const CancelToken& cancel) {
  ENGRAMD_CHECK(cancel.check());
  ENGRAMD_TRY(WorkTree tree, begin(given));
  std::string problem;
  if (const auto point = mount_inside(tree.original_)) {
    problem = point->string() + " is mounted inside of it";
  } else if (is_below(fs::weakly_canonical(tree.folder_.path()), tree.original_)) {
    problem = "the temporary folder lies inside of it";
  } else {
    Overlay::Options overlay{tree.original_, tree.folder_.path() / "layers", 0};
    ENGRAMD_CHECK(make_directories(overlay.private_folder, 0700));
    auto made = Overlay::make(overlay);
    if (!made) {
      remove_tree(overlay.private_folder);
      ENGRAMD_CHECK(make_directories(overlay.private_folder, 0700));
      overlay.tmpfs_bytes = options.max_memory_bytes;
      if (auto in_memory = Overlay::make(overlay)) {
        tree.notes_.push_back("what commands write is kept in memory, at most " +
                              std::to_string(options.max_memory_bytes >> 20) +
                              " MiB: " + made.error().message + " in " +
                              tree.folder_.path().parent_path().string() +
                              " (set TMPDIR to a folder on a local disk)");
        made = std::move(in_memory);
      }
    }
    if (made) {
      tree.overlay_.emplace(std::move(*made));
      tree.root_ = path_of_fd(tree.overlay_->merged_fd());
      return tree;
    }
    problem = made.error().message;
  }
  ENGRAMD_TRY(WorkTree copy, copy_of(given, options, cancel));
  copy.notes_.push_back("the tree was copied, an overlay could not be made: " + problem);
  return copy;
}

Result<WorkTree> WorkTree::copy_of(const fs::path& given, const WorkTreeOptions& options,
                                   const CancelToken& cancel) {
  ENGRAMD_TRY(WorkTree tree, begin(given));
  const fs::path& original = tree.original_;
  std::error_code error;
  tree.root_ = tree.folder_.path() / "tree";
  ENGRAMD_CHECK(make_directories(tree.root_));
  // An explicit stack of relative folders: a deep tree must not become deep recursion.
  std::vector<std::string> pending{""};
  while (!pending.empty()) {
    const std::string at = std::move(pending.back());
    pending.pop_back();
    ENGRAMD_CHECK(cancel.check());
    fs::directory_iterator entries(original / at, fs::directory_options::skip_permission_denied,
                                   error);
    if (error) continue;  // vanished or unreadable: as absent for the tests as for us
    for (; entries != fs::directory_iterator(); entries.increment(error)) {
      if (error) break;
      const std::string name = entries->path().filename().string();
      if (contains(kLeftOut, name)) continue;
      const std::string relative = at.empty() ? name : at + "/" + name;
      // The temporary folder may lie inside the tree (TMPDIR=./tmp): never copy a copy.
      if (entries->path() == tree.folder_.path()) continue;
      struct stat info {};
      if (::lstat(entries->path().c_str(), &info) != 0) continue;
      const fs::path target = tree.root_ / relative;
      if (S_ISLNK(info.st_mode)) {
        fs::copy_symlink(entries->path(), target, error);
      } else if (S_ISDIR(info.st_mode)) {
        const bool is_environment =
            contains(kReadOnlyFolders, name) || fs::exists(entries->path() / "pyvenv.cfg", error);
        if (::mkdir(target.c_str(), (info.st_mode & 0777) | 0700) != 0)
          return fail(errno_error("cannot copy the work tree to " + target.string(), errno));
        if (is_environment)
          tree.read_only_folders_.push_back(relative);
        else
          pending.push_back(relative);
      } else if (S_ISREG(info.st_mode)) {
        tree.n_bytes_ += static_cast<uint64_t>(info.st_size);
        if (++tree.n_files_ > options.max_files || tree.n_bytes_ > options.max_bytes)
          return fail(ErrorCode::exhausted,
                      "the work tree is too large to copy: expected at most " +
                          std::to_string(options.max_files) + " files and " +
                          std::to_string(options.max_bytes >> 20) + " MiB");
        if (auto copied = copy_regular_file(entries->path(), target, info); !copied) {
          // A file that we may not read, or that has just gone, is left out; a full disk is not.
          if (::access(entries->path().c_str(), R_OK) == 0) return fail(copied.error());
          continue;
        }
        tree.copied_[relative] = {nanoseconds(info.st_mtim), static_cast<uint64_t>(info.st_size)};
      }
    }
  }
  tree.root_fd_ = OwnedFd(::open(tree.root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  tree.original_fd_ = OwnedFd(::open(original.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tree.root_fd_ || !tree.original_fd_)
    return fail(errno_error("cannot open the copied work tree", errno));
  return tree;
}

Result<std::string> WorkTree::read(const std::string& relative) const {
  return read_inside(fd(), relative, kMaxRead);
}

Status WorkTree::write(const std::string& relative, std::string_view text) const {
  return write_inside(fd(), relative, text);
}

Status WorkTree::remove(const std::string& relative) const {
  return remove_inside(fd(), relative);
}

DiskUse WorkTree::disk_use(size_t max_entries) const {
  return agent::disk_use(overlay_ ? overlay_->upper_fd() : root_fd_.get(), max_entries);
}

}  // namespace engramd::agent
