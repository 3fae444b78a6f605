// Whatever lies in a folder, the listing ends, stays inside and says what it left out.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "repoindex/query.h"
#include "repoindex/snapshot.h"
#include "repoindex/store/record.h"
#include "tests/repoindex/git_stories.h"

using namespace engramd;
using namespace engramd::repoindex;
using namespace engramd::repoindex::stories;
using engramd::test::Workspace;
using Wanted = GitBackend::Wanted;
using Paths = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<RepoIndex> indexed(const fs::path& root, const fs::path& cache = {}) {
  IndexOptions options;
  options.use_cache = !cache.empty();
  options.cache_folder = cache;
  auto index = RepoIndex::open(root, options);
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  return std::move(*index);
}

// The id of the bytes that are on disk now, by git, without any filter.
std::string raw_hash(const Workspace& ws, const std::string& path) {
  return std::string(trim(ws.git({"hash-object", "--no-filters", path})));
}

void commit_all(const Workspace& ws) {
  ws.git({"add", "-A"});
  ws.git({"commit", "-q", "-m", "more"});
}

// A work tree as git itself writes it: conversions applied, index in step, nothing racy.
void check_out_again(const Workspace& ws, const std::string& path) {
  fs::remove(ws.path(path));
  ws.git({"checkout", "-q", "--", path});
  make_old(ws.path(path));
  ws.git({"update-index", "--refresh"});
}

}  // namespace

TEST_CASE("blob ids: git's index serves when it vouches for the bytes") {
  Workspace ws("#init git\n//- /a.py\nx = 1\n");
  check_out_again(ws, "a.py");
  auto tree = WorkTree::open(fs::canonical(ws.root()), {}, {});
  ListedFile file = listed_file(*tree, "a.py");
  CHECK(tree->direct_blob_id(file) == raw_hash(ws, "a.py"));
  // Changed and not added: only the bytes can tell.
  ws.write("a.py", "x = 2\n");
  file = listed_file(*tree, "a.py");
  CHECK(tree->direct_blob_id(file).empty());
  // As old as the index itself: git would look again too.
  ws.git({"add", "a.py"});
  fs::last_write_time(ws.path("a.py"), fs::last_write_time(ws.path(".git/index")));
  file = listed_file(*tree, "a.py");
  CHECK(tree->direct_blob_id(file).empty());
}

TEST_CASE("blob ids: not after a filter's attribute is gone and its bytes are still there") {
  Workspace ws("#init git\n//- /a.c\nint f(void);\n//- /b.txt\n");
  ws.git({"config", "filter.shout.clean", "tr A-Z a-z"});
  ws.git({"config", "filter.shout.smudge", "tr a-z A-Z"});
  ws.write(".gitattributes", "*.c filter=shout\n");
  check_out_again(ws, "a.c");
  REQUIRE(ws.read("a.c") == "INT F(VOID);\n");
  fs::remove(ws.path(".gitattributes"));
  // git itself believes the file to be as it was: same time, same size.
  auto tree = WorkTree::open(fs::canonical(ws.root()), {}, {});
  CHECK(tree->direct_blob_id(listed_file(*tree, "a.c")).empty());
  // LFS is no reason to read all files: what it writes has another size than its blob.
  ws.git({"config", "--unset", "filter.shout.smudge"});
  ws.git({"config", "filter.lfs.smudge", "cat"});
  check_out_again(ws, "b.txt");
  tree = WorkTree::open(fs::canonical(ws.root()), {}, {});
  CHECK_FALSE(tree->direct_blob_id(listed_file(*tree, "b.txt")).empty());
}

