#include "agent/sandbox/overlay.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

// Steps of the child, so that an error can say which one was refused.
enum Step : int { kNamespaces, kUserMap, kPrivate, kTmpfs, kFolders, kMount, kDone };
constexpr const char* kStepNames[] = {"making namespaces",       "mapping our user",
                                      "making mounts private",   "mounting a tmpfs",
                                      "opening the upper layer", "mounting the overlay"};

struct Answer {
  int step = kNamespaces;
  int error_number = 0;
};

// Everything is laid out before the fork: the child only makes system calls.
struct Plan {
  bool own_user_namespace = false;
  std::string uid_map, gid_map, tmpfs_options;
  std::string lower, folder, upper, work;
  unsigned mode = 0755;
  bool tmpfs = false;
  int answer_fd = -1, go_fd = -1;
};

int write_text(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const ssize_t n = ::write(fd, text.data(), text.size());
  const int reason = n == static_cast<ssize_t>(text.size()) ? 0 : errno;
  ::close(fd);
  return reason;
}

// "<key>=/proc/self/fd/<fd>": a path may hold commas and colons, a descriptor does not.
char* add_fd(char* at, const char* key, int fd) {
  for (const char* c = key; *c != '\0'; ++c) *at++ = *c;
  for (const char* c = "=/proc/self/fd/"; *c != '\0'; ++c) *at++ = *c;
  char digits[12];
  int n = 0;
  do {
    digits[n++] = static_cast<char>('0' + fd % 10);
    fd /= 10;
  } while (fd > 0);
  while (n > 0) *at++ = digits[--n];
  *at++ = ',';
  return at;
}

[[noreturn]] void child_main(const Plan& plan) {
  Answer answer;
  const auto say = [&](int step, int error_number) {
    answer.step = step;
    answer.error_number = error_number;
    (void)!::write(plan.answer_fd, &answer, sizeof answer);
  };
  const auto give_up = [&](int step, int error_number) {
    say(step, error_number);
    ::_exit(1);
  };
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::unshare(CLONE_NEWNS | (plan.own_user_namespace ? CLONE_NEWUSER : 0)) != 0)
    give_up(kNamespaces, errno);
  if (plan.own_user_namespace) {
    // Without this the kernel takes no group map of a plain user. Absent before Linux 3.19.
    (void)write_text("/proc/self/setgroups", "deny");
    if (const int reason = write_text("/proc/self/uid_map", plan.uid_map); reason != 0)
      give_up(kUserMap, reason);
    if (const int reason = write_text("/proc/self/gid_map", plan.gid_map); reason != 0)
      give_up(kUserMap, reason);
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) give_up(kPrivate, errno);
  if (plan.tmpfs && ::mount("tmpfs", plan.folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV,
                            plan.tmpfs_options.c_str()) != 0)
    give_up(kTmpfs, errno);
  ::umask(0);
  if (::mkdir(plan.upper.c_str(), plan.mode) != 0 || ::mkdir(plan.work.c_str(), 0700) != 0)
    give_up(kFolders, errno);
  const int lower = ::open(plan.lower.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int upper = ::open(plan.upper.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int work = ::open(plan.work.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (lower < 0 || upper < 0 || work < 0) give_up(kFolders, errno);
  char data[160];
  char* at = add_fd(data, "lowerdir", lower);
  at = add_fd(at, "upperdir", upper);
  at = add_fd(at, "workdir", work);
  std::memcpy(at, "userxattr", 10);
  if (::mount("overlay", plan.lower.c_str(), "overlay", MS_NOSUID | MS_NODEV, data) != 0)
    give_up(kMount, errno);
  say(kDone, 0);
  // Until the parent holds descriptors of all this.
  char byte = 0;
  (void)!::read(plan.go_fd, &byte, 1);
  ::_exit(0);
}

}  // namespace

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) ::close(fd_);
}

fs::path path_of_fd(int fd) {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd);
}

