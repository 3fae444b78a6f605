// What compilers keep between the commands of a task, and how a fresh tree gets it.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "agent/sandbox/compiler_cache.h"
#include "agent/solve/evidence.h"
#include "base/landlock.h"
#include "tests/agent/sandbox_stage.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Stage;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

std::vector<SandboxMode> all_modes() {
  std::vector<SandboxMode> modes{SandboxMode::container};
  if (probe_sandbox().usable) modes.push_back(SandboxMode::bubblewrap);
  if (landlock_abi() > 0) modes.push_back(SandboxMode::landlock);
  return modes;
}

}  // namespace

TEST_CASE("a compiler's cache stays between commands and goes along to a fresh tree, as a copy") {
  for (const SandboxMode mode : all_modes()) {
    INFO(to_string(mode));
    const Workspace ws("//- /a.txt\nx\n"), saved("//- /empty\n");
    const Stage first(ws, mode), second(ws, mode);
    CHECK(first
              .run("mkdir -p $GOCACHE/00 $CCACHE_DIR && echo object > $GOCACHE/00/a && "
                   "ln -s /etc/passwd $GOCACHE/00/link && mkfifo $GOCACHE/pipe && "
                   "mkdir -p ~/.cache/own && echo answer > ~/.cache/own/result")
              .exit_code == 0);
    CHECK(first.run("cat $GOCACHE/00/a").stdout_text == "object\n");
    REQUIRE(first.sandbox->save_compiler_cache(saved.root(), {}));
    CHECK(saved.read("go-build/00/a") == "object\n");
    // A later command of the first sandbox does not reach the copy.
    first.run("echo other > $GOCACHE/00/a");
    REQUIRE(second.sandbox->load_compiler_cache(saved.root(), {}));
    CHECK(second
              .run("cat $GOCACHE/00/a; ls $GOCACHE $GOCACHE/00 | grep -c -e link -e pipe; "
                   "ls ~/.cache/own 2>/dev/null")
              .stdout_text == "object\n0\n");
  }
}

TEST_CASE("a compiler's cache beyond the bounds is an error, and so is a cancelled copy") {
  const Workspace from("//- /a\n123456789\n//- /b/c\n123456789\n"), to("//- /empty\n");
  CacheCopy small;
  small.max_bytes = 15;
  const auto large = copy_compiler_cache(from.root(), to.root(), {}, small);
  REQUIRE_FALSE(large);
  CHECK(large.error().code == ErrorCode::exhausted);
  small = {};
  small.max_entries = 2;
  CHECK_FALSE(copy_compiler_cache(from.root(), to.root(), {}, small));
  CancelSource source;
  source.cancel();
  CHECK(copy_compiler_cache(from.root(), to.root(), source.token()).error().code ==
        ErrorCode::cancelled);
  CHECK(copy_compiler_cache(from.root(), to.root(), {}));
  CHECK(to.read("b/c") == "123456789\n");
  CHECK_FALSE(copy_compiler_cache(from.path("missing"), to.root(), {}));
}

TEST_CASE("a change is judged on a fresh tree with the compiled objects of the run before") {
  if (!probe_sandbox().usable) return;
  const Workspace ws("//- /a.txt\nx\n");
  EvidenceOptions options;
  options.repo = ws.root();
  options.recheck_s = 0;
  // Red where nothing was compiled before; what a judged change leaves reaches no other.
  options.tests.command =
      "mkdir -p $GOCACHE; ls $GOCACHE; n=$(ls $GOCACHE | wc -l); touch $GOCACHE/$(cat a.txt); "
      "test $n -eq 1";
  Evidence evidence(options);
  REQUIRE(evidence.look_before({}));
  CHECK_FALSE(evidence.before().green);
  for (const char* text : {"first\n", "second\n"}) {
    const auto after = evidence.measure({{"a.txt", text}}, 60, {});
    REQUIRE(after);
    INFO(after->run.output);
    CHECK(after->run.green);
    CHECK(after->run.output.find("x\n") != std::string::npos);
  }
}
