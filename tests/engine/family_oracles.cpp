// Every family against the oracles of tests/oracles, which were written in float64 from papers and
// published code, without sight of the engine; and what must hold for any family: however a
// timeline came to be, what follows it is the same.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/api/session.h"
#include "engine/cpu/kernels.h"
#include "safetensors_cases.h"

namespace engramd::engine::test {
namespace {

struct FamilyCase {
  const char* name;  // the fixture's folder
  const char* expected = "expected.safetensors";
  bool cache_rounding = true;
  // Of logits, max |difference| / max |expected|. Float32 through a few layers is about 1e-6; where
  // values are rounded to a few bits on the way, a last bit can move one of them by a step.
  double bound = 1e-5;
};

// Where caches are rounded to eight and four bits, a value at the border between two codes goes to
// the one or the other by the order of float additions, and logits move by some 1e-5 for each.
constexpr double kRounded = 1e-4;

const std::vector<FamilyCase> kFamilies = {
    {"deepseek2"},
    {"deepseek2_lite"},
    {"glm47_flash"},
    {"deepseek4", "expected.safetensors", true, kRounded},
    {"deepseek4", "expected_plain.safetensors", false},
    {"deepseek4_small", "expected.safetensors", true, kRounded},
    {"deepseek4_small", "expected_plain.safetensors", false},
    {"deepseek41", "expected.safetensors", true, kRounded},
    {"deepseek41", "expected_plain.safetensors", false},
    {"engramd"},
    {"engramd_bare"},
    {"engramd_dense"},
    {"engramd_odd"},
    {"engramd_single"},
    {"gpt_oss"},
    {"llama"},
    {"qwen2"},
    {"qwen3"},
    {"qwen35moe"},
    {"qwen3moe"},
    {"qwen3next"},
};

std::filesystem::path fixture(const char* name) {
  return std::filesystem::path(ENGRAMD_SOURCE_DIR) / "tests/oracles/fixtures" / name;
}

std::shared_ptr<const Model> load(const FamilyCase& family, std::string_view kernels = "") {
  LoadOptions options;
  options.kernels = std::string(kernels);
  options.n_threads = 2;
  options.kv_type = "f32";
  options.cache_rounding = family.cache_rounding;
  auto model = Model::load(fixture(family.name) / "model.gguf", options);
  INFO((model ? std::string() : model.error().message));
  REQUIRE(model);
  return *model;
}

std::unique_ptr<Session> open(const std::shared_ptr<const Model>& model) {
  auto session = model->open_session(0);
  REQUIRE(session);
  return *std::move(session);
}

std::vector<TokenId> tokens_of(const FamilyCase& family) {
  return Cases(fixture(family.name) / family.expected).values<TokenId>("tokens");
}

std::vector<float> after(Session& session, std::span<const TokenId> tokens) {
  const auto synced = session.sync(tokens);
  INFO((synced ? std::string() : synced.error().message));
  REQUIRE(synced);
  CHECK(synced->n_reused + synced->n_computed == tokens.size());
  const auto logits = session.logits();
  REQUIRE(!logits.empty());
  return {logits.begin(), logits.end()};
}

double relative_error(std::span<const float> found, std::span<const float> expected) {
  REQUIRE(found.size() == expected.size());
  double difference = 0, largest = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    if (!std::isfinite(found[i])) return INFINITY;
    difference = std::max(difference, std::fabs(double(found[i]) - double(expected[i])));
    largest = std::max(largest, std::fabs(double(expected[i])));
  }
  REQUIRE(largest > 0);
  return difference / largest;
}

}  // namespace

TEST_CASE("each family computes what its oracle computes") {
  const FamilyCase family = GENERATE(from_range(kFamilies));
  const Cases cases(fixture(family.name) / family.expected);
  const auto tokens = cases.values<TokenId>("tokens");
  std::vector<int32_t> positions;
  if (cases.has("positions")) {
    positions = cases.values<int32_t>("positions");
  } else {
    for (size_t i = 0; i < tokens.size(); ++i) positions.push_back(int32_t(i));
  }
  const auto expected = cases.values<float>("logits");
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    const auto model = load(family, kernels->name);
    const size_t n_vocab = model->info().n_vocab;
    REQUIRE(expected.size() == positions.size() * n_vocab);
    const auto all = open(model)->all_logits(tokens);
    INFO((all ? std::string() : all.error().message));
    REQUIRE(all);
    std::vector<float> found;
    for (const int32_t position : positions) {
      const auto row = all->begin() + std::ptrdiff_t(size_t(position) * n_vocab);
      found.insert(found.end(), row, row + std::ptrdiff_t(n_vocab));
    }
    const double error = relative_error(found, expected);
    size_t first_wrong = positions.size();
    for (size_t i = positions.size(); i-- > 0;)
      if (relative_error({found.data() + i * n_vocab, n_vocab},
                         {expected.data() + i * n_vocab, n_vocab}) > family.bound)
        first_wrong = i;
    INFO(family.name << " " << family.expected << " " << kernels->name << ": relative error "
                     << error << ", first at position "
                     << (first_wrong < positions.size() ? positions[first_wrong] : -1));
    CHECK(error <= family.bound);
  }
}

