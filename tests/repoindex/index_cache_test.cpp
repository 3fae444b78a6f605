// The cache is an optimisation that nothing may depend on: each way it can fail, and each way it
// must save work.
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/query.h"
#include "repoindex/store/cache.h"
#include "repoindex/store/record.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kProject = R"(#init git
//- /a.py
"""Module."""
class A(Base):
    """Doc."""
    def run(self, n: int) -> str: return helper(n)
//- /b.js
import { x as y } from "./c";
export const f = (a) => y(a).z;
//- /README
text
)";

IndexStats refresh(const Workspace& ws, const fs::path& cache,
                   std::unique_ptr<RepoIndex>* keep = nullptr) {
  IndexOptions options;
  options.cache_folder = cache;
  auto index = RepoIndex::open(ws.root(), options);
  REQUIRE(index);
  auto stats = (*index)->refresh();
  REQUIRE(stats);
  CHECK(definitions_of({(*index)->snapshot(), nullptr}, "run").size() == 1);
  if (keep != nullptr) *keep = std::move(*index);
  return std::move(*stats);
}

bool any_note(const IndexStats& stats, std::string_view part) {
  return std::any_of(stats.notes.begin(), stats.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

bool equal(const FileFacts& a, const FileFacts& b) {
  return encode_facts(a) == encode_facts(b);
}

void sql(const fs::path& file, const std::string& statement) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  char* error = nullptr;
  int code = sqlite3_exec(db, statement.c_str(), nullptr, nullptr, &error);
  INFO((error != nullptr ? error : ""));
  CHECK(code == SQLITE_OK);
  sqlite3_free(error);
  sqlite3_close(db);
}

}  // namespace

TEST_CASE("cache: a second start parses nothing, a branch switch only unseen blobs") {
  Workspace ws(kProject);
  auto cache = TemporaryFolder::make("cache");
  CHECK(refresh(ws, cache->path()).n_parsed == 3);
  IndexStats second = refresh(ws, cache->path());
  CHECK(second.n_parsed == 0);
  CHECK(second.n_symbols > 3);
  CHECK(second.cache_bytes > 0);
  ws.git({"checkout", "-q", "-b", "other"});
  ws.write("c.js", "export function x() {}\n");
  CHECK(refresh(ws, cache->path()).n_parsed == 1);
  ws.git({"add", "-A"});
  ws.git({"commit", "-q", "-m", "c"});
  ws.git({"checkout", "-q", "main"});
  CHECK(refresh(ws, cache->path()).n_parsed == 0);
  ws.git({"checkout", "-q", "other"});
  CHECK(refresh(ws, cache->path()).n_parsed == 0);
}

TEST_CASE("cache: facts come back as they were") {
  for (const char* name : {"a.py", "b.cpp", "c.ts", "d.go", "e.rs", "f.java", "g.sh", "h.json"}) {
    auto facts =
        extract_facts(name, "class A { int x; void f(int y) { g(x.y); } } // café\n{\"k\": 1}");
    auto back = decode_facts(encode_facts(*facts));
    REQUIRE(back);
    CHECK(equal(*facts, **back));
    CHECK((*back)->symbols.size() == facts->symbols.size());
    CHECK((*back)->occurrences.size() == facts->occurrences.size());
  }
}

TEST_CASE("cache: any damage to a record is an error, never more") {
  auto facts = extract_facts("a.py", "import os\nclass A:\n  def f(self):\n    return os.x\n");
  std::string record = encode_facts(*facts);
  std::mt19937 random(3);
  for (size_t n = 0; n < record.size(); ++n) CHECK_FALSE(decode_facts(record.substr(0, n)));
  for (int i = 0; i < 2000; ++i) {
    std::string bad = record;
    bad[random() % bad.size()] ^= static_cast<char>(1 + random() % 255);
    CHECK_FALSE(decode_facts(bad));
  }
}

TEST_CASE("cache: a damaged record is parsed again and replaced") {
  Workspace ws(kProject);
  auto cache = TemporaryFolder::make("cache");
  refresh(ws, cache->path());
  sql(cache->path() / "facts-1.db", "UPDATE facts SET data = x'45465831000000'");
  IndexStats stats = refresh(ws, cache->path());
  CHECK(stats.n_parsed == 3);
  CHECK(any_note(stats, "3 damaged records"));
  CHECK(refresh(ws, cache->path()).n_parsed == 0);
}

