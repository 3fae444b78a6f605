// One timeline: however a prefix came to be there, the logits after it are the same bits.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "engine/api/bench.h"
#include "engine/api/devices.h"
#include "engine/api/session.h"
#include "engine/cpu/kernels.h"
#include "model_writer.h"

namespace engramd::engine::test {
namespace {

struct Fixture {
  TemporaryModel file;
  std::shared_ptr<const Model> model;

  explicit Fixture(const RandomModel& shape = quantised(), LoadOptions options = {}) : file(shape) {
    if (options.n_threads == 0) options.n_threads = 2;
    if (options.kv_type.empty()) options.kv_type = "f16";  // this family's own choice is F32
    auto loaded = Model::load(file.path(), options);
    INFO((loaded ? std::string() : loaded.error().message));
    REQUIRE(loaded);
    model = *loaded;
  }
  static RandomModel quantised() {
    RandomModel m;
    m.architecture = "engramd";
    m.type = quant::Type::q4_k;
    return m;
  }
  std::unique_ptr<Session> session(size_t max_tokens = 0) const {
    auto opened = model->open_session(max_tokens);
    REQUIRE(opened);
    return *std::move(opened);
  }
};

std::vector<TokenId> tokens_of(size_t n, uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::vector<TokenId> out(n);
  for (TokenId& token : out) token = TokenId(random() % kRandomVocab);
  return out;
}

std::vector<float> logits_after(Session& session, const std::vector<TokenId>& tokens) {
  const auto synced = session.sync(tokens);
  INFO((synced ? std::string() : synced.error().message));
  REQUIRE(synced);
  REQUIRE(session.n_tokens() == tokens.size());
  const auto logits = session.logits();
  REQUIRE(logits.size() == kRandomVocab);
  return {logits.begin(), logits.end()};
}

std::vector<TokenId> first(const std::vector<TokenId>& tokens, size_t n) {
  return {tokens.begin(), tokens.begin() + std::ptrdiff_t(n)};
}

}  // namespace

TEST_CASE("a timeline that grew in pieces equals one read at once") {
  RandomModel shape = Fixture::quantised();
  shape.type = GENERATE(quant::Type::f32, quant::Type::f16, quant::Type::q8_0, quant::Type::q4_k);
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    LoadOptions options;
    options.kernels = kernels->name;
    const Fixture f(shape, options);
    INFO(kernels->name);
    const size_t n = kernels->name == "reference" ? 70 : 300;
    const auto tokens = tokens_of(n);
    const auto expected = logits_after(*f.session(), tokens);

    auto grown = f.session();
    logits_after(*grown, first(tokens, 3));
    logits_after(*grown, first(tokens, 66));
    const auto synced = grown->sync(tokens);
    REQUIRE(synced);
    CHECK(synced->n_reused == 66);
    CHECK(synced->n_computed == n - 66);
    CHECK(logits_after(*grown, tokens) == expected);

    auto appended = f.session();
    logits_after(*appended, first(tokens, n - 5));
    for (size_t i = n - 5; i < n; ++i) REQUIRE(appended->append(tokens[i]));
    CHECK(logits_after(*appended, tokens) == expected);
  }
}

TEST_CASE("a changed tail is rolled back and the rest is reused") {
  const Fixture f;
  const auto tokens = tokens_of(100);
  auto changed = tokens;
  changed[90] = (changed[90] + 1) % TokenId(kRandomVocab);
  auto session = f.session();
  const auto before = logits_after(*session, tokens);
  const auto synced = session->sync(changed);
  REQUIRE(synced);
  CHECK(synced->n_reused == 90);
  CHECK(logits_after(*session, changed) == logits_after(*f.session(), changed));
  CHECK(logits_after(*session, changed) != before);

  SECTION("back to a shorter prefix: only its last token is computed again") {
    const auto shorter = first(tokens, 50);
    const auto again = session->sync(shorter);
    REQUIRE(again);
    CHECK(again->n_reused == 49);
    CHECK(again->n_computed == 1);
    CHECK(logits_after(*session, shorter) == logits_after(*f.session(), shorter));
  }
  SECTION("the same again: nothing is computed") {
    const auto again = session->sync(changed);
    REQUIRE(again);
    CHECK(again->n_reused == 100);
    CHECK(again->n_computed == 0);
  }
  SECTION("nothing at all") {
    REQUIRE(session->sync({}));
    CHECK(session->n_tokens() == 0);
    CHECK(session->logits().empty());
    CHECK(logits_after(*session, tokens) == before);
  }
}

