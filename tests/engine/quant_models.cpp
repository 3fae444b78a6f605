// Whole models in each kind of weight type, in every kernel table, against the very same values in
// F32: what F32 computes, the oracles of the families hold (family_oracles.cpp).
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>

#include "engine/api/model_file.h"
#include "engine/api/session.h"
#include "kernel_compare.h"
#include "model_writer.h"

namespace engramd::engine::test {
namespace {

std::vector<TokenId> some_tokens() {
  std::mt19937 random(7);
  std::vector<TokenId> out(37);
  for (TokenId& token : out) token = TokenId(random() % kRandomVocab);
  return out;
}

std::vector<float> logits_of(const std::filesystem::path& path, const LoadOptions& options) {
  const auto model = Model::load(path, options);
  INFO((model ? std::string() : model.error().message));
  REQUIRE(model);
  auto session = (*model)->open_session(0);
  REQUIRE(session);
  auto logits = (*session)->all_logits(some_tokens());
  REQUIRE(logits);
  return *std::move(logits);
}

void check_against_f32(const RandomModel& shape, double bound) {
  const TemporaryModel file(shape);
  const std::filesystem::path exact = file.path().parent_path() / "f32.gguf";
  ConvertOptions to_f32;
  to_f32.type = "f32";
  const auto converted = convert_model_file(file.path(), exact, to_f32, {}, {});
  INFO((converted ? std::string() : converted.error().message));
  REQUIRE(converted);
  for (const ConvertedTensor& tensor : converted->tensors) {
    CHECK(tensor.to == "F32");
    CHECK(tensor.max_error == 0);
  }
  LoadOptions options;
  options.n_threads = 2;
  options.kernels = "reference";
  options.kv_type = "f32";
  const auto expected = logits_of(exact, options);
  options.kv_type = "f16";
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    options.kernels = kernels->name;
    const double error = relative_error(logits_of(file.path(), options), expected);
    INFO(shape.architecture << ", " << quant::info(shape.type).name << ", " << kernels->name
                            << ": relative error " << error);
    if (std::getenv("ENGRAMD_PRINT_ERRORS") != nullptr)
      std::printf("%s %s %s: %.1e\n", shape.architecture.c_str(),
                  std::string(quant::info(shape.type).name).c_str(),
                  std::string(kernels->name).c_str(), error);
    CHECK(error <= bound);
    CHECK(error > 0);
  }
}

}  // namespace

// The weights are exact; keys and values are rounded to F16 (2^-11 each).
TEST_CASE("half-precision models compute what their values in F32 do, to 5e-3") {
  RandomModel shape;
  shape.architecture = GENERATE("qwen3moe", "engramd");
  shape.type = GENERATE(quant::Type::f16, quant::Type::bf16);
  check_against_f32(shape, 5e-3);
}

// F32 multiplies the decoded weights by exact activations; we round activations to int8 at every
// matrix, which is what this bound is for. A wrong block layout misses it by far.
TEST_CASE("quantised models compute what their values in F32 do, to 5e-2") {
  RandomModel shape;
  shape.architecture = GENERATE("qwen3moe", "engramd");
  shape.type = GENERATE(quant::Type::q8_0, quant::Type::q4_0, quant::Type::q5_0, quant::Type::q4_k,
                        quant::Type::q6_k);
  shape.n_experts = 4;
  shape.n_used = 4;  // a near tie in the router would hide behind no bound
  check_against_f32(shape, 5e-2);
}

}  // namespace engramd::engine::test
