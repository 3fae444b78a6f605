// The families run from published checkpoints, and from what they are converted to.
#include <catch2/catch.hpp>
#include <cmath>

#include "checkpoint_folder.h"
#include "engine/api/model_file.h"
#include "engine/api/session.h"
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