TEST_CASE("blob ids: never where attributes or settings rewrite the bytes") {
  struct Case {
    const char* attributes;
    const char* text;
    const char* autocrlf;
  };
  const Case cases[] = {
      {"*.py ident\n", "# $Id$\nx = 1\n", "false"},
      {"*.py working-tree-encoding=UTF-16LE\n",
       "x\0=\0"
       "1\0\n\0",
       "false"},
      {"*.py text eol=crlf\n", "x = 1\ny = 2\n", "false"},
      {"", "x = 1\ny = 2\n", "true"},
      {"*.py filter=upper\n", "x = 1\n", "false"},
  };
  for (const Case& c : cases) {
    INFO(c.attributes << " autocrlf " << c.autocrlf);
    Workspace ws("#init git\n");
    ws.git({"config", "core.autocrlf", c.autocrlf});
    ws.git({"config", "filter.upper.smudge", "tr a-z A-Z"});
    ws.git({"config", "filter.upper.clean", "tr A-Z a-z"});
    ws.write(".gitattributes", c.attributes);
    const bool utf16 = std::string_view(c.attributes).find("UTF-16") != std::string_view::npos;
    ws.write("a.py", utf16 ? std::string("x\0=\0001\0\n\0", 8) : std::string(c.text));
    commit_all(ws);
    check_out_again(ws, "a.py");
    const std::string blob = std::string(trim(ws.git({"rev-parse", "HEAD:a.py"})));
    REQUIRE(raw_hash(ws, "a.py") != blob);  // the story is about bytes that differ
    auto tree = WorkTree::open(fs::canonical(ws.root()), {}, {});
    CHECK(tree->direct_blob_id(listed_file(*tree, "a.py")).empty());
    // The attribute goes, the bytes stay: git still calls the file clean.
    ws.write(".gitattributes", "");
    ws.git({"config", "core.autocrlf", "false"});
    if (std::string_view(c.attributes).find("filter") == std::string_view::npos)
      CHECK(tree->direct_blob_id(listed_file(*tree, "a.py")).empty());
    auto cache = TemporaryFolder::make("cache");
    auto index = indexed(ws.root(), cache->path());
    const FileEntry* entry = index->snapshot()->find("a.py");
    REQUIRE(entry != nullptr);
    if (entry->indexed) CHECK(entry->blob_id == raw_hash(ws, "a.py"));
  }
}

TEST_CASE("blob ids: an LFS pointer is indexed as the text it is, its content as content") {
  Workspace ws("#init git\n//- /.gitattributes\n*.py filter=lfs diff=lfs merge=lfs -text\n");
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid "
      "sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12\n";
  ws.git({"config", "filter.lfs.clean", "cat"});  // no LFS here: pointers stay pointers
  ws.write("a.py", pointer);
  commit_all(ws);
  check_out_again(ws, "a.py");
  auto cache = TemporaryFolder::make("cache");
  auto index = indexed(ws.root(), cache->path());
  CHECK(index->snapshot()->find("a.py")->blob_id == raw_hash(ws, "a.py"));
  // What `git lfs pull` does: other bytes, same blob, index refreshed.
  ws.write("a.py", "def pulled(): ...\n");
  REQUIRE(index->refresh());
  CHECK(index->snapshot()->find("a.py")->blob_id == raw_hash(ws, "a.py"));
  CHECK(definitions_of({index->snapshot(), nullptr}, "pulled").size() == 1);
}

TEST_CASE("blob ids: a second work tree of known blobs parses and reads nothing") {
  Workspace ws("#init git\n//- /a.py\ndef one(): ...\n//- /b.py\ndef two(): ...\n");
  auto cache = TemporaryFolder::make("cache");
  indexed(ws.root(), cache->path());
  auto folder = TemporaryFolder::make("engramd-worktree");
  const fs::path other = fs::canonical(folder->path()) / "wt";
  ws.git({"worktree", "add", "-q", "-b", "other", other.string()});
  for (const char* name : {"a.py", "b.py"}) make_old(other / name);
  ws.git({"-C", other.string(), "update-index", "-q", "--really-refresh"});
  IndexOptions options;
  options.cache_folder = cache->path();
  auto index = RepoIndex::open(other, options);
  // Unreadable bytes, known facts: only root can read them, so take the content away instead.
  auto stats = (*index)->refresh();
  REQUIRE(stats);
  CHECK(stats->n_parsed == 0);
  CHECK(definitions_of({(*index)->snapshot(), nullptr}, "two").size() == 1);
}

TEST_CASE("bad input: links make no loops and lead nowhere, tracked or not") {
  auto outside = TemporaryFolder::make("engramd-outside");
  REQUIRE(write_file_atomic(outside->path() / "secret.py", "def secret(): ...\n"));
  Workspace ws("#init git\n//- /real/a.py\nx = 1\n//- /dir/secret.py\ny = 1\n");
  fs::create_directory_symlink("..", ws.path("real/up"));
  fs::create_directory_symlink(ws.path("real/self"), ws.path("real/self"));
  fs::create_symlink(outside->path() / "secret.py", ws.path("link.py"));
  // Tracked as dir/secret.py, and now dir is a link to somewhere else.
  fs::remove_all(ws.path("dir"));
  fs::create_directory_symlink(outside->path(), ws.path("dir"));
  for (const Wanted wanted : {Wanted::libgit2, Wanted::command})
    CHECK(listed(ws.root(), wanted).paths == Paths{"real/a.py"});
  auto tree = WorkTree::open(fs::canonical(ws.root()), {}, {});
  REQUIRE(tree->list({}));
  ListedFile file;
  for (const char* path : {"dir/secret.py", "link.py", "real/up/real/a.py", "../x", "a/../b"})
    CHECK_FALSE(tree->look_at(path, &file));
  fs::remove_all(ws.path(".git"));
  CHECK(listed(ws.root()).paths == Paths{"real/a.py"});
}

