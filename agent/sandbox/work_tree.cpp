#include "agent/sandbox/work_tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

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

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

Status copy_regular_file(const fs::path& from, const fs::path& to, const struct stat& info) {
  Descriptor in{::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (in.fd < 0) return fail(errno_error("cannot read " + from.string(), errno));
  Descriptor out{::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (out.fd < 0) return fail(errno_error("cannot copy to " + to.string(), errno));
  if (::ioctl(out.fd, FICLONE, in.fd) != 0) {
    static thread_local std::array<char, 1u << 17> buffer;
    for (;;) {
      const ssize_t n = ::read(in.fd, buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(errno_error("cannot read " + from.string(), errno));
      if (n == 0) break;
      for (ssize_t done = 0; done < n;) {
        const ssize_t written =
            ::write(out.fd, buffer.data() + done, static_cast<size_t>(n - done));
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
  ::futimens(out.fd, times);
  ::fchmod(out.fd, (info.st_mode & 0777) | 0600);
  return {};
}

}  // namespace

bool is_safe_relative_path(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos)
    return false;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part == ".git") return false;
    begin = end + 1;
  }
  return true;
}

Result<WorkTree> WorkTree::copy_of(const fs::path& given, const WorkTreeOptions& options,
                                   const CancelToken& cancel) {
  std::error_code error;
  const fs::path original = fs::canonical(given, error);
  if (error) return fail(ErrorCode::not_found, "folder not found: " + given.string());
  if (!fs::is_directory(original, error))
    return fail(ErrorCode::invalid_input, original.string() + " is not a folder");
  ENGRAMD_TRY(TemporaryFolder folder, TemporaryFolder::make("engramd-task"));
  WorkTree tree(std::move(folder), original);
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
        }
      }
    }
  }
  return tree;
}

namespace {

Status check_inside(const fs::path& root, const std::string& relative) {
  if (!is_safe_relative_path(relative))
    return fail(ErrorCode::invalid_input, "not a path inside the work tree: " + relative);
  fs::path at = root;
  for (const fs::path& part : fs::path(relative)) {
    at /= part;
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(at, error)))
      return fail(ErrorCode::invalid_input,
                  relative + " goes through a symbolic link, which edits do not follow");
  }
  return {};
}

}  // namespace

Result<std::string> WorkTree::read(const std::string& relative) const {
  ENGRAMD_CHECK(check_inside(root_, relative));
  return read_file(root_ / relative, 16u << 20);
}

Status WorkTree::write(const std::string& relative, std::string_view text) const {
  ENGRAMD_CHECK(check_inside(root_, relative));
  const fs::path path = root_ / relative;
  struct stat info {};
  const unsigned mode = ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0644;
  return write_file_atomic(path, text, mode);
}

}  // namespace engramd::agent