TEST_CASE("in any family a timeline that grew in pieces equals one read at once") {
  const FamilyCase family = GENERATE(from_range(kFamilies));
  INFO(family.name);
  const auto model = load(family);
  const auto tokens = tokens_of(family);
  const std::span<const TokenId> all(tokens);
  const auto expected = after(*open(model), all);

  // Pieces that end within windows, groups of four and of 128, and convolutions.
  auto grown = open(model);
  for (const size_t end : {1, 2, 5, 14, 15, 17, 30, 47, 62, 63})
    if (end < tokens.size()) after(*grown, all.first(end));
  CHECK(after(*grown, all) == expected);

  auto appended = open(model);
  const size_t from = tokens.size() - std::min<size_t>(tokens.size() - 1, 40);
  after(*appended, all.first(from));
  for (size_t i = from; i < tokens.size(); ++i) REQUIRE(appended->append(tokens[i]));
  CHECK(after(*appended, all) == expected);
}

TEST_CASE("in any family a timeline that went back equals one that never left") {
  const FamilyCase family = GENERATE(from_range(kFamilies));
  INFO(family.name);
  const auto model = load(family);
  const auto tokens = tokens_of(family);
  const std::span<const TokenId> all(tokens);
  const auto expected = after(*open(model), all);
  for (const size_t parted : {size_t(3), tokens.size() / 2, tokens.size() - 2}) {
    INFO("parted after " << parted << " tokens");
    auto other = tokens;
    for (size_t i = parted; i < other.size(); ++i)
      other[i] = (other[i] + 1) % TokenId(model->tokenizer().n_vocab());
    auto session = open(model);
    CHECK(after(*session, all) == expected);
    const auto there = after(*session, other);
    CHECK(there == after(*open(model), other));
    CHECK(after(*session, all) == expected);
    // Where two timelines parted once, they part again without reading the start anew.
    const auto again = session->sync(other);
    REQUIRE(again);
    CHECK(again->n_reused >= parted);
    CHECK(after(*session, other) == there);
    CHECK(after(*session, all.first(parted)) == after(*open(model), all.first(parted)));
  }
}

TEST_CASE("in any family snapshots and forks go on alike") {
  const FamilyCase family = GENERATE(from_range(kFamilies));
  INFO(family.name);
  const auto model = load(family);
  const auto tokens = tokens_of(family);
  const std::span<const TokenId> all(tokens);
  const auto expected = after(*open(model), all);
  const size_t middle = tokens.size() / 2 + 1;

  auto session = open(model);
  const auto at_middle = after(*session, all.first(middle));
  const auto snapshot = session->snapshot();
  REQUIRE(snapshot);
  auto forked = session->fork();
  REQUIRE(forked);
  CHECK(after(**forked, all) == expected);
  CHECK(session->n_tokens() == middle);
  CHECK(after(*session, all) == expected);

  auto restored = open(model);
  after(*restored, all.last(7));
  REQUIRE(restored->restore(*snapshot));
  CHECK(restored->n_tokens() == middle);
  const auto synced = restored->sync(all.first(middle));
  REQUIRE(synced);
  CHECK(synced->n_computed == 0);
  CHECK(after(*restored, all.first(middle)) == at_middle);
  CHECK(after(*restored, all) == expected);

  SECTION("a damaged snapshot is an error and leaves a session that works") {
    for (size_t at = 0; at < snapshot->size(); at += 1 + snapshot->size() / 50) {
      std::string damaged = *snapshot;
      damaged[at] = char(damaged[at] ^ 0x40);
      CHECK(!restored->restore(damaged));
      CHECK(!restored->restore(std::string_view(*snapshot).substr(0, at)));
    }
    CHECK(after(*restored, all) == expected);
  }
}

TEST_CASE("in any family sessions side by side compute what each computes alone") {
  const FamilyCase family = GENERATE(from_range(kFamilies));
  INFO(family.name);
  const auto model = load(family);
  const auto tokens = tokens_of(family);
  std::vector<std::vector<TokenId>> timelines;
  for (size_t i = 0; i < 3; ++i) {
    timelines.push_back(tokens);
    std::rotate(timelines.back().begin(), timelines.back().begin() + std::ptrdiff_t(5 * i),
                timelines.back().end());
  }
  std::vector<std::unique_ptr<Session>> sessions;
  for (size_t i = 0; i < 3; ++i) sessions.push_back(open(model));
  for (const size_t end : {size_t(9), tokens.size() / 2, tokens.size()})
    for (size_t i = 0; i < 3; ++i) {
      const auto prefix = std::span<const TokenId>(timelines[i]).first(end);
      CHECK(after(*sessions[i], prefix) == after(*open(model), prefix));
    }
}

TEST_CASE("in any family a cancelled step leaves a session that works") {
  const FamilyCase family = GENERATE(from_range(kFamilies));
  INFO(family.name);
  const auto model = load(family);
  const auto tokens = tokens_of(family);
  const std::span<const TokenId> all(tokens);
  const auto expected = after(*open(model), all);
  auto session = open(model);
  after(*session, all.first(11));
  // Deadlines that fall anywhere in the step.
  for (const int us : {0, 50, 100, 200, 400, 800, 1600, 3200}) {
    CancelSource deadline({}, Clock::now() + std::chrono::microseconds(us));
    const auto stopped = session->sync(all, deadline.token());
    if (stopped) break;
    CHECK(session->n_tokens() >= 11);
  }
  CHECK(after(*session, all) == expected);
}

}  // namespace engramd::engine::test
