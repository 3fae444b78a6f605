// Logits of random models against tests/engine/reference/forward_numpy.py, which computes in
// float64 on the dequantised weights and shares no code with the engine.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

#include "base/process.h"
#include "engine/api/session.h"
#include "engine/cpu/kernels.h"
#include "model_writer.h"

namespace engramd::engine::test {
namespace {

std::vector<float> oracle_logits(const std::filesystem::path& model,
                                 const std::vector<TokenId>& tokens) {
  std::string list;
  for (const TokenId token : tokens) list += (list.empty() ? "" : ",") + std::to_string(token);
  const std::filesystem::path out = model.parent_path() / "logits.f32";
  const std::filesystem::path system_python = "/usr/bin/python3";  // has Debian's numpy
  ProcessOptions options;
  options.argv = {std::filesystem::exists(system_python) ? system_python.string() : "python3",
                  std::string(ENGRAMD_SOURCE_DIR) + "/tests/engine/reference/forward_numpy.py",
                  "--model",
                  model.string(),
                  "--tokens",
                  list,
                  "--out",
                  out.string()};
  options.wall_ms = 240'000;
  const auto result = run_process(options);
  REQUIRE(result);
  INFO(result->stderr_text);
  REQUIRE(result->ok());  // python3-numpy is a test dependency
  const auto bytes = read_file(out);
  REQUIRE(bytes);
  std::vector<float> logits(bytes->size() / 4);
  std::memcpy(logits.data(), bytes->data(), logits.size() * 4);
  return logits;
}

// max |difference| / max |expected|
double relative_error(std::span<const float> found, std::span<const float> expected) {
  REQUIRE(found.size() == expected.size());
  double difference = 0, largest = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    difference = std::max(difference, std::fabs(double(found[i]) - double(expected[i])));
    largest = std::max(largest, std::fabs(double(expected[i])));
    if (!std::isfinite(found[i])) return INFINITY;
  }
  REQUIRE(largest > 0);
  return difference / largest;
}

std::vector<TokenId> some_tokens(size_t n) {
  std::mt19937 random(7);
  std::vector<TokenId> out(n);
  for (TokenId& token : out) token = TokenId(random() % kRandomVocab);
  return out;
}

// Every kernel table this processor has, against the oracle.
void check_against_oracle(const std::filesystem::path& path, const std::vector<TokenId>& tokens,
                          double bound) {
  const std::vector<float> expected = oracle_logits(path, tokens);
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    LoadOptions options;
    options.kernels = kernels->name;
    options.n_threads = 2;
    options.kv_type = bound < 1e-4 ? "f32" : "";
    const auto model = Model::load(path, options);
    INFO((model ? std::string() : model.error().message));
    REQUIRE(model);
    auto session = (*model)->open_session(0);
    INFO((session ? std::string() : session.error().message));
    REQUIRE(session);
    const auto found = (*session)->all_logits(tokens);
    REQUIRE(found);
    const double error = relative_error(*found, expected);
    INFO(kernels->name << ": relative error " << error);
    if (std::getenv("ENGRAMD_PRINT_ERRORS") != nullptr)
      WARN(kernels->name << ": relative error " << error << ", bound " << bound);
    CHECK(error <= bound);
  }
}

}  // namespace

// Weights that round nothing: only the order of float additions differs.
TEST_CASE("logits of F32 models agree with the oracle to 1e-5") {
  RandomModel m;
  m.architecture = GENERATE("qwen3moe", "engramd-moe");
  check_against_oracle(TemporaryModel(m).path(), some_tokens(37), 1e-5);
}

TEST_CASE("sizes that fill no vector register agree too") {
  RandomModel m;
  m.architecture = GENERATE("qwen3moe", "engramd-moe");
  m.d_model = 77;
  m.n_heads = 6;
  m.n_kv_heads = 2;
  m.head_dim = 24;
  m.n_experts = 5;
  m.n_used = 3;
  m.width = 43;
  m.shared_width = 19;
  check_against_oracle(TemporaryModel(m).path(), some_tokens(70), 1e-5);
}

// F16 and BF16 weights are exact; keys and values are rounded to F16 (2^-11 each).
TEST_CASE("logits of half-precision models agree with the oracle to 5e-3") {
  RandomModel m;
  m.architecture = "engramd-moe";
  m.type = GENERATE(quant::Type::f16, quant::Type::bf16);
  check_against_oracle(TemporaryModel(m).path(), some_tokens(37), 5e-3);
}

// The oracle multiplies the dequantised weights by exact activations; we round activations to int8
// at every matrix, which is what this bound is for. A wrong block layout misses it by far.
TEST_CASE("logits of quantised models agree with the oracle to 5e-2") {
  RandomModel m;
  m.architecture = GENERATE("qwen3moe", "engramd-moe");
  m.type = GENERATE(quant::Type::q8_0, quant::Type::q4_k, quant::Type::q6_k);
  m.n_experts = 4;
  m.n_used = 4;  // a near tie in the router would hide behind no bound
  check_against_oracle(TemporaryModel(m).path(), some_tokens(37), 5e-2);
}

// ENGRAMD_ORACLE_MODEL=file.gguf runs the comparison on a model of yours.
TEST_CASE("a model named in the environment agrees with the oracle", "[.]") {
  const char* path = std::getenv("ENGRAMD_ORACLE_MODEL");
  REQUIRE(path != nullptr);
  const char* bound = std::getenv("ENGRAMD_ORACLE_BOUND");
  check_against_oracle(path, some_tokens(24), bound != nullptr ? std::atof(bound) : 1e-3);
}

}  // namespace engramd::engine::test
