// The families run from published checkpoints, and from what they are converted to.
#include <catch2/catch.hpp>
#include <cmath>

#include "checkpoint_folder.h"
#include "engine/api/model_file.h"
#include "engine/api/session.h"
#include "engine/arch/hf/engram_constants.h"
#include "engine/tokenizer/fold_text.h"
#include "safetensors_cases.h"

namespace engramd::engine::test {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* fixture;
  // Experts in MXFP4 meet activations rounded to eight bits; the others are BF16 and F32.
  double bound = 1e-5;
};
const std::vector<Case> kCases = {
    {"deepseek2"},     {"glm47_flash"}, {"deepseek4_small", 0.05},
    {"gpt_oss", 0.05}, {"llama"},       {"qwen3"},
    {"qwen35moe"},     {"qwen3moe"},    {"qwen3next"},
};

// Against the oracle's logits: max |difference| / max |expected|.
double error_of(const fs::path& model_path, const fs::path& fixture) {
  LoadOptions options;
  options.kv_type = "f32";
  options.n_threads = 2;
  const auto model = Model::load(model_path, options);
  INFO((model ? std::string() : model.error().message));
  REQUIRE(model);
  const auto session = (*model)->open_session(0);
  REQUIRE(session);
  const Cases cases(fixture / "expected.safetensors");
  const auto tokens = cases.values<TokenId>("tokens");
  const auto expected = cases.values<float>("logits");
  const size_t n_vocab = (*model)->info().n_vocab;
  const auto found = (*session)->all_logits(tokens);
  INFO((found ? std::string() : found.error().message));
  REQUIRE(found);
  double worst = 0, largest = 0;
  for (size_t row = 0; row < expected.size() / n_vocab; ++row) {
    const size_t position =
        cases.has("positions") ? size_t(cases.values<int32_t>("positions")[row]) : row;
    for (size_t i = 0; i < n_vocab; ++i) {
      const double e = expected[row * n_vocab + i], f = (*found)[position * n_vocab + i];
      REQUIRE(std::isfinite(f));
      worst = std::max(worst, std::abs(f - e));
      largest = std::max(largest, std::abs(e));
    }
  }
  return worst / largest;
}

}  // namespace

TEST_CASE("Engram's constants are those of the release") {
  const std::string text = *read_file(oracle_fixture("engram") / "constants.json");
  const nlohmann::json expected = nlohmann::json::parse(text);
  arch::hf::EngramShape shape;
  shape.layers = {1, 14};
  shape.vocab_size = 16000000;
  shape.max_ngram = 4;
  shape.n_heads = 8;
  shape.n_ids = 99092;
  const auto found = arch::hf::engram_constants(shape);
  REQUIRE(found);
  std::vector<uint64_t> primes, offsets, multipliers;
  for (const auto& layer : expected["primes"])
    for (const auto& ngram : layer)
      for (const uint64_t prime : ngram) primes.push_back(prime);
  for (const auto& layer : expected["offsets"])
    for (const uint64_t offset : layer) offsets.push_back(offset);
  for (const auto& layer : expected["multipliers"])
    for (const uint64_t multiplier : layer) multipliers.push_back(multiplier);
  CHECK(found->primes == primes);
  CHECK(found->offsets == offsets);
  CHECK(found->multipliers == multipliers);
  CHECK(found->offsets[23] + found->primes[23] == 384006168);
  CHECK(found->offsets[47] + found->primes[47] == 384016682);
  shape.n_heads = 1 << 20;
  CHECK(!arch::hf::engram_constants(shape));
  shape.n_heads = 8;
  shape.n_ids = 0;
  CHECK(!arch::hf::engram_constants(shape));
}

TEST_CASE("tokens that differ in width, accents, case or blanks are one to Engram") {
  using tokenizer::folded_text;
  CHECK(folded_text("The") == "the");
  CHECK(folded_text(" TH\u00c9") == "the");
  CHECK(folded_text("\uff34\uff48\uff45 ") == "the");  // full width
  CHECK(folded_text("\n\n") == " ");
  CHECK(folded_text("a \t\r\n b") == "a b");
  CHECK(folded_text("\u00ad") == "\u00ad");
  CHECK(folded_text("\u0301") == "");
  CHECK(folded_text("\ufb01") == "fi");      // a ligature
  CHECK(folded_text("\u0130") == "i");       // capital I with a dot
  CHECK(folded_text("\u03a3") == "\u03c3");  // sigma, wherever it stands
  CHECK(folded_text("\ud55c") == "\u1112\u1161\u11ab");
  CHECK(folded_text("\u00a0x\u3000") == "x");
  CHECK(folded_text("\u4e2d") == "\u4e2d");
  const auto folded = tokenizer::fold_vocabulary(
      std::vector<std::string>{"The", "\u0120the", "\u0100", "\u0120", "<end>", "\u010a"},
      {false, false, false, false, true, false});
  // U+0120 spells a blank, U+010A a line end, U+0100 the byte 0.
  CHECK(folded.ids == std::vector<int32_t>{0, 0, 1, 2, 3, 2});
  CHECK(folded.n_ids == 4);
}

TEST_CASE("each family runs from its published checkpoint, and from its conversion") {
  const Case test = GENERATE(from_range(kCases));
  INFO(test.fixture);
  const CheckpointFolder checkpoint(test.fixture);
  CHECK(error_of(checkpoint.path(), oracle_fixture(test.fixture)) <= test.bound);

  const fs::path converted = checkpoint.path() / "model.gguf";
  const auto report = convert_model_file(checkpoint.path(), converted, {}, {}, {});
  INFO((report ? std::string() : report.error().message));
  REQUIRE(report);
  for (const ConvertedTensor& tensor : report->tensors) {
    CHECK(tensor.from == tensor.to);
    CHECK(tensor.max_error == 0);
  }
  CHECK(error_of(converted, oracle_fixture(test.fixture)) <= test.bound);

  // The same model in two files has one digest.
  const auto a = verify_model_file(checkpoint.path(), {}, {});
  const auto b = verify_model_file(converted, {}, {});
  REQUIRE(a);
  REQUIRE(b);
  CHECK(a->digest == b->digest);
  CHECK(a->not_finite.empty());
  CHECK(a->network_problem.empty());
  CHECK(a->tokenizer_problem.empty());
}

}  // namespace engramd::engine::test
