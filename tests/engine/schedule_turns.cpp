// A keystroke beats an agent: background sessions stand aside, and come through all the same.
#include <catch2/catch.hpp>
#include <thread>

#include "engine/api/session.h"
#include "engine/core/loaded_model.h"
#include "engine/schedule/turns.h"
#include "model_writer.h"

namespace engramd::engine::test {

using schedule::Turns;

TEST_CASE("nobody waits when there is no foreground work") {
  Turns turns;
  const auto start = Clock::now();
  for (int i = 0; i < 1000; ++i) turns.give_way({});
  CHECK(Clock::now() - start < 1000 * Turns::kMostWait);
}

TEST_CASE("a background thread waits for foreground work, at most its share") {
  Turns turns;
  const Turns::Foreground typing(turns);
  const auto start = Clock::now();
  turns.give_way({});
  CHECK(Clock::now() - start >= Turns::kMostWait);
}

TEST_CASE("a background thread goes on when the last foreground call ends") {
  Turns turns;
  auto first = std::make_unique<Turns::Foreground>(turns);
  auto second = std::make_unique<Turns::Foreground>(turns);
  std::atomic<int> n_items{0};
  std::atomic<bool> stop{false};
  std::thread agent([&] {
    while (!stop) {
      turns.give_way({});
      ++n_items;
    }
  });
  first.reset();
  std::this_thread::sleep_for(3 * Turns::kMostWait);
  const int while_typing = n_items;
  second.reset();
  while (n_items < while_typing + 10000) std::this_thread::yield();  // free: no waiting at all
  stop = true;
  agent.join();
  CHECK(while_typing < 1000);
}

TEST_CASE("a cancelled background thread does not wait") {
  Turns turns;
  const Turns::Foreground typing(turns);
  CancelSource source;
  source.cancel();
  const auto start = Clock::now();
  for (int i = 0; i < 100; ++i) turns.give_way(source.token());
  CHECK(Clock::now() - start < 100 * Turns::kMostWait);
}

TEST_CASE("a background session beside a typing one computes the same") {
  RandomModel shape;
  shape.type = quant::Type::q4_k;
  const TemporaryModel file(shape);
  LoadOptions options;
  options.n_threads = 2;
  const auto model = Model::load(file.path(), options);
  REQUIRE(model);
  std::vector<TokenId> tokens(300);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = TokenId(i * 7 % kRandomVocab);
  const auto logits = [&](Session& session) {
    REQUIRE(session.sync(tokens));
    return std::vector<float>(session.logits().begin(), session.logits().end());
  };
  auto alone = (*model)->open_session(0);
  REQUIRE(alone);
  const auto expected = logits(**alone);

  auto agent = (*model)->open_session(0), typing = (*model)->open_session(0);
  REQUIRE(agent);
  REQUIRE(typing);
  (*agent)->set_priority(Priority::background);
  std::vector<float> of_agent;
  std::thread background([&] {
    if ((*agent)->sync(tokens))
      of_agent.assign((*agent)->logits().begin(), (*agent)->logits().end());
  });
  for (size_t n = 1; n <= 40; ++n) CHECK((*typing)->sync(std::span(tokens).first(n)));
  background.join();
  CHECK(of_agent == expected);
  (*agent)->set_priority(Priority::foreground);
  CHECK(logits(**agent) == expected);

  SECTION("and comes through while foreground work never ends") {
    const auto& loaded = static_cast<const core::LoadedModel&>(**model);
    const Turns::Foreground endless(loaded.turns());
    (*agent)->set_priority(Priority::background);
    REQUIRE((*agent)->sync(std::span(tokens).first(1)));
    const auto synced = (*agent)->sync(std::span(tokens).first(20));
    REQUIRE(synced);
    CHECK((*agent)->n_tokens() == 20);
  }
}

}  // namespace engramd::engine::test