TEST_CASE("all_logits has the logits of every prefix") {
  const Fixture f;
  const auto tokens = tokens_of(20);
  auto session = f.session();
  const auto all = session->all_logits(tokens);
  REQUIRE(all);
  REQUIRE(all->size() == 20 * kRandomVocab);
  for (const size_t n : {1, 7, 20}) {
    const std::vector<float> row(all->begin() + std::ptrdiff_t((n - 1) * kRandomVocab),
                                 all->begin() + std::ptrdiff_t(n * kRandomVocab));
    CHECK(row == logits_after(*f.session(), first(tokens, n)));
  }
  // The timeline is those tokens now.
  CHECK(session->n_tokens() == 20);
  CHECK(logits_after(*session, tokens) == logits_after(*f.session(), tokens));
}

TEST_CASE("score sums the log probabilities of a candidate's tokens") {
  const Fixture f;
  const auto prefix = tokens_of(30);
  const std::vector<std::vector<TokenId>> candidates = {
      tokens_of(1, 2), tokens_of(5, 3), tokens_of(70, 4), {}};
  auto session = f.session();
  const auto scores = session->score(prefix, candidates);
  REQUIRE(scores);
  REQUIRE(scores->size() == 4);
  CHECK((*scores)[3] == 0);
  for (size_t c = 0; c < 3; ++c) {
    auto tokens = prefix;
    tokens.insert(tokens.end(), candidates[c].begin(), candidates[c].end());
    auto other = f.session();
    const auto all = other->all_logits(tokens);
    REQUIRE(all);
    double expected = 0;
    for (size_t i = prefix.size(); i < tokens.size(); ++i) {
      const float* row = all->data() + (i - 1) * kRandomVocab;
      double sum = 0;
      for (size_t v = 0; v < kRandomVocab; ++v) sum += std::exp(double(row[v]));
      expected += double(row[tokens[i]]) - std::log(sum);
    }
    CHECK((*scores)[c] == Approx(expected).epsilon(1e-9));
  }
  // The session is back at the prefix, logits included.
  CHECK(session->n_tokens() == 30);
  const auto synced = session->sync(prefix);
  REQUIRE(synced);
  CHECK(synced->n_computed == 0);
  CHECK(logits_after(*session, prefix) == logits_after(*f.session(), prefix));
}

TEST_CASE("a thread more or less changes no bit") {
  LoadOptions one, four;
  one.n_threads = 1;
  four.n_threads = 4;
  const auto tokens = tokens_of(150);
  CHECK(logits_after(*Fixture(Fixture::quantised(), one).session(), tokens) ==
        logits_after(*Fixture(Fixture::quantised(), four).session(), tokens));
}

TEST_CASE("a cancelled sync leaves a session that works") {
  const Fixture f;
  const auto tokens = tokens_of(600);
  auto session = f.session();
  CancelSource cancelled;
  cancelled.cancel();
  const auto stopped = session->sync(tokens, cancelled.token());
  REQUIRE(!stopped);
  CHECK(stopped.error().code == ErrorCode::cancelled);
  CHECK(session->n_tokens() == 0);
  CancelSource deadline({}, Clock::now() + std::chrono::milliseconds(5));
  const auto late = session->sync(tokens, deadline.token());
  if (!late) CHECK(late.error().code == ErrorCode::exhausted);
  CHECK(session->n_tokens() <= 600);
  CHECK(logits_after(*session, tokens) == logits_after(*f.session(), tokens));
}

