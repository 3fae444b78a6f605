// The editor's process is watched by its number.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "daemon/session/parent_watch.h"

using engramd::daemon::ParentWatch;

namespace {

pid_t sleeper() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  return child;
}

void end(pid_t child) {
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

}  // namespace

TEST_CASE("parent watch: told once when the process is gone, never after the watch is") {
  const pid_t child = sleeper();
  std::atomic<int> told{0};
  const auto watch = ParentWatch::start(child, [&] { ++told; });
  auto other = ParentWatch::start(child, [&] { told += 100; });
  REQUIRE(watch != nullptr);
  REQUIRE(other != nullptr);
  other.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(told == 0);
  end(child);
  for (int i = 0; i < 500 && told == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(told == 1);
}

TEST_CASE("parent watch: a number that no process has says nothing") {
  const pid_t child = sleeper();
  end(child);
  CHECK(ParentWatch::start(child, [] {}) == nullptr);
  CHECK(ParentWatch::start(0, [] {}) == nullptr);
  CHECK(ParentWatch::start(-1, [] {}) == nullptr);
}
