// What the settings make of the engine and the agent, with the shipped model itself.
#include <catch2/catch.hpp>

#include "daemon/wiring/ports.h"
#include "repoindex/index.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::test;

TEST_CASE("an endpoint for a model that talks leaves completion to the one that ships") {
  const Workspace workspace("//- /a.py\ndef run(): pass\nru<|>\n");
  // Nobody listens on the discard port.
  const auto settings = daemon::load_settings({}, {{"model", "http://127.0.0.1:9/v1#talker"}});
  REQUIRE(settings);
  const daemon::Ports ports = daemon::make_ports(*settings);
  repoindex::IndexOptions options;
  options.use_cache = false;
  const auto index = repoindex::RepoIndex::open(workspace.root(), options);
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  daemon::CompletionQuery query;
  query.view = {(*index)->snapshot(), nullptr, nullptr};
  query.path = "a.py";
  query.offset = workspace.cursor().offset;
  query.invoked = true;
  const auto completed = ports.complete(query, {});
  CHECK(completed);
  REQUIRE(ports.ask);
  const auto said = ports.ask({query.view, "a.py", {0, 16}, "Explain."}, {});
  REQUIRE_FALSE(said);
  CHECK_THAT(said.error().message, Catch::Contains("127.0.0.1"));
}
