#include "agent/sandbox/process_watch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>

namespace engramd::agent {
namespace {

constexpr size_t kMostSeen = 16384;
constexpr long kShortestUs = 20'000, kLongestUs = 500'000;  // between two looks
constexpr long kStoppingUs = 3'000'000;                     // patience with what forks on

long now_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

// A path of numbers and names, for code that may not allocate.
class ShortPath {
 public:
  ShortPath& add(std::string_view text) {
    const size_t n = std::min(text.size(), sizeof buffer_ - 1 - size_);
    std::memcpy(buffer_ + size_, text.data(), n);
    size_ += n;
    buffer_[size_] = '\0';
    return *this;
  }
  ShortPath& add(pid_t number) {
    char digits[12];
    size_t n = 0;
    do digits[n++] = static_cast<char>('0' + number % 10);
    while ((number /= 10) > 0 && n < sizeof digits);
    std::reverse(digits, digits + n);
    return add(std::string_view(digits, n));
  }
  const char* c_str() const { return buffer_; }

 private:
  char buffer_[64] = {};
  size_t size_ = 0;
};

size_t read_numbers(int fd, pid_t* out, size_t room) {
  char buffer[4096];
  size_t n_out = 0;
  pid_t pid = 0;
  for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;)
    for (ssize_t i = 0; i < n; ++i) {
      if (buffer[i] >= '0' && buffer[i] <= '9') {
        pid = pid * 10 + (buffer[i] - '0');
      } else {
        if (pid > 1 && n_out < room) out[n_out++] = pid;
        pid = 0;
      }
    }
  return n_out;
}

// The children of one process, of each of its threads.
size_t children_of(pid_t process, pid_t* out, size_t room) {
  const int tasks = ::open(ShortPath().add("/proc/").add(process).add("/task").c_str(),
                           O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (tasks < 0) return 0;  // it has ended
  size_t n_out = 0;
  alignas(8) char buffer[4096];
  for (long n = 0; (n = ::syscall(SYS_getdents64, tasks, buffer, sizeof buffer)) > 0;)
    for (long at = 0; at < n && n_out < room;) {
      // struct linux_dirent64: inode and offset (8 bytes each), length (2), type (1), the name
      const char* entry = buffer + at;
      uint16_t length = 0;
      std::memcpy(&length, entry + 16, sizeof length);
      const char* name = entry + 19;
      at += length;
      if (*name < '0' || *name > '9') continue;
      const int file =
          ::openat(tasks, ShortPath().add(name).add("/children").c_str(), O_RDONLY | O_CLOEXEC);
      if (file < 0) continue;
      n_out += read_numbers(file, out + n_out, room - n_out);
      ::close(file);
    }
  ::close(tasks);
  return n_out;
}

}  // namespace

void ProcessWatch::Unmap::operator()(std::atomic<bool>* page) const {
  ::munmap(page, sizeof *page);
}

ProcessWatch::ProcessWatch(size_t max_processes)
    : max_processes_(std::clamp<size_t>(max_processes, 1, kMostSeen - 1)), pids_(kMostSeen) {
  void* page = ::mmap(nullptr, sizeof(std::atomic<bool>), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page != MAP_FAILED) found_.reset(new (page) std::atomic<bool>(false));
}

bool ProcessWatch::works_here() {
  return ::access("/proc/thread-self/children", R_OK) == 0;
}

size_t ProcessWatch::look(size_t room) {
  pid_t* const pids = pids_.data();
  size_t n = children_of(::getpid(), pids, room);
  for (size_t i = 0; i < n && n < room; ++i) n += children_of(pids[i], pids + n, room - n);
  return n;
}

int ProcessWatch::wait_ms() const {
  return static_cast<int>(std::clamp(next_look_us_ - now_us(), 0l, kLongestUs) / 1000) + 1;
}

bool ProcessWatch::too_many() {
  const long start = now_us();
  if (start < next_look_us_) return false;
  const size_t n = look(max_processes_ + 1);
  const long end = now_us();
  next_look_us_ = end + std::clamp(20 * (end - start), kShortestUs, kLongestUs);
  if (n <= max_processes_) return false;
  if (found_) found_->store(true);
  return true;
}

void ProcessWatch::kill_all() {
  const long until = now_us() + kStoppingUs;
  size_t n = 0;
  for (uint64_t before = 0; now_us() < until;) {
    n = look(pids_.size());
    uint64_t same = n + 1;  // of the numbers and their order
    for (size_t i = 0; i < n; ++i) {
      ::kill(pids_[i], SIGSTOP);
      same = same * 1'099'511'628'211ull + static_cast<uint64_t>(pids_[i]);
    }
    if (same == before) break;
    // Second, since stopping is what is urgent. Root's processes are not bound by it.
    const rlimit none{0, 0};
    for (size_t i = 0; i < n; ++i) ::prlimit(pids_[i], RLIMIT_NPROC, &none, nullptr);
    before = same;
  }
  // Last first: a parent that is killed lets the kernel continue stopped children.
  for (size_t i = n; i-- > 0;) ::kill(pids_[i], SIGKILL);
}

}  // namespace engramd::agent