TEST_CASE("limits are one clear error each and keep the timeline") {
  const Fixture f;
  auto session = f.session(64);
  const auto tokens = tokens_of(64);
  const auto expected = logits_after(*session, tokens);
  const Status full = session->append(1);
  REQUIRE(!full);
  CHECK(full.error().code == ErrorCode::exhausted);
  CHECK(full.error().message.find("64") != std::string::npos);
  for (const TokenId wrong : {TokenId(-1), TokenId(kRandomVocab)}) {
    const auto synced = session->sync(std::vector<TokenId>{1, wrong});
    REQUIRE(!synced);
    CHECK(synced.error().code == ErrorCode::invalid_input);
  }
  CHECK(logits_after(*session, tokens) == expected);
}

TEST_CASE("the memory budget holds for all sessions of a model together") {
  const Fixture f;
  LoadOptions options;
  options.kv_type = "f16";
  // Two layers, two heads of 64, F16: 64 KiB a page of 64 tokens. Room for five of them.
  options.max_memory_bytes = f.model->info().file_bytes + 5 * 65536 + 1000;
  const auto model = Model::load(f.file.path(), options);
  REQUIRE(model);
  auto a = (*model)->open_session(0), b = (*model)->open_session(0);
  REQUIRE(a);
  REQUIRE(b);
  REQUIRE((*a)->sync(tokens_of(192)));
  const auto too_much = (*b)->sync(tokens_of(192));
  REQUIRE(!too_much);
  CHECK(too_much.error().code == ErrorCode::exhausted);
  CHECK(too_much.error().message.find("memory budget") != std::string::npos);
  REQUIRE((*b)->sync(tokens_of(100)));
  REQUIRE((*a)->sync(tokens_of(10)));  // gives pages back
  REQUIRE((*b)->sync(tokens_of(192)));

  options.max_memory_bytes = 1000;
  const auto too_small = Model::load(f.file.path(), options);
  REQUIRE(!too_small);
  CHECK(too_small.error().code == ErrorCode::exhausted);
}

TEST_CASE("generate extends a prompt and reports what it reused") {
  const Fixture f;
  auto session = f.session();
  const auto prompt = tokens_of(40);
  GenerateOptions options;
  options.max_tokens = 8;
  const auto first_time = session->generate(prompt, options);
  REQUIRE(first_time);
  CHECK(first_time->prompt.n_computed == 40);
  CHECK(first_time->tokens.size() <= 8);
  const auto second = session->generate(prompt, options);
  REQUIRE(second);
  CHECK(second->tokens == first_time->tokens);
  CHECK(second->prompt.n_reused >= 39);
}

TEST_CASE("two models and their sessions live side by side") {
  const Fixture a;
  RandomModel other = Fixture::quantised();
  other.architecture = "qwen3moe";
  other.seed = 9;
  const Fixture b(other);
  auto sa = a.session(), sb = b.session();
  const auto tokens = tokens_of(30);
  const auto la = logits_after(*sa, tokens), lb = logits_after(*sb, tokens);
  CHECK(la != lb);
  CHECK(logits_after(*sa, tokens) == la);
}

TEST_CASE("bench reports rates and memory") {
  const TemporaryModel file(Fixture::quantised());
  BenchOptions options;
  options.n_prompt = 32;
  options.n_gen = 4;
  options.n_depth = 10;
  options.load.n_threads = 1;
  const auto result = bench(file.path(), options);
  REQUIRE(result);
  CHECK(result->prompt_tokens_per_s > 0);
  CHECK(result->generate_tokens_per_s > 0);
  CHECK(result->session_bytes > 0);
  CHECK(result->peak_resident_bytes > result->session_bytes);
  CHECK(result->model.architecture == "engramd");
}

TEST_CASE("device discovery answers on any machine") {
  const DeviceReport report = find_devices();
  CHECK(!report.backend.empty());
  for (const Device& device : report.devices) CHECK(device.memory_bytes > 0);
}

}  // namespace engramd::engine::test