Result<Overlay> Overlay::make(const Options& options) {
  struct stat info {};
  if (::stat(options.lower.c_str(), &info) != 0)
    return fail(errno_error("cannot look at " + options.lower.string(), errno));
  const auto try_with = [&](bool own_user_namespace) -> Result<Overlay> {
    Plan plan;
    plan.own_user_namespace = own_user_namespace;
    const std::string uid = std::to_string(::geteuid()), gid = std::to_string(::getegid());
    plan.uid_map = uid + " " + uid + " 1\n";
    plan.gid_map = gid + " " + gid + " 1\n";
    plan.tmpfs = options.tmpfs_bytes != 0;
    plan.tmpfs_options = "mode=0700,size=" + std::to_string(options.tmpfs_bytes);
    plan.lower = options.lower.string();
    plan.folder = options.private_folder.string();
    plan.upper = plan.folder + "/upper";
    plan.work = plan.folder + "/work";
    plan.mode = info.st_mode & 0777;
    int answers[2], goes[2];
    if (::pipe2(answers, O_CLOEXEC) != 0) return fail(errno_error("cannot make a pipe", errno));
    OwnedFd answer_in(answers[0]), answer_out(answers[1]);
    if (::pipe2(goes, O_CLOEXEC) != 0) return fail(errno_error("cannot make a pipe", errno));
    OwnedFd go_in(goes[0]), go_out(goes[1]);
    plan.answer_fd = answer_out.get();
    plan.go_fd = go_in.get();
    const pid_t pid = ::fork();
    if (pid < 0) return fail(errno_error("cannot fork", errno));
    if (pid == 0) {
      ::close(go_out.get());  // or its own copy would keep it waiting
      child_main(plan);
    }
    answer_out = OwnedFd();
    Answer answer;
    pollfd wait{answer_in.get(), POLLIN, 0};
    const bool in_time = ::poll(&wait, 1, 10000) > 0;
    const bool told = in_time && ::read(answer_in.get(), &answer, sizeof answer) ==
                                     static_cast<ssize_t>(sizeof answer);
    Overlay overlay;
    int reason = 0;
    if (told && answer.step == kDone) {
      const std::string process = "/proc/" + std::to_string(pid);
      const auto open = [&](OwnedFd& fd, const std::string& path, int flags) {
        fd = OwnedFd(::open(path.c_str(), flags | O_CLOEXEC));
        if (!fd && reason == 0) reason = errno;
      };
      open(overlay.mount_namespace_, process + "/ns/mnt", O_RDONLY);
      if (own_user_namespace) open(overlay.user_namespace_, process + "/ns/user", O_RDONLY);
      open(overlay.merged_, process + "/root" + plan.lower, O_RDONLY | O_DIRECTORY);
      open(overlay.upper_, process + "/root" + plan.upper, O_RDONLY | O_DIRECTORY);
      open(overlay.lower_, plan.lower, O_RDONLY | O_DIRECTORY);
    }
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (!told) return fail(ErrorCode::unavailable, "the step that mounts an overlay did not end");
    if (answer.step != kDone)
      return fail(ErrorCode::unavailable, std::string(kStepNames[answer.step]) + " was refused: " +
                                              std::strerror(answer.error_number));
    if (reason != 0)
      return fail(ErrorCode::unavailable,
                  std::string("the mounted overlay cannot be entered: ") + std::strerror(reason));
    overlay.on_tmpfs_ = plan.tmpfs;
    return overlay;
  };
  if (::geteuid() == 0) {
    // Real root mounts as it is: then files of several owners stay theirs.
    if (auto made = try_with(false)) return made;
    std::error_code ignored;
    fs::remove(options.private_folder / "upper", ignored);
    fs::remove(options.private_folder / "work", ignored);
  }
  return try_with(true);
}

int Overlay::join() const {
  if (user_namespace_ && ::setns(user_namespace_.get(), CLONE_NEWUSER) != 0) return errno;
  if (::setns(mount_namespace_.get(), CLONE_NEWNS) != 0) return errno;
  return 0;
}

}  // namespace engramd::agent
