#include "agent/sandbox/inside.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/file.h"

namespace engramd::agent {
namespace {

Error link_error(const std::string& relative) {
  return {ErrorCode::invalid_input,
          relative + " goes through a symbolic link, which edits do not follow"};
}

struct Parent {
  OwnedFd folder;
  std::string name;
};

// The folder that holds the last part. With make, missing folders are made.
Result<Parent> open_parent(int root, const std::string& relative, bool make) {
  if (!is_safe_relative_path(relative))
    return fail(ErrorCode::invalid_input, "not a path inside the work tree: " + relative);
  Parent parent{OwnedFd(::fcntl(root, F_DUPFD_CLOEXEC, 0)), ""};
  for (size_t begin = 0;;) {
    const size_t end = relative.find('/', begin);
    parent.name = relative.substr(begin, end - begin);
    if (end == std::string::npos) return parent;
    const auto open = [&] {
      return ::openat(parent.folder.get(), parent.name.c_str(),
                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    };
    int next = open();
    if (next < 0 && errno == ENOENT && make) {
      if (::mkdirat(parent.folder.get(), parent.name.c_str(), 0755) != 0 && errno != EEXIST)
        return fail(errno_error("cannot create a folder for " + relative, errno));
      next = open();
    }
    if (next < 0) {
      const int reason = errno;
      // O_DIRECTORY makes ENOTDIR of a link.
      struct stat info {};
      if (::fstatat(parent.folder.get(), parent.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISLNK(info.st_mode))
        return fail(link_error(relative));
      return fail(errno_error("cannot open " + relative, reason));
    }
    parent.folder = OwnedFd(next);
    begin = end + 1;
  }
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

std::optional<struct stat> stat_inside(int root, const std::string& relative) {
  const auto parent = open_parent(root, relative, false);
  struct stat info {};
  if (!parent ||
      ::fstatat(parent->folder.get(), parent->name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return std::nullopt;
  return info;
}

Result<std::string> read_inside(int root, const std::string& relative, uint64_t max_bytes) {
  ENGRAMD_TRY(const Parent parent, open_parent(root, relative, false));
  const OwnedFd file(
      ::openat(parent.folder.get(), parent.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return fail(errno_error("cannot open " + relative, errno));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return fail(errno_error("cannot stat " + relative, errno));
  if (S_ISLNK(info.st_mode)) return fail(link_error(relative));
  if (!S_ISREG(info.st_mode))
    return fail(ErrorCode::invalid_input, relative + " is not a regular file");
  auto text = read_file("/proc/self/fd/" + std::to_string(file.get()), max_bytes);
  if (!text) return fail(text.error().with("while reading " + relative));
  return text;
}

Status write_inside(int root, const std::string& relative, std::string_view text) {
  ENGRAMD_TRY(const Parent parent, open_parent(root, relative, true));
  struct stat info {};
  unsigned mode = 0644;
  if (::fstatat(parent.folder.get(), parent.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISLNK(info.st_mode)) return fail(link_error(relative));
    if (!S_ISREG(info.st_mode))
      return fail(ErrorCode::invalid_input, relative + " is not a regular file");
    mode = info.st_mode & 0777;
  }
  // Several names may be tried: what runs in the tree could have made the first.
  std::string name;
  OwnedFd file;
  for (int attempt = 0; attempt < 100 && !file; ++attempt) {
    name = "." + parent.name.substr(0, 200) + "." + std::to_string(::getpid()) + "." +
           std::to_string(attempt);
    file = OwnedFd(::openat(parent.folder.get(), name.c_str(),
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file && errno != EEXIST) break;
  }
  if (!file) return fail(errno_error("cannot write " + relative, errno));
  const auto abandon = [&](int reason) {
    ::unlinkat(parent.folder.get(), name.c_str(), 0);
    Error error = errno_error("cannot write " + relative, reason);
    if (reason == ENOSPC || reason == EDQUOT) error.code = ErrorCode::exhausted;
    return fail(std::move(error));
  };
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = ::write(file.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return abandon(errno);
    rest.remove_prefix(static_cast<size_t>(n));
  }
  if (::fchmod(file.get(), mode) != 0) return abandon(errno);
  if (::renameat(parent.folder.get(), name.c_str(), parent.folder.get(), parent.name.c_str()) != 0)
    return abandon(errno);
  return {};
}

Status remove_inside(int root, const std::string& relative) {
  ENGRAMD_TRY(const Parent parent, open_parent(root, relative, false));
  if (::unlinkat(parent.folder.get(), parent.name.c_str(), 0) != 0)
    return fail(errno_error("cannot remove " + relative, errno));
  return {};
}

Result<OwnedFd> open_folder_inside(int root, const std::string& relative) {
  if (relative.empty()) {
    // Not a dup: directory streams of the same description share their position.
    OwnedFd same(::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!same) return fail(errno_error("cannot open the work tree", errno));
    return same;
  }
  ENGRAMD_TRY(const Parent parent, open_parent(root, relative, false));
  OwnedFd folder(::openat(parent.folder.get(), parent.name.c_str(),
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return fail(errno_error("cannot open " + relative, errno));
  return folder;
}

DiskUse disk_use(int root, size_t max_entries) {
  DiskUse use;
  // Names to open from the root, not descriptors: a wide tree must not use them all up.
  std::vector<std::string> pending{""};
  while (!pending.empty()) {
    const std::string at = std::move(pending.back());
    pending.pop_back();
    // Not open_folder_inside: .git counts too. A link swapped in is refused by the last flag, and
    // one in the middle would only make the sum wrong.
    const std::string path = at.empty() ? "." : at;
    const int fd = ::openat(root, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR* entries = fd < 0 ? nullptr : ::fdopendir(fd);
    if (entries == nullptr) {
      if (fd >= 0) ::close(fd);
      continue;
    }
    while (const dirent* entry = ::readdir(entries)) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (++use.n_entries > max_entries) {
        use.complete = false;
        ::closedir(entries);
        return use;
      }
      struct stat info {};
      if (::fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      use.n_bytes += static_cast<uint64_t>(info.st_blocks) * 512;
      if (S_ISDIR(info.st_mode))
        pending.push_back(at.empty() ? entry->d_name : at + "/" + entry->d_name);
    }
    ::closedir(entries);
  }
  return use;
}

}  // namespace engramd::agent
