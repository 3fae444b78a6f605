// Guesses out of a repository memory and the text itself.
#include <catch2/catch.hpp>
#include <numeric>
#include <thread>

#include "agent/model/learnt_repository.h"
#include "agent/model/memory_drafts.h"
#include "repoindex/index.h"
#include "repoindex/snapshot.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;
using engine::TokenId;

namespace {

std::vector<TokenId> guessed(MemoryDrafts& drafts, const std::vector<TokenId>& timeline,
                             size_t most = 8) {
  std::vector<TokenId> out;
  for (const engine::DraftToken& draft : drafts.draft(timeline, most)) {
    CHECK(draft.probability > 0);
    CHECK(draft.probability <= 1);
    out.push_back(draft.token);
  }
  return out;
}

std::vector<TokenId> counting(TokenId from, TokenId to) {
  std::vector<TokenId> out(static_cast<size_t>(to - from));
  std::iota(out.begin(), out.end(), from);
  return out;
}

std::vector<TokenId> joined(std::vector<TokenId> a, const std::vector<TokenId>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

TEST_CASE("what stood in the text before is guessed to come again") {
  MemoryDrafts drafts;
  const auto text = joined(counting(0, 40), joined({77, 78}, counting(10, 16)));
  CHECK(guessed(drafts, text) == counting(16, 24));
  CHECK(guessed(drafts, text, 3) == counting(16, 19));
  CHECK(guessed(drafts, text, 0).empty());
  CHECK(guessed(drafts, joined(text, {99, 98, 97})).empty());
  CHECK(guessed(drafts, {}).empty());
  CHECK(guessed(drafts, {1}).empty());
}

TEST_CASE("what was generated meanwhile is learnt, and another text is another text") {
  MemoryDrafts drafts;
  auto text = counting(0, 10);
  CHECK(guessed(drafts, text).empty());
  text = joined(text, counting(100, 400));  // grows past what it learns again after
  text = joined(text, counting(200, 206));
  CHECK(guessed(drafts, text, 4) == counting(206, 210));
  CHECK(guessed(drafts, counting(200, 206), 4).empty());
}

TEST_CASE("a repository's code is guessed by a memory that has the text, the text before it") {
  const auto repository = repoindex::RepositoryMemory::from_documents(
      {{"a.py", joined(counting(500, 540), {1, 2, 3})}, {"b.py", counting(600, 640)}});
  REQUIRE(repository);
  MemoryDrafts drafts(**repository);
  CHECK(guessed(drafts, joined({5, 6}, counting(605, 611)), 4) == counting(611, 615));
  // The text goes on otherwise than the repository did.
  const auto text = joined(joined(counting(605, 611), {7, 8, 9}), joined({5}, counting(605, 611)));
  const auto with_text = (*repository)->with_recent({text});
  MemoryDrafts of_both(*with_text);
  CHECK(guessed(of_both, text, 3) == std::vector<TokenId>{7, 8, 9});
}

TEST_CASE("a conversation is guessed out of its text and of the repository under it") {
  const auto repository = repoindex::RepositoryMemory::from_documents(
      {{"a.py", counting(500, 540)}, {"b.py", counting(600, 640)}});
  REQUIRE(repository);
  MemoryDrafts drafts(*repository);
  // Of the repository alone; of the conversation alone; and where both go on, as the conversation.
  CHECK(guessed(drafts, joined({5, 6}, counting(605, 611)), 4) == counting(611, 615));
  const auto text = joined(counting(0, 40), joined({77, 78}, counting(10, 16)));
  MemoryDrafts again(*repository);
  CHECK(guessed(again, text, 4) == counting(16, 20));
  const auto otherwise =
      joined(joined(counting(605, 611), {7, 8, 9}), joined({5}, counting(605, 611)));
  MemoryDrafts of_both(*repository);
  CHECK(guessed(of_both, otherwise, 3) == std::vector<TokenId>{7, 8, 9});
}

TEST_CASE("a repository is learnt beside the work, and the work may end before") {
  const test::Workspace ws(R"(
//- /a.py
def first_of_many(things):
    return things[0]
)");
  auto index = repoindex::RepoIndex::open(ws.root(), {.cache_folder = {}, .use_cache = false});
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  const repoindex::View view{(*index)->snapshot(), nullptr, nullptr};
  const auto bytes = [](std::string_view text) {
    return std::vector<TokenId>(text.begin(), text.end());
  };
  LearntRepository learnt(view, bytes);
  for (int i = 0; i < 2000 && learnt.memory() == nullptr; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  REQUIRE(learnt.memory());
  MemoryDrafts drafts(learnt.memory());
  CHECK(guessed(drafts, bytes("call first_of"), 5) == bytes("_many"));
  // Ended at once: nothing hangs, and nothing is used behind its end.
  for (int i = 0; i < 20; ++i) LearntRepository(view, bytes);
}
