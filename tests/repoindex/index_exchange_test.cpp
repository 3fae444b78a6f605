// Facts that travel: what one machine exported another starts from, and a file that was tampered
// with is refused whole.
#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/query.h"
#include "repoindex/snapshot.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kProject = R"(#init git
//- /a.py
class A(Base):
    """Doc."""
    def run(self, n: int) -> str: return helper(n)
//- /copy/a.py
class A(Base):
    """Doc."""
    def run(self, n: int) -> str: return helper(n)
//- /b.cpp
int f(int x) { return g(x); }
//- /README
text
)";

std::unique_ptr<RepoIndex> open_index(const Workspace& ws, const fs::path& cache) {
  IndexOptions options;
  options.cache_folder = cache;
  auto index = RepoIndex::open(ws.root(), options);
  REQUIRE(index);
  return std::move(*index);
}

}  // namespace

TEST_CASE("exchange: another machine starts from exported facts and parses nothing") {
  Workspace here(kProject), there(kProject);
  auto folder = TemporaryFolder::make("exchange");
  fs::path file = folder->path() / "facts.zst";
  auto index = open_index(here, folder->path() / "one");
  REQUIRE(index->refresh());
  auto n = index->export_facts(file);
  REQUIRE(n);
  CHECK(*n == 3);  // the copy is the same blob

  auto fresh = open_index(there, folder->path() / "two");
  auto taken = fresh->import_facts(file);
  REQUIRE(taken);
  CHECK(*taken == 3);
  auto stats = fresh->refresh();
  REQUIRE(stats);
  CHECK(stats->n_parsed == 0);
  CHECK(stats->n_indexed == 4);
  CHECK(definitions_of({fresh->snapshot(), nullptr}, "run").size() == 2);
  CHECK(references_of({fresh->snapshot(), nullptr}, "helper").size() ==
        references_of({index->snapshot(), nullptr}, "helper").size());
  // Exported again it is the same, whatever the cache looks like.
  REQUIRE(fresh->export_facts(folder->path() / "again.zst"));
  CHECK(*read_file(file) == *read_file(folder->path() / "again.zst"));
}

TEST_CASE("exchange: a file that is cut, changed or something else is one clear error") {
  Workspace ws(kProject);
  auto folder = TemporaryFolder::make("exchange");
  fs::path file = folder->path() / "facts.zst";
  auto index = open_index(ws, folder->path() / "one");
  REQUIRE(index->refresh());
  REQUIRE(index->export_facts(file));
  const std::string good = *read_file(file);

  auto fresh = open_index(ws, folder->path() / "two");
  auto refused = [&](const std::string& bytes) {
    fs::path bad = folder->path() / "bad.zst";
    REQUIRE(write_file_atomic(bad, bytes));
    auto taken = fresh->import_facts(bad);
    if (taken) return false;
    CHECK(taken.error().message.rfind(bad.string() + ": ", 0) == 0);
    return true;
  };
  CHECK(refused(""));
  CHECK(refused("something else"));
  for (size_t n = 0; n < good.size(); n += 7) CHECK(refused(good.substr(0, n)));
  CHECK(refused(good + "x"));
  std::mt19937 random(31);
  for (int i = 0; i < 500; ++i) {
    std::string bad = good;
    bad[random() % bad.size()] ^= static_cast<char>(1 + random() % 255);
    // A few bits of the frame's header mean nothing; then the facts are the same.
    if (!refused(bad)) CHECK(fresh->refresh());
  }
  CHECK(fresh->import_facts(folder->path() / "missing.zst").error().code == ErrorCode::not_found);
}

TEST_CASE("exchange: nothing of a refused file is kept") {
  Workspace ws(kProject);
  auto folder = TemporaryFolder::make("exchange");
  fs::path file = folder->path() / "facts.zst";
  auto index = open_index(ws, folder->path() / "one");
  REQUIRE(index->refresh());
  REQUIRE(index->export_facts(file));
  std::string bad = *read_file(file);
  bad.resize(bad.size() - 3);
  REQUIRE(write_file_atomic(file, bad));
  auto fresh = open_index(ws, folder->path() / "two");
  REQUIRE_FALSE(fresh->import_facts(file));
  auto stats = fresh->refresh();
  REQUIRE(stats);
  CHECK(stats->n_parsed == 3);
}