TEST_CASE("bad input: names that differ in case only, and names that are no UTF-8") {
  Workspace ws("#init git\n//- /Readme.py\ndef upper(): ...\n//- /README.py\ndef lower(): ...\n");
  ws.write("caf\xE9.py", "def latin(): ...\n");
  ws.write("new\nline \"quoted\".py", "def quoted(): ...\n");
  commit_all(ws);
  ws.write("\xFF\xFE/untracked.py", "def odd(): ...\n");
  for (const Wanted wanted : {Wanted::libgit2, Wanted::command}) {
    CHECK(listed(ws.root(), wanted).paths == Paths{"README.py", "Readme.py", "caf\xE9.py",
                                                   "new\nline \"quoted\".py",
                                                   "\xFF\xFE/untracked.py"});
  }
  auto index = indexed(ws.root());
  for (const char* name : {"upper", "lower", "latin", "quoted", "odd"})
    CHECK(definitions_of({index->snapshot(), nullptr}, name).size() == 1);
}

TEST_CASE(
    "bad input: submodules and nested repositories are left to themselves, and that is said") {
  Workspace library("#init git\n//- /lib.py\ndef lib(): ...\n");
  Workspace ws("#init git\n//- /a.py\nx = 1\n");
  ws.git({"-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
          library.root().string(), "sub"});
  ws.git({"commit", "-q", "-m", "sub"});
  ws.git({"init", "-q", "nested/deep"});
  ws.write("nested/deep/n.py", "n = 1\n");
  ws.write("nested/own.py", "o = 1\n");
  for (const Wanted wanted : {Wanted::libgit2, Wanted::command}) {
    const Listed it = listed(ws.root(), wanted);
    CHECK(it.paths == Paths{".gitmodules", "a.py", "nested/own.py"});
    CHECK(it.says("2 submodules or nested repositories are left out"));
  }
  CHECK(listed(ws.path("sub")).paths == Paths{"lib.py"});
  CHECK(listed(ws.path("nested/deep")).paths == Paths{"n.py"});
  // A folder of repositories that is none itself shows all of them.
  fs::remove_all(ws.path(".git"));
  const Listed all = listed(ws.root());
  CHECK(std::count(all.paths.begin(), all.paths.end(), "nested/deep/n.py") == 1);
  CHECK(std::count(all.paths.begin(), all.paths.end(), "sub/lib.py") == 1);
}

TEST_CASE("bad input: shallow and partial clones are indexed like others, and nothing is fetched") {
  Workspace origin("#init git\n//- /a.py\nx = 1\n");
  origin.write("a.py", "x = 2\n");
  commit_all(origin);
  origin.git({"config", "uploadpack.allowFilter", "true"});
  const std::string url = "file://" + origin.root().string();
  for (const char* how : {"--depth=1", "--filter=blob:none"}) {
    Workspace ws("");
    ws.git({"-c", "protocol.file.allow=always", "clone", "-q", how, url, "clone"});
    ws.write("clone/new.py", "y = 1\n");
    for (const Wanted wanted : {Wanted::libgit2, Wanted::command})
      CHECK(listed(ws.path("clone"), wanted).paths == Paths{"a.py", "new.py"});
    // An old blob is promised, not here; asking for it must not wait for a network.
    const Scope scope(fs::canonical(ws.path("clone")), {}, {});
    const std::string old_blob = std::string(trim(origin.git({"rev-parse", "HEAD~1:a.py"})));
    for (const Wanted wanted : {Wanted::libgit2, Wanted::command})
      CHECK_FALSE(GitBackend::open(scope, wanted, {}).backend->blob_size(old_blob));
  }
}

