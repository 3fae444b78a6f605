// daemon/server/handshake.h - the first message in each direction, before any LSP byte.
//
// Framed like LSP. The client says who it is and what it wants, the daemon says who it is; the
// client then decides (see newer_than): the newer of two builds is the one that runs. Members are
// only ever added, so that any two versions understand each other this far. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engramd::daemon {

constexpr int kProtocolOldest = 1, kProtocolNewest = 1;

// What is running: version, and which build of it.
struct BuildIdentity {
  std::string version;
  std::string build;       // hash of the executable's size and time of change
  int64_t build_time = 0;  // nanoseconds since 1970
};
BuildIdentity this_build();
// Whether a daemon of build `running` should give way to `mine`.
bool newer_than(const BuildIdentity& mine, const BuildIdentity& running);

struct Hello {
  int protocol = kProtocolNewest;
  BuildIdentity identity;
  std::string kind;  // "lsp" or "control"
  std::string cwd;
  std::map<std::string, std::string> environment;
};
struct Welcome {
  bool ok = false;
  std::string error;  // when not ok
  BuildIdentity identity;
  int64_t pid = 0;
  int protocol_oldest = 0, protocol_newest = 0;
};

std::string hello_text(const Hello& hello);
Result<Hello> read_hello(std::string_view text);
std::string welcome_text(const Welcome& welcome);
Result<Welcome> read_welcome(std::string_view text);

// A control request is {"method": "status" | "stop" | "retire"}.
std::string control_text(std::string_view method);
Result<std::string> read_control(std::string_view text);

// The variables of our environment that a task started for this client needs.
std::map<std::string, std::string> selected_environment();

}  // namespace engramd::daemon
