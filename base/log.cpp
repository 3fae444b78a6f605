#include "base/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <ctime>
#include <mutex>

namespace engramd {
namespace {

// A log is the one thing a process has a single of: where the lines go is the process's business.
struct LogSink {
  std::atomic<LogLevel> level{LogLevel::warning};
  std::mutex mutex;  // guards the three below; lines come from every thread
  int fd = STDERR_FILENO;
  std::string path;
  long max_bytes = 0;
};

LogSink& sink() {
  static LogSink instance;
  return instance;
}

const char* level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    default:
      return "error";
  }
}

int open_log(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

void rotate_if_full(LogSink& s) {
  struct stat info {};
  if (s.path.empty() || ::fstat(s.fd, &info) != 0 || info.st_size < s.max_bytes) return;
  if (::rename(s.path.c_str(), (s.path + ".1").c_str()) != 0) return;
  const int fresh = open_log(s.path);
  if (fresh < 0) return;
  ::close(s.fd);
  s.fd = fresh;
}

}  // namespace

void set_log_level(LogLevel level) {
  sink().level = level;
}

bool set_log_file(const std::string& path, long max_bytes) {
  const int fd = open_log(path);
  if (fd < 0) return false;
  LogSink& s = sink();
  std::lock_guard lock(s.mutex);
  if (s.fd != STDERR_FILENO) ::close(s.fd);
  s.fd = fd;
  s.path = path;
  s.max_bytes = max_bytes;
  return true;
}

void log(LogLevel level, std::string_view message) {
  LogSink& s = sink();
  if (level < s.level.load(std::memory_order_relaxed)) return;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  char stamp[64];
  const size_t n = std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(stamp + n, sizeof stamp - n, ".%03ldZ", now.tv_nsec / 1000000);
  std::string line = std::string(stamp) + " engramd[" + std::to_string(::getpid()) + "] " +
                     level_name(level) + ": ";
  line.append(message.substr(0, 8192));
  line += '\n';
  std::lock_guard lock(s.mutex);
  rotate_if_full(s);
  if (::write(s.fd, line.data(), line.size()) < 0) return;  // nowhere left to complain to
}

}  // namespace engramd
