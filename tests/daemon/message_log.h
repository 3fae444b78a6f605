// tests/daemon/message_log.h - the messages of one connection of a test, kept for the judge.
//
// With ENGRAMD_MESSAGE_LOG naming a folder, each connection gets a file there, one JSON object a
// line: {"from": "client" | "server", "message": {...}, "broken": true when the test breaks the
// rules on purpose}. tests/clients/lib/judge_logs.mjs reads them. Any thread.
#pragma once

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

namespace engramd::test {

class MessageLog {
 public:
  MessageLog();  // does nothing without the variable
  void client(const std::string& message, bool broken = false);
  void server(const std::string& message);

 private:
  void write(const char* from, const std::string& message, bool broken);

  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::mutex mutex_;  // guards the file: two threads send
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace engramd::test
