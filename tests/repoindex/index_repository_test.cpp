// What is listed, what is parsed, what is said, and that nothing in a folder can break it.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "repoindex/index.h"
#include "repoindex/query.h"
#include "repoindex/snapshot.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::test::Workspace;

namespace {

struct Indexed {
  std::unique_ptr<RepoIndex> index;
  IndexStats stats;
  std::vector<std::string> paths() const { return View{index->snapshot(), nullptr}.paths(); }
};

Indexed index_folder(const std::filesystem::path& root,
                     IndexOptions options = {.use_cache = false}) {
  auto index = RepoIndex::open(root, options);
  REQUIRE(index);
  auto stats = (*index)->refresh();
  REQUIRE(stats);
  return {std::move(*index), std::move(*stats)};
}

bool any_note(const IndexStats& stats, std::string_view part) {
  return std::any_of(stats.notes.begin(), stats.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

// Everything a snapshot says, as text: two that say the same are equal.
std::string dump(const Snapshot& snapshot) {
  std::string out;
  snapshot.for_each_file([&](const FileEntry& file) {
    out += file.path + " " + file.blob_id + " " + std::to_string(file.n_bytes) + "\n";
    const FileFactsPtr facts = snapshot.facts(file);
    if (facts == nullptr) return;
    for (const Symbol& s : facts->symbols) {
      out += "  " + s.name + " " + std::string(to_string(s.kind)) + " " + std::to_string(s.begin) +
             " " + s.signature + "\n";
      size_t n = 0;
      snapshot.definitions(s.name, [&](DefinitionRef) { return ++n, true; });
      out += "  defined " + std::to_string(n) + "\n";
    }
    for (const std::string& name : facts->names) {
      size_t n = 0;
      snapshot.files_with_name(name, [&](const FileEntry&) { return ++n, true; });
      out += "  " + name + " in " + std::to_string(n) + "\n";
    }
  });
  return out;
}

}  // namespace

TEST_CASE("git: tracked files and untracked ones that no rule ignores") {
  Workspace ws(R"(#init git
//- /.gitignore
build/
*.log
//- /src/a.py
x = 1
//- /forced.log
kept because it is tracked
)");
  ws.git({"add", "-f", "forced.log"});
  ws.git({"commit", "-q", "-m", "more"});
  ws.write("src/new.py", "y = 1\n");
  ws.write("build/out.py", "z = 1\n");
  ws.write("noise.log", "n\n");
  Indexed it = index_folder(ws.root());
  CHECK(it.stats.is_git);
  CHECK(it.paths() ==
        std::vector<std::string>{".gitignore", "forced.log", "src/a.py", "src/new.py"});
}

TEST_CASE("git: the blob id is the one git gives") {
  Workspace ws("#init git\n//- /a.py\nx = 1\n");
  Indexed it = index_folder(ws.root());
  std::string id = ws.git({"hash-object", "a.py"});
  CHECK(std::string(trim(id)) == it.index->snapshot()->find("a.py")->blob_id);
}

TEST_CASE("git: a folder inside a repository is indexed with its own paths") {
  Workspace ws("#init git\n//- /sub/deep/a.py\nx = 1\n//- /b.py\ny = 1\n");
  ws.write("sub/new.py", "z = 1\n");
  Indexed it = index_folder(ws.path("sub"));
  CHECK(it.stats.is_git);
  CHECK(it.paths() == std::vector<std::string>{"deep/a.py", "new.py"});
}

TEST_CASE("git: an empty repository, a submodule's folder and a removed file") {
  Workspace empty("#init git\n");
  CHECK(index_folder(empty.root()).stats.n_files == 0);
  Workspace ws("#init git\n//- /a.py\nx = 1\n//- /gone.py\ny = 1\n");
  std::filesystem::remove(ws.path("gone.py"));
  CHECK(index_folder(ws.root()).paths() == std::vector<std::string>{"a.py"});
}

TEST_CASE("a folder without git is walked and its ignore files are honoured") {
  Workspace ws(R"(
//- /.gitignore
*.tmp
/out/
!keep.tmp
//- /a.py
x = 1
//- /b.tmp
//- /keep.tmp
//- /out/c.py
//- /sub/out/d.py
//- /sub/.gitignore
d.*
//- /sub/e.py
//- /node_modules/m/index.js
)");
  Indexed it = index_folder(ws.root());
  CHECK_FALSE(it.stats.is_git);
  CHECK(any_note(it.stats, "no git repository"));
  CHECK(it.paths() ==
        std::vector<std::string>{".gitignore", "a.py", "keep.tmp", "sub/.gitignore", "sub/e.py"});
}

TEST_CASE("a repository that libgit2 cannot open is walked, and that is said") {
  Workspace ws("#init git\n//- /a.py\nx = 1\n//- /.gitignore\n*.o\n");
  ws.write("x.o", "1");
  ws.git({"config", "core.repositoryformatversion", "1"});
  ws.git({"config", "extensions.engramdunknown", "true"});
  Indexed it = index_folder(ws.root());
  CHECK_FALSE(it.stats.is_git);
  CHECK(any_note(it.stats, "libgit2 cannot open"));
  CHECK(it.paths() == std::vector<std::string>{".gitignore", "a.py"});
}

TEST_CASE("include, exclude and .engramdignore scope the index") {
  Workspace ws(
      "//- /src/a.py\n//- /src/gen/b.py\n//- /doc/c.md\n//- /.engramdignore\nsecret.py\n"
      "//- /src/secret.py\n");
  IndexOptions options;
  options.use_cache = false;
  options.include = {"src/"};
  options.exclude = {"gen/"};
  CHECK(index_folder(ws.root(), options).paths() == std::vector<std::string>{"src/a.py"});
}

TEST_CASE("bad input: binary, huge, unreadable, fifo, links and broken UTF-8") {
  Workspace ws("//- /good.py\ndef fine(): ...\n");
  ws.write("data.bin", std::string("ab\0cd", 5));
  ws.write("bad.py", "def caf\xE9(): pass\nname = '\xFF\xFE'\ndef after(): pass\n");
  {
    std::ofstream huge(ws.path("huge.py"));
    huge.seekp(200ll << 20);  // sparse: 200 MB that must not be read
    huge << "x";
  }
  REQUIRE(mkfifo(ws.path("pipe.py").c_str(), 0600) == 0);
  REQUIRE(symlink("/etc/passwd", ws.path("outside.py").c_str()) == 0);
  REQUIRE(symlink("..", ws.path("loop").c_str()) == 0);
  ws.write("locked.py", "x = 1\n");
  REQUIRE(chmod(ws.path("locked.py").c_str(), 0) == 0);
  Indexed it = index_folder(ws.root());
  CHECK(it.stats.n_skipped_binary == 1);
  CHECK(it.stats.n_skipped_large == 1);
  if (geteuid() != 0) CHECK(it.stats.n_unreadable == 1);
  View view{it.index->snapshot(), nullptr};
  CHECK(view.contains("huge.py"));
  CHECK(view.facts("huge.py") == nullptr);
  CHECK_FALSE(view.contains("outside.py"));
  CHECK_FALSE(view.contains("pipe.py"));
  CHECK(definitions_of(view, "after").size() == 1);
  CHECK_FALSE(view.text("../../etc/passwd").has_value());
}

TEST_CASE("a folder that does not exist is one clear error") {
  auto index = RepoIndex::open("/nonexistent/place");
  REQUIRE_FALSE(index);
  CHECK(index.error().code == ErrorCode::not_found);
  CHECK(index.error().message == "the folder /nonexistent/place does not exist");
}

TEST_CASE("a cancelled refresh publishes nothing") {
  Workspace ws("//- /a.py\nx = 1\n");
  IndexOptions options;
  options.use_cache = false;
  auto index = RepoIndex::open(ws.root(), options);
  REQUIRE(index);
  CancelSource source;
  source.cancel();
  auto stats = (*index)->refresh({}, source.token());
  REQUIRE_FALSE(stats);
  CHECK(stats.error().code == ErrorCode::cancelled);
  CHECK((*index)->snapshot()->n_files() == 0);
}

TEST_CASE("progress comes to the end") {
  Workspace ws("//- /a.py\n//- /b.py\n//- /c.py\n");
  IndexOptions options;
  options.use_cache = false;
  auto index = RepoIndex::open(ws.root(), options);
  IndexProgress last;
  REQUIRE((*index)->refresh([&](const IndexProgress& p) { last = p; }));
  CHECK(last.done == 3);
  CHECK(last.total == 3);
}

TEST_CASE("single paths: what changed, is new, is gone or is ignored") {
  Workspace ws(
      "#init git\n//- /a.py\ndef one(): ...\n//- /d/b.py\ndef two(): ...\n"
      "//- /.gitignore\n*.gen.py\n");
  Indexed it = index_folder(ws.root());
  SnapshotPtr before = it.index->snapshot();
  ws.write("a.py", "def three(): ...\n");
  ws.write("new.py", "def four(): ...\n");
  ws.write("x.gen.py", "def five(): ...\n");
  std::filesystem::remove_all(ws.path("d"));
  REQUIRE(
      it.index->refresh_paths({"a.py", "new.py", "x.gen.py", "d", "../outside.py", "/etc/passwd"}));
  View view{it.index->snapshot(), nullptr};
  CHECK(definitions_of(view, "one").empty());
  CHECK(definitions_of(view, "two").empty());
  CHECK(definitions_of(view, "three").size() == 1);
  CHECK(definitions_of(view, "four").size() == 1);
  CHECK(definitions_of(view, "five").empty());
  // Who kept the old snapshot still sees the old world.
  CHECK(definitions_of({before, nullptr}, "one").size() == 1);
}

TEST_CASE("property: any sequence of path refreshes equals an index from scratch") {
  std::mt19937 random(7);
  Workspace ws("//- /seed.py\ndef seed(): ...\n");
  Indexed it = index_folder(ws.root());
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> paths;
    for (unsigned i = 0; i < 1 + random() % 6; ++i) {
      std::string path =
          "d" + std::to_string(random() % 3) + "/f" + std::to_string(random() % 40) + ".py";
      if (random() % 4 == 0) {
        std::filesystem::remove(ws.path(path));
      } else {
        ws.write(path, "def f" + std::to_string(random() % 50) + "(x): return g" +
                           std::to_string(random() % 20) + "(x)\n");
      }
      paths.push_back(path);
    }
    REQUIRE(it.index->refresh_paths(paths));
    if (round % 4 == 3) {
      REQUIRE(dump(*it.index->snapshot()) == dump(*index_folder(ws.root()).index->snapshot()));
    }
  }
}

TEST_CASE("an overlay hides the file on disk for its owner only") {
  Workspace ws("//- /a.py\ndef old(): ...\n//- /b.py\nfrom a import fresh\nfresh()\n");
  Indexed it = index_folder(ws.root());
  auto document = Document::open("a.py", "def fresh(): ...\n", 1);
  auto overlay = std::make_shared<Overlay>();
  (*overlay)["a.py"] = document->publish();
  (*overlay)["unsaved.py"] = Document::open("unsaved.py", "def extra(): ...\n", 1)->publish();
  View mine{it.index->snapshot(), overlay}, other{it.index->snapshot(), nullptr};
  CHECK(definitions_of(mine, "old").empty());
  CHECK(definitions_of(other, "old").size() == 1);
  CHECK(definitions_of(mine, "extra").size() == 1);
  auto hits = find_definitions(mine, "b.py", 21);
  REQUIRE(hits.size() == 1);
  CHECK(hits[0].confidence == Confidence::certain);
  CHECK(mine.paths() == std::vector<std::string>{"a.py", "b.py", "unsaved.py"});
  CHECK(mine.text("a.py") == "def fresh(): ...\n");
}
