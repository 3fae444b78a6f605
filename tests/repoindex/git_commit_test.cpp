// A commit is asked like a folder: in a bare repository, and with a revision beside a work tree.
#include <algorithm>
#include <catch2/catch.hpp>

#include "base/text.h"
#include "repoindex/locate.h"
#include "repoindex/query.h"
#include "repoindex/search/text.h"
#include "repoindex/snapshot.h"
#include "tests/repoindex/git_stories.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<RepoIndex> opened(const fs::path& root, std::string revision,
                                  const fs::path& cache = {}) {
  IndexOptions options;
  options.use_cache = !cache.empty();
  options.cache_folder = cache;
  options.revision = std::move(revision);
  auto index = RepoIndex::open(root, options);
  REQUIRE(index);
  return std::move(*index);
}

View view_of(const fs::path& root, std::string revision) {
  auto index = opened(root, std::move(revision));
  auto stats = index->refresh();
  INFO((stats ? std::string() : stats.error().message));
  REQUIRE(stats);
  return {index->snapshot(), nullptr};  // outlives the index
}

std::string hash_of(const Workspace& ws, const char* revision) {
  return std::string(trim(ws.git({"rev-parse", revision})));
}

const char* const kTwoFiles =
    "#init git\n"
    "//- /lib/shape.py\ndef area(width, height):\n    return width * height\n"
    "//- /app.py\nfrom lib.shape import area\nprint(area(2, 3))\n"
    "//- /run\n#!/usr/bin/env python3\nprint('no ending')\n"
    "//- /data.bin\n";

// A second commit that renames what the first one had; the folder is ahead of both.
void go_on(const Workspace& ws) {
  ws.write("lib/shape.py", "def surface(width, height):\n    return width * height\n");
  ws.write("lib/round.py", "def circle(radius):\n    return 3 * radius * radius\n");
  ws.git({"add", "-A"});
  ws.git({"commit", "-q", "-m", "surfaces of circles"});
  ws.write("lib/shape.py", "def unsaved_work():\n    pass\n");
}

}  // namespace

TEST_CASE("a revision: names, texts and searches are of that commit, not of the folder") {
  Workspace ws(kTwoFiles);
  go_on(ws);
  const View old = view_of(ws.root(), "HEAD~1"), now = view_of(ws.root(), "HEAD");
  CHECK(old.snapshot->commit() == hash_of(ws, "HEAD~1"));
  CHECK(definitions_of(old, "area", 9).size() == 1);
  CHECK(definitions_of(old, "surface", 9).empty());
  CHECK(definitions_of(now, "area", 9).empty());
  CHECK(definitions_of(now, "surface", 9).size() == 1);
  CHECK(definitions_of(now, "unsaved_work", 9).empty());
  CHECK_FALSE(old.contains("lib/round.py"));
  CHECK(old.text("lib/shape.py")->find("def area") == 0);
  CHECK_FALSE(old.text("../outside"));
  CHECK(old.facts("run")->language == "python");

  TextQuery query;
  query.pattern = "width * height";
  const auto found = search(old, query);
  REQUIRE(found);
  REQUIRE(found->hits.size() == 1);
  CHECK(found->hits[0].place.path == "lib/shape.py");
  // The imported name leads through the commit's files.
  const std::string app = *old.text("app.py");
  const auto hits = find_definitions(old, "app.py", app.find("area(2"));
  REQUIRE_FALSE(hits.empty());
  CHECK(hits[0].place.path == "lib/shape.py");
}

TEST_CASE("a revision: the ranking knows the history up to it and no later change") {
  Workspace ws(kTwoFiles);
  go_on(ws);
  LocateIndex ranker;
  const View old = view_of(ws.root(), "HEAD~1");
  auto located = ranker.locate(old, "the area is wrong");
  REQUIRE(located);
  REQUIRE_FALSE(located->files.empty());
  CHECK(located->files[0].path == "lib/shape.py");
  for (const RankedFile& file : located->files) CHECK(file.path != "lib/round.py");
  // The same object, asked of the later commit.
  located = ranker.locate(view_of(ws.root(), "HEAD"), "surfaces of circles");
  REQUIRE(located);
  CHECK(std::any_of(located->files.begin(), located->files.end(),
                    [](const RankedFile& file) { return file.path == "lib/round.py"; }));
}