TEST_CASE("cache: a damaged database is set aside and begun anew") {
  Workspace ws(kProject);
  auto cache = TemporaryFolder::make("cache");
  refresh(ws, cache->path());
  fs::path file = cache->path() / "facts-1.db";
  for (const char* suffix : {"-wal", "-shm"}) fs::remove(file.string() + suffix);
  REQUIRE(write_file_atomic(file, std::string(20000, 'x')));
  IndexStats stats = refresh(ws, cache->path());
  CHECK(stats.n_parsed == 3);
  CHECK(any_note(stats, "set aside"));
  CHECK(fs::exists(cache->path() / "facts-1.db.damaged"));
  CHECK(refresh(ws, cache->path()).n_parsed == 0);
}

TEST_CASE("cache: a folder that cannot be made leaves a note and a working index") {
  Workspace ws(kProject);
  auto cache = TemporaryFolder::make("cache");
  REQUIRE(write_file_atomic(cache->path() / "file", "in the way"));
  IndexStats stats = refresh(ws, cache->path() / "file" / "index");
  CHECK(stats.n_parsed == 3);
  CHECK(any_note(stats, "cache not writable"));
}

TEST_CASE("cache: while another process writes, facts are read and new ones not kept") {
  Workspace ws(kProject);
  auto cache = TemporaryFolder::make("cache");
  refresh(ws, cache->path());
  auto lock = FileLock::try_acquire(cache->path() / "writer.lock");
  REQUIRE(lock);
  ws.write("new.py", "def extra(): ...\n");
  IndexStats stats = refresh(ws, cache->path());
  CHECK(stats.n_parsed == 1);
  CHECK(any_note(stats, "new facts not kept"));
}

TEST_CASE("cache: killed in the middle of writing, the next start still works") {
  Workspace ws(kProject);
  for (int i = 0; i < 60; ++i) {
    ws.write("many/f" + std::to_string(i) + ".py", "def f" + std::to_string(i) + "(): ...\n");
  }
  auto cache = TemporaryFolder::make("cache");
  for (int delay_us : {500, 3000, 9000, 20000}) {
    pid_t child = fork();
    if (child == 0) {
      auto facts = FactsCache::open(cache->path());
      for (int i = 0;; ++i) {  // until it is killed
        auto value = extract_facts("x.py", "def g" + std::to_string(i) + "(): ...\n");
        facts->put({{"key" + std::to_string(i), value}});
      }
    }
    usleep(static_cast<useconds_t>(delay_us));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    refresh(ws, cache->path());
  }
  CHECK(refresh(ws, cache->path()).n_parsed == 0);
}

TEST_CASE("cache: it stays within its size, oldest use first") {
  auto folder = TemporaryFolder::make("cache");
  constexpr uint64_t kLimit = 256 << 10;
  auto cache = FactsCache::open(folder->path(), kLimit);
  std::mt19937 random(5);
  for (int i = 0; i < 60; ++i) {
    std::string text;
    for (int k = 0; k < 400; ++k) text += "def f" + std::to_string(random()) + "(): ...\n";
    cache->put({{"key" + std::to_string(i), extract_facts("a.py", text)}});
  }
  CHECK(cache->bytes_on_disk() <= kLimit * 2);
  CHECK(cache->get("key59") != nullptr);
  CHECK(cache->get("key0") == nullptr);
}

TEST_CASE("cache: a file that keeps its size and time but changes content soon after is seen") {
  Workspace ws("//- /a.py\ndef run(): ...\n");
  auto cache = TemporaryFolder::make("cache");
  refresh(ws, cache->path());
  auto time = fs::last_write_time(ws.path("a.py"));
  ws.write("a.py", "def ran(): ...\ndef run(): ...\n");
  ws.write("a.py", "def run(): 123\n");
  fs::last_write_time(ws.path("a.py"), time);
  CHECK(refresh(ws, cache->path()).n_parsed == 1);
}
