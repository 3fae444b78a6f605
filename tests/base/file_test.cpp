#include "base/file.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/support/workspace.h"

using namespace engramd;

TEST_CASE("a file over the cap is refused with both sizes") {
  const test::Workspace ws("//- /a.txt\n0123456789\n");
  CHECK(read_file(ws.path("a.txt"), 11)->size() == 11);
  const auto refused = read_file(ws.path("a.txt"), 10);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::exhausted);
  CHECK(refused.error().message.find("11 bytes, expected at most 10") != std::string::npos);
}

TEST_CASE("a fifo does not block a reader") {
  const test::Workspace ws("//- /a.txt\nx\n");
  REQUIRE(::mkfifo(ws.path("pipe").c_str(), 0600) == 0);
  CHECK(read_file(ws.path("pipe")).error().code == ErrorCode::invalid_input);
}

TEST_CASE("a write that fails leaves the old content and no temporary file") {
  const test::Workspace ws("//- /folder/a.txt\nold\n");
  // The target is a folder: the rename must fail.
  REQUIRE_FALSE(write_file_atomic(ws.path("folder"), "new"));
  CHECK(ws.read("folder/a.txt") == "old\n");
  size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ws.root())) {
    (void)entry;
    ++n;
  }
  CHECK(n == 1);
}

TEST_CASE("a place that cannot be written to is one clear error") {
  const auto status = write_file_atomic("/dev/full/x", "text");
  REQUIRE_FALSE(status);
  CHECK(status.error().message.find("/dev/full") != std::string::npos);
}

TEST_CASE("a lock is exclusive and goes with its holder") {
  const test::Workspace ws("//- /a.txt\nx\n");
  {
    const auto first = FileLock::try_acquire(ws.path("lock"));
    REQUIRE(first);
    const auto second = FileLock::try_acquire(ws.path("lock"));
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::unavailable);
  }
  CHECK(FileLock::try_acquire(ws.path("lock")));
}