TEST_CASE("a bare repository: its HEAD is indexed, a push is seen by the next refresh") {
  Workspace ws(kTwoFiles);
  Workspace place("");
  const fs::path bare = place.path("bare.git");
  ws.git({"clone", "-q", "--bare", ".", bare.string()});
  Workspace cache("");
  auto index = opened(bare, {}, cache.root());
  auto stats = index->refresh();
  REQUIRE(stats);
  CHECK(stats->is_git);
  CHECK(stats->n_files == 4);
  CHECK(stats->n_parsed == 4);
  View view{index->snapshot(), nullptr};
  CHECK(definitions_of(view, "area", 9).size() == 1);
  CHECK(view.text("app.py")->starts_with("from lib"));

  SECTION("nothing is read twice") {
    REQUIRE(index->refresh());
    CHECK(index->snapshot() == view.snapshot);
    auto again = opened(bare, {}, cache.root())->refresh();
    REQUIRE(again);
    CHECK(again->n_parsed == 0);
    CHECK(again->n_indexed == stats->n_indexed);
  }
  SECTION("the branch moves") {
    go_on(ws);
    ws.git({"push", "-q", bare.string(), "HEAD"});
    stats = index->refresh();
    REQUIRE(stats);
    CHECK(stats->n_parsed == 2);
    view = {index->snapshot(), nullptr};
    CHECK(definitions_of(view, "surface", 9).size() == 1);
    CHECK(definitions_of(view, "area", 9).empty());
    // A client that reports one path gets the whole commit.
    ws.git({"push", "-q", "-f", bare.string(),
            "HEAD~1:" + std::string(trim(ws.git({"symbolic-ref", "HEAD"})))});
    REQUIRE(index->refresh_paths({"app.py"}));
    view = {index->snapshot(), nullptr};
    CHECK(definitions_of(view, "area", 9).size() == 1);
  }
}

TEST_CASE("a revision: links and submodules are left out, a folder below the top is a root") {
  Workspace ws("#init git\n//- /a/x.py\nx = 1\n//- /a/b/y.py\ny = 1\n//- /z.py\nz = 1\n");
  fs::create_symlink("z.py", ws.path("link.py"));
  ws.git({"add", "-A"});
  ws.git({"update-index", "--add", "--cacheinfo", "160000," + hash_of(ws, "HEAD") + ",a/sub"});
  ws.git({"commit", "-q", "-m", "more"});
  CHECK(view_of(ws.root(), "HEAD").paths() ==
        std::vector<std::string>{"a/b/y.py", "a/x.py", "z.py"});
  const View below = view_of(ws.path("a"), "HEAD");
  CHECK(below.paths() == std::vector<std::string>{"b/y.py", "x.py"});
  CHECK(*below.text("b/y.py") == "y = 1\n");
}

TEST_CASE("a revision: what git does not know is one clear error, nothing is taken for an option") {
  Workspace ws("#init git\n//- /a.py\nx = 1\n");
  for (const char* revision : {"no-such-branch", "--all", "HEAD:a.py", "deadbeef"}) {
    auto stats = opened(ws.root(), revision)->refresh();
    INFO(revision);
    REQUIRE_FALSE(stats);
    CHECK(stats.error().code == ErrorCode::not_found);
    CHECK(stats.error().message.find(revision) != std::string::npos);
  }
  Workspace plain("//- /a.py\nx = 1\n");
  auto stats = opened(plain.root(), "HEAD")->refresh();
  REQUIRE_FALSE(stats);
  CHECK(stats.error().message.find("no git repository") != std::string::npos);
}

TEST_CASE("a revision: SHA-256 ids are read by git, a missing blob is an unreadable file") {
  Workspace ws("");
  ws.git({"init", "-q", "--object-format=sha256", "."});
  ws.write("a.py", "def found():\n    pass\n");
  ws.git({"add", "-A"});
  ws.git({"commit", "-q", "-m", "one"});
  const View view = view_of(ws.root(), "HEAD");
  CHECK(definitions_of(view, "found", 9).size() == 1);
  CHECK(view.text("a.py")->starts_with("def found"));

  Workspace origin("#init git\n//- /a.py\nx = 1\n");
  origin.write("a.py", "x = 2\n");
  origin.git({"commit", "-q", "-a", "-m", "two"});
  origin.git({"config", "uploadpack.allowFilter", "true"});
  Workspace partial("");
  partial.git({"-c", "protocol.file.allow=always", "clone", "-q", "--filter=blob:none",
               "file://" + origin.root().string(), "clone"});
  auto index = opened(partial.path("clone"), "HEAD~1");
  auto stats = index->refresh();
  REQUIRE(stats);
  CHECK(stats->n_unreadable == 1);
  CHECK(index->snapshot()->n_files() == 0);
}
