#include "daemon/server/endpoint.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/environment.h"

namespace engramd::daemon {
namespace {

namespace fs = std::filesystem;

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int release() { return std::exchange(fd, -1); }
};

// Fills the address; a long path goes through the folder's descriptor, which must stay open.
Status address_of(const fs::path& path, sockaddr_un& address, Descriptor& folder) {
  address.sun_family = AF_UNIX;
  std::string name = path.string();
  if (name.size() >= sizeof address.sun_path) {
    folder.fd = ::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder.fd < 0)
      return fail(errno_error("cannot open " + path.parent_path().string(), errno));
    name = "/proc/self/fd/" + std::to_string(folder.fd) + "/" + path.filename().string();
  }
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  return {};
}

Result<int> new_socket() {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(errno_error("cannot make a socket", errno));
  return fd;
}

}  // namespace

Result<Endpoint> Endpoint::open() {
  const fs::path folder = runtime_folder();
  ENGRAMD_CHECK(make_directories(folder, 0700));
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0)
    return fail(errno_error("cannot stat " + folder.string(), errno));
  // In a shared /tmp somebody else may have made it first, or pointed it elsewhere.
  if (!S_ISDIR(info.st_mode))
    return fail(ErrorCode::unavailable, folder.string() + " is no folder, expected one of our own");
  if (info.st_uid != ::geteuid())
    return fail(ErrorCode::unavailable, folder.string() + " belongs to user " +
                                            std::to_string(info.st_uid) + ", expected " +
                                            std::to_string(::geteuid()));
  if ((info.st_mode & 0077) != 0 && ::chmod(folder.c_str(), 0700) != 0)
    return fail(errno_error("cannot make " + folder.string() + " private", errno));
  return Endpoint(folder);
}

Result<int> Endpoint::bind() const {
  unlink();
  sockaddr_un address{};
  Descriptor folder;
  ENGRAMD_CHECK(address_of(socket_path(), address, folder));
  Descriptor socket;
  ENGRAMD_TRY(socket.fd, new_socket());
  const mode_t old_mask = ::umask(0177);
  const int bound = ::bind(socket.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int reason = errno;
  ::umask(old_mask);
  if (bound != 0) return fail(errno_error("cannot bind " + socket_path().string(), reason));
  if (::listen(socket.fd, 64) != 0)
    return fail(errno_error("cannot listen on " + socket_path().string(), errno));
  return socket.release();
}

Result<int> Endpoint::connect() const {
  sockaddr_un address{};
  Descriptor folder;
  ENGRAMD_CHECK(address_of(socket_path(), address, folder));
  Descriptor socket;
  ENGRAMD_TRY(socket.fd, new_socket());
  if (::connect(socket.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN)
      return fail(ErrorCode::not_found, "no daemon listens on " + socket_path().string());
    return fail(errno_error("cannot connect to " + socket_path().string(), errno));
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      peer.uid != ::geteuid())
    return fail(ErrorCode::unavailable,
                "the daemon on " + socket_path().string() + " runs as another user");
  return socket.release();
}

void Endpoint::unlink() const {
  ::unlink(socket_path().c_str());
}

}  // namespace engramd::daemon