TEST_CASE("bad input: a repository without commits and git's own folder are one clear error") {
  Workspace ws("");
  ws.git({"init", "-q", "--bare", "bare.git"});
  ws.git({"init", "-q", "tree"});
  auto bare = RepoIndex::open(ws.path("bare.git"), {.use_cache = false});
  REQUIRE(bare);
  auto stats = (*bare)->refresh();
  REQUIRE_FALSE(stats);
  CHECK(stats.error().code == ErrorCode::not_found);
  CHECK(stats.error().message.find("no revision HEAD") != std::string::npos);
  auto own = RepoIndex::open(ws.path("tree/.git"), {.use_cache = false});
  auto own_stats = (*own)->refresh();
  REQUIRE_FALSE(own_stats);
  CHECK(own_stats.error().message.find("git's own folder") != std::string::npos);
}

TEST_CASE("bad input: a repository of somebody else, and folders that cannot be read") {
  if (::geteuid() != 0) {
    WARN("skipped: needs root to become somebody else");
    return;
  }
  Workspace ws("#init git\n//- /a.py\nx = 1\n//- /.gitignore\n*.o\n//- /shut/b.py\ny = 1\n");
  ws.write("x.o", "1");
  fs::permissions(ws.root(), fs::perms::owner_all | fs::perms::others_all);
  // Ours, seen by nobody.
  CHECK(as_nobody([&] {
    ::setenv("HOME", "/nonexistent", 1);
    const Listed it = listed(ws.root());
    return it.backend == "walk" && it.says("belongs to user 0") && it.says("safe.directory") &&
           it.paths == Paths{".gitignore", "a.py", "shut/b.py"};
  }));
  // Nobody's own, with a folder that only others may read.
  give_to_nobody(ws.root());
  ::chown(ws.path("shut").c_str(), 0, 0);
  ws.write("closed/c.py", "z = 1\n");
  fs::permissions(ws.path("shut"), fs::perms::owner_all);
  fs::permissions(ws.path("closed"), fs::perms::owner_all);
  for (const Wanted wanted : {Wanted::libgit2, Wanted::command}) {
    CHECK(as_nobody([&] {
      const Listed it = listed(ws.root(), wanted);
      return it.paths == Paths{".gitignore", "a.py"} &&
             (wanted == Wanted::command || it.n_unreadable == 2);
    }));
  }
  fs::remove_all(ws.path(".git"));
  CHECK(as_nobody([&] { return listed(ws.root()).n_unreadable == 2; }));
}

TEST_CASE("bad input: a file that changes while it is read is right after the next refresh") {
  Workspace ws("#init git\n//- /a.py\ndef before(): ...\n");
  auto index = indexed(ws.root());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      std::ofstream out(ws.path("a.py"));  // in place, not by rename: torn reads are possible
      for (int k = 0; k < 200; ++k) out << "def f" << i << "_" << k << "(): ...\n" << std::flush;
    }
  });
  for (int i = 0; i < 30; ++i) {
    REQUIRE(index->refresh());
    REQUIRE(index->refresh_paths({"a.py"}));
  }
  stop = true;
  writer.join();
  ws.write("a.py", "def after(): ...\n");
  REQUIRE(index->refresh());
  View view{index->snapshot(), nullptr};
  CHECK(encode_facts(*view.facts("a.py")) ==
        encode_facts(*extract_facts("a.py", "def after(): ...\n")));
  CHECK(definitions_of(view, "after").size() == 1);
}

TEST_CASE("bad input: a very wide and a very deep tree") {
  const char* full = std::getenv("ENGRAMD_FULL");
  const size_t n_files = full != nullptr && std::string(full) == "1" ? 100'000 : 3'000;
  Workspace ws("");
  ws.git({"init", "-q"});
  for (size_t i = 0; i < n_files; ++i) {
    const std::string folder = "d" + std::to_string(i / 500);
    if (i % 500 == 0) fs::create_directory(ws.path(folder));
    std::ofstream(ws.path(folder + "/f" + std::to_string(i) + ".py"))
        << "def f" << i << "(): return g" << i % 100 << "()\n";
  }
  std::string deep;
  for (int i = 0; i < 300; ++i) {
    deep += "n/";
    if (::mkdir((ws.root() / deep).c_str(), 0755) != 0) break;
  }
  std::ofstream(ws.root() / deep / "bottom.py") << "x = 1\n";
  for (const Wanted wanted : {Wanted::libgit2, Wanted::command}) {
    const size_t n = listed(ws.root(), wanted).paths.size();
    CHECK(n >= n_files);  // the walk stops at a depth, git does not
    CHECK(n <= n_files + 1);
  }
  auto index = indexed(ws.root());
  CHECK(index->snapshot()->n_files() >= n_files);
  CHECK(definitions_of({index->snapshot(), nullptr}, "f1234").size() == 1);
}
