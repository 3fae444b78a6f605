// The memories of workspaces: kept up to date by saves, and over a restart.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "base/file.h"
#include "daemon/completion/workspace_memories.h"
#include "repoindex/index.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::daemon;

namespace {

using Tokens = std::vector<repoindex::TokenId>;

struct Project {
  Project() : workspace("//- /a.py\nfirst_value = 1\n//- /b.py\nsecond_value = 2\n") {
    repoindex::IndexOptions options;
    options.use_cache = false;
    index = *repoindex::RepoIndex::open(workspace.root(), options);
    REQUIRE(index->refresh());
  }
  repoindex::View view() const { return {index->snapshot(), nullptr, nullptr}; }
  repoindex::TokenEncoder encoder() {
    return [this](std::string_view text) {
      ++n_encoded;
      return Tokens(text.begin(), text.end());
    };
  }
  test::Workspace workspace;
  std::unique_ptr<repoindex::RepoIndex> index;
  std::atomic<int> n_encoded{0};
};

bool knows(const std::shared_ptr<const repoindex::RepositoryMemory>& memory,
           std::string_view text) {
  const Tokens tokens(text.begin(), text.end());
  return memory &&
         memory->next(std::span(tokens).first(tokens.size() - 1)).match_length + 1 >= tokens.size();
}

}  // namespace

TEST_CASE("a saved file is learnt without the others being read again") {
  Project project;
  WorkspaceMemories memories(project.encoder(), {});
  CHECK(knows(memories.get(project.view(), "a.py"), "first_value"));
  CHECK(project.n_encoded == 2);
  project.workspace.write("b.py", "third_value = 3\n");
  REQUIRE(project.index->refresh_paths({"b.py"}));
  // An update may wait for its share of the time.
  for (int i = 0; i < 1000 && !knows(memories.get(project.view(), "a.py"), "third_value"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(knows(memories.get(project.view(), "a.py"), "third_value"));
  CHECK(!knows(memories.get(project.view(), "a.py"), "second_value"));
  CHECK(project.n_encoded == 3);
}

TEST_CASE("a restart finds what was learnt on disk, with the same tokenizer only") {
  Project project;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "value_" + std::to_string(i) + " = 1\n";
  project.workspace.write("b.py", text);
  REQUIRE(project.index->refresh_paths({"b.py"}));
  const auto cache = *TemporaryFolder::make("completion-memories");
  auto n_encoded_by_one = [&](const std::string& fingerprint) {
    project.n_encoded = 0;
    WorkspaceMemories memories(project.encoder(), {}, {}, cache.path(), fingerprint);
    CHECK(knows(memories.get(project.view(), "a.py"), "value_777"));
    return project.n_encoded.load();
  };
  CHECK(n_encoded_by_one("bytes") == 2);
  CHECK(n_encoded_by_one("bytes") == 0);
  CHECK(n_encoded_by_one("others") == 2);
}
