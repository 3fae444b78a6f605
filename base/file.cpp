#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <vector>

namespace engramd {
namespace {

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

Status write_all(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error("cannot write " + name, errno));
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status sync_folder(const std::filesystem::path& folder) {
  Descriptor file{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (file.fd < 0 || ::fsync(file.fd) != 0)
    return fail(errno_error("cannot sync " + folder.string(), errno));
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, uint64_t max_bytes) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return fail(errno_error("cannot open " + path.string(), errno));
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return fail(errno_error("cannot stat " + path.string(), errno));
  if (!S_ISREG(info.st_mode))
    return fail(ErrorCode::invalid_input, path.string() + " is not a regular file");
  if (static_cast<uint64_t>(info.st_size) > max_bytes)
    return fail(ErrorCode::exhausted, path.string() + " has " + std::to_string(info.st_size) +
                                          " bytes, expected at most " + std::to_string(max_bytes));
  std::string out(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  for (;;) {
    // The file may grow while we read: one spare byte tells, and the cap still holds.
    if (done == out.size()) {
      if (out.size() >= max_bytes) break;
      char probe = 0;
      const ssize_t n = ::read(file.fd, &probe, 1);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      out.resize(out.size() + 4096);
      out[done++] = probe;
      continue;
    }
    const ssize_t n = ::read(file.fd, out.data() + done, out.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error("cannot read " + path.string(), errno));
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  out.resize(done);
  return out;
}

Status write_file_atomic(const std::filesystem::path& path, std::string_view bytes, unsigned mode,
                         bool durable) {
  const std::filesystem::path folder =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  ENGRAMD_CHECK(make_directories(folder));
  std::string name = (folder / ("." + path.filename().string() + ".XXXXXX")).string();
  Descriptor file{::mkostemp(name.data(), O_CLOEXEC)};
  if (file.fd < 0) return fail(errno_error("cannot create a file in " + folder.string(), errno));
  const auto abandon = [&](Error error) {
    ::unlink(name.c_str());
    return fail(std::move(error));
  };
  if (Status written = write_all(file.fd, bytes, path.string()); !written)
    return abandon(written.error());
  if (::fchmod(file.fd, mode) != 0)
    return abandon(errno_error("cannot set the mode of " + path.string(), errno));
  if (durable && ::fsync(file.fd) != 0)
    return abandon(errno_error("cannot sync " + path.string(), errno));
  if (::rename(name.c_str(), path.c_str()) != 0)
    return abandon(errno_error("cannot rename onto " + path.string(), errno));
  if (durable) return sync_folder(folder);
  return {};
}

Status make_directories(const std::filesystem::path& path, unsigned mode) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  if (path.has_parent_path() && path.parent_path() != path)
    ENGRAMD_CHECK(make_directories(path.parent_path(), mode));
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return fail(errno_error("cannot create folder " + path.string(), errno));
  if (!std::filesystem::is_directory(path, error))
    return fail(ErrorCode::io, path.string() + " exists and is not a folder");
  return {};
}

void remove_tree(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::remove_all(folder, error);
  if (!error) return;
  std::vector<fs::path> pending{folder};
  while (!pending.empty()) {
    const fs::path at = std::move(pending.back());
    pending.pop_back();
    ::chmod(at.c_str(), 0700);
    fs::directory_iterator entries(at, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      std::error_code ignored;
      if (fs::is_directory(entries->symlink_status(ignored))) pending.push_back(entries->path());
    }
  }
  fs::remove_all(folder, error);
}

Result<TemporaryFolder> TemporaryFolder::make(std::string_view prefix) {
  std::error_code error;
  const std::filesystem::path base = std::filesystem::temp_directory_path(error);
  if (error) return fail(ErrorCode::unavailable, "no temporary folder: " + error.message());
  std::string name = (base / (std::string(prefix) + ".XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr)
    return fail(errno_error("cannot create a folder in " + base.string(), errno));
  return TemporaryFolder(name);
}

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TemporaryFolder::~TemporaryFolder() {
  if (!path_.empty()) remove_tree(path_);
}

Result<FileLock> FileLock::try_acquire(const std::filesystem::path& path) {
  if (path.has_parent_path()) ENGRAMD_CHECK(make_directories(path.parent_path(), 0700));
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(errno_error("cannot open " + path.string(), errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    ::close(fd);
    if (reason == EWOULDBLOCK)
      return fail(ErrorCode::unavailable, path.string() + " is held by another process");
    return fail(errno_error("cannot lock " + path.string(), reason));
  }
  return FileLock(fd);
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace engramd
