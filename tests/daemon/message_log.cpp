#include "tests/daemon/message_log.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace engramd::test {

MessageLog::MessageLog() {
  const char* folder = std::getenv("ENGRAMD_MESSAGE_LOG");
  if (folder == nullptr || *folder == '\0') return;
  static std::atomic<int> next{0};
  const std::string path = std::string(folder) + "/" + program_invocation_short_name + "-" +
                           std::to_string(::getpid()) + "-" + std::to_string(++next) + ".jsonl";
  file_.reset(std::fopen(path.c_str(), "we"));
  if (file_ == nullptr) throw std::runtime_error("cannot write " + path);
}

void MessageLog::client(const std::string& message, bool broken) {
  write("client", message, broken);
}

void MessageLog::server(const std::string& message) {
  write("server", message, false);
}

void MessageLog::write(const char* from, const std::string& message, bool broken) {
  if (file_ == nullptr) return;
  std::lock_guard lock(mutex_);
  std::fprintf(file_.get(), "{\"from\":\"%s\"%s,\"message\":%s}\n", from,
               broken ? ",\"broken\":true" : "", message.c_str());
  std::fflush(file_.get());
}

}  // namespace engramd::test
