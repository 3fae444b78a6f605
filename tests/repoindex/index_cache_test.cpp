// The cache is an optimisation that nothing may depend on: each way it can fail, and each way it
// must save work.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/query.h"
#include "repoindex/snapshot.h"
#include "repoindex/store/record.h"
#include "repoindex/store/segment_store.h"
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

std::vector<fs::path> segment_files(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".seg") out.push_back(entry.path());
  }
  return out;
}

std::string blob_id_of(int number) {
  std::string id = std::to_string(number);
  return std::string(40 - id.size(), '0') + id;
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

TEST_CASE("cache: a damaged segment is set aside and its files are parsed again") {
  Workspace ws(kProject);
  auto cache = TemporaryFolder::make("cache");
  refresh(ws, cache->path());
  auto files = segment_files(cache->path());
  REQUIRE(files.size() == 1);
  std::string bytes = *read_file(files[0]);
  for (size_t at : {size_t{3}, size_t{300}, bytes.size() / 2}) {
    std::string bad = bytes;
    bad[at] ^= 0x40;
    for (const fs::path& file : segment_files(cache->path())) fs::remove(file);
    REQUIRE(write_file_atomic(files[0], bad));
    IndexStats stats = refresh(ws, cache->path());
    CHECK(stats.n_parsed == 3);
    CHECK(any_note(stats, "is set aside"));
    CHECK(fs::exists(cache->path() / "segment.damaged"));
    CHECK(refresh(ws, cache->path()).n_parsed == 0);
  }
}

TEST_CASE("cache: a record that is found damaged when it is asked for heals at the next refresh") {
  Workspace ws(kProject);
  auto cache = TemporaryFolder::make("cache");
  refresh(ws, cache->path());
  auto files = segment_files(cache->path());
  REQUIRE(files.size() == 1);
  std::string bytes = *read_file(files[0]);
  bytes.back() ^= 0x11;  // the records come last and are checked when they are used
  REQUIRE(write_file_atomic(files[0], bytes));
  IndexOptions options;
  options.cache_folder = cache->path();
  auto index = RepoIndex::open(ws.root(), options);
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  size_t n_missing = 0;
  auto count = [&] {
    n_missing = 0;
    for (const char* path : {"a.py", "b.js"}) {
      n_missing += View{(*index)->snapshot(), nullptr}.facts(path) == nullptr ? 1 : 0;
    }
  };
  count();
  CHECK(n_missing == 1);
  auto stats = (*index)->refresh();
  REQUIRE(stats);
  CHECK(stats->n_parsed > 0);
  count();
  CHECK(n_missing == 0);
}

TEST_CASE("cache: the table of the files' states may be damaged or gone") {
  Workspace ws(kProject);
  auto cache = TemporaryFolder::make("cache");
  for (const char* path : {"a.py", "b.js", "README"}) {
    // Of a file that was written just now no state is kept.
    fs::last_write_time(ws.path(path), fs::file_time_type::clock::now() - std::chrono::hours(1));
  }
  refresh(ws, cache->path());
  for (const auto& entry : fs::directory_iterator(cache->path() / "roots")) {
    REQUIRE(write_file_atomic(entry.path(), "ERT1 and nothing that follows from it"));
  }
  IndexStats stats = refresh(ws, cache->path());
  CHECK(stats.n_parsed == 0);  // read and hashed again, but the blobs are known
  CHECK(any_note(stats, "all files are read again"));
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
      SegmentStore store(cache->path());
      for (int i = 0;; ++i) {  // until it is killed
        auto value = extract_facts("x.py", "def g" + std::to_string(i) + "(): ...\n");
        store.add(encode_blob(blob_id_of(i), *value));
        store.flush();
      }
    }
    usleep(static_cast<useconds_t>(delay_us));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    refresh(ws, cache->path());
  }
  CHECK(refresh(ws, cache->path()).n_parsed == 0);
  // Whoever writes next clears away what the killed ones left.
  ws.write("more.py", "def more(): ...\n");
  refresh(ws, cache->path());
  for (const auto& entry : fs::directory_iterator(cache->path())) {
    CHECK(entry.path().filename().string().find(".seg.") == std::string::npos);
  }
}

TEST_CASE("cache: it stays within its size, oldest use first") {
  auto folder = TemporaryFolder::make("cache");
  constexpr uint64_t kLimit = 256 << 10;
  SegmentStore store(folder->path(), kLimit);
  std::mt19937 random(5);
  for (int i = 0; i < 60; ++i) {
    std::string text;
    for (int k = 0; k < 400; ++k) text += "def f" + std::to_string(random()) + "(): ...\n";
    store.add(encode_blob(blob_id_of(i), *extract_facts("a.py", text)));
    store.flush();
    CHECK(store.bytes_on_disk() <= kLimit);
  }
  CHECK(store.find(blob_id_of(59), "python").segment != nullptr);
  CHECK(store.find(blob_id_of(0), "python").segment == nullptr);
}

TEST_CASE("cache: many small refreshes leave few segments, and nothing is parsed twice") {
  Workspace ws(kProject);
  auto cache = TemporaryFolder::make("cache");
  std::unique_ptr<RepoIndex> index;
  refresh(ws, cache->path(), &index);
  for (int i = 0; i < 20; ++i) {
    ws.write("f" + std::to_string(i) + ".py", "def f" + std::to_string(i) + "(): ...\n");
    auto stats = index->refresh();
    REQUIRE(stats);
    CHECK(stats->n_parsed == 1);
  }
  CHECK(segment_files(cache->path()).size() <= 5);
  for (int i = 0; i < 20; ++i) {
    CHECK(definitions_of({index->snapshot(), nullptr}, "f" + std::to_string(i)).size() == 1);
  }
  CHECK(refresh(ws, cache->path()).n_parsed == 0);
}

TEST_CASE("cache: two roots share blobs, and what one drops the other keeps") {
  Workspace one(kProject), two(kProject);
  two.write("extra.py", "def extra(): ...\n");
  auto cache = TemporaryFolder::make("cache");
  CHECK(refresh(one, cache->path()).n_parsed == 3);
  CHECK(refresh(two, cache->path()).n_parsed == 1);
  std::unique_ptr<RepoIndex> index;
  refresh(one, cache->path(), &index);
  CHECK(definitions_of({index->snapshot(), nullptr}, "extra").empty());
  size_t n = 0;
  index->snapshot()->for_each_defined_name([&](std::string_view name, uint64_t) {
    CHECK(name != "extra");
    return ++n, true;
  });
  CHECK(n > 2);
  CHECK(refresh(two, cache->path()).n_parsed == 0);
}

TEST_CASE("cache: a saved file is kept although no refresh follows") {
  Workspace ws(kProject);
  auto cache = TemporaryFolder::make("cache");
  {
    std::unique_ptr<RepoIndex> index;
    refresh(ws, cache->path(), &index);
    ws.write("a.py", "def run(): ...\ndef saved(): ...\n");
    REQUIRE(index->refresh_paths({"a.py"}));
    CHECK(definitions_of({index->snapshot(), nullptr}, "saved").size() == 1);
  }
  CHECK(refresh(ws, cache->path()).n_parsed == 0);
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
