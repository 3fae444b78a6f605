// What a weight type costs a model: mean Kullback-Leibler divergence of the next token's
// distribution from that of the same weights in F32, teacher-forced, in nats.
//
// The model has random weights, whose errors nothing averages out and whose distributions are
// flat: real models, trained to be robust and peaked, lose less. So a bound here is no promise
// about quality; it says that the type's writer, its reader, its kernels and the network around
// them work together, and catches a block read one element off at once. Bounds are about three
// times what was measured (docs/benchmarks/engine-types.md), which leaves room for another
// compiler's rounding.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "engine/api/model_file.h"
#include "engine/api/session.h"
#include "model_writer.h"

namespace engramd::engine::test {
namespace {

struct TypeCase {
  const char* type;
  double bound;  // nats
};

constexpr TypeCase kTypes[] = {
    {"bf16", 2e-4},   {"f16", 1e-5},    {"q8_0", 2e-3},   {"q6_k", 1e-2}, {"q5_k", 2.5e-2},
    {"q5_0", 3e-2},   {"q5_1", 3e-2},   {"q4_k", 7.5e-2}, {"q4_0", 0.1},  {"q4_1", 7e-2},
    {"iq4_xs", 8e-2}, {"iq4_nl", 8e-2}, {"mxfp4", 0.18},  {"q3_k", 0.28}, {"q2_k", 0.7},
};

std::vector<float> all_logits(const std::filesystem::path& path,
                              const std::vector<TokenId>& tokens) {
  LoadOptions options;
  options.n_threads = 2;
  options.kv_type = "f32";
  const auto model = Model::load(path, options);
  INFO((model ? std::string() : model.error().message));
  REQUIRE(model);
  auto session = (*model)->open_session(0);
  REQUIRE(session);
  const auto logits = (*session)->all_logits(tokens);
  REQUIRE(logits);
  return *logits;
}

std::vector<double> log_softmax(const float* logits, size_t n) {
  double largest = double(logits[0]), sum = 0;
  for (size_t i = 1; i < n; ++i) largest = std::max(largest, double(logits[i]));
  for (size_t i = 0; i < n; ++i) sum += std::exp(double(logits[i]) - largest);
  std::vector<double> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = double(logits[i]) - largest - std::log(sum);
  return out;
}

struct Divergence {
  double mean = 0;          // nats
  size_t n_clear = 0;       // positions whose best token leads by a margin
  size_t n_other_best = 0;  // of those: the best token is another one
};

// Clear: errors of the logits with deviation s give a divergence of about s^2 / 2, so the lead of
// one token over another moves by a deviation of 2 sqrt(divergence). Five of those are not
// overtaken by chance, but by a mistake.
Divergence divergence(const std::vector<float>& exact, const std::vector<float>& found, size_t n) {
  Divergence out;
  const size_t rows = exact.size() / n;
  for (size_t row = 0; row < rows; ++row) {
    const auto p = log_softmax(exact.data() + row * n, n),
               q = log_softmax(found.data() + row * n, n);
    for (size_t i = 0; i < n; ++i) out.mean += std::exp(p[i]) * (p[i] - q[i]) / double(rows);
  }
  for (size_t row = 0; row < rows; ++row) {
    const auto p = log_softmax(exact.data() + row * n, n),
               q = log_softmax(found.data() + row * n, n);
    const auto best = std::max_element(p.begin(), p.end());
    double second = -INFINITY;
    for (auto at = p.begin(); at != p.end(); ++at)
      if (at != best) second = std::max(second, *at);
    if (*best - second < 10 * std::sqrt(out.mean)) continue;
    ++out.n_clear;
    out.n_other_best += std::max_element(q.begin(), q.end()) - q.begin() != best - p.begin();
  }
  return out;
}

}  // namespace

TEST_CASE("each weight type stays within its divergence from F32") {
  RandomModel shape;
  shape.n_layers = 3;
  shape.n_used = shape.n_experts;  // a router that chooses otherwise is another matter
  const TemporaryModel exact_file(shape);
  std::vector<TokenId> tokens(128);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = TokenId(i * i * 7 % kRandomVocab);
  const auto exact = all_logits(exact_file.path(), tokens);
  const bool print = std::getenv("ENGRAMD_PRINT_DIVERGENCE") != nullptr;
  for (const TypeCase& type : kTypes) {
    const std::filesystem::path written =
        exact_file.path().parent_path() / (std::string(type.type) + ".gguf");
    ConvertOptions options;
    options.type = type.type;
    const auto converted = convert_model_file(exact_file.path(), written, options, {}, {});
    INFO(type.type << (converted ? "" : converted.error().message));
    REQUIRE(converted);
    double squares = 0;
    size_t n_rewritten = 0;
    for (const ConvertedTensor& tensor : converted->tensors)
      if (tensor.to != tensor.from) {
        squares += tensor.relative_rms_error * tensor.relative_rms_error;
        ++n_rewritten;
      }
    REQUIRE(n_rewritten > 0);
    const Divergence d = divergence(exact, all_logits(written, tokens), kRandomVocab);
    if (print)
      std::printf("| %s | %.4f | %.2e | %zu of %zu |\n", type.type,
                  std::sqrt(squares / double(n_rewritten)), d.mean, d.n_other_best, d.n_clear);
    INFO("mean divergence " << d.mean << " nats, bound " << type.bound << "; another best token in "
                            << d.n_other_best << " of " << d.n_clear << " clear positions");
    CHECK(d.mean >= 0);
    CHECK(d.mean <= type.bound);
    CHECK(d.n_other_best == 0);
  }
}

}  // namespace engramd::engine::test
