// Writing quantised blocks: how far the values move, and that hostile values do no harm.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "engine/quant/types.h"

namespace engramd::engine::quant {
namespace {

std::vector<float> normal_values(size_t n, float sigma, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, sigma);
  std::vector<float> out(n);
  for (float& value : out) value = normal(random);
  return out;
}

std::vector<float> through(Type type, const std::vector<float>& x) {
  const TypeInfo& t = info(type);
  std::vector<std::byte> bytes(x.size() / t.block_elements * t.block_bytes);
  t.from_float(x.data(), bytes.data(), x.size());
  std::vector<float> out(x.size());
  t.to_float(bytes.data(), out.data(), out.size());
  return out;
}

// Root of the mean squared error, of the root of the mean square.
double relative_rms(const std::vector<float>& found, const std::vector<float>& expected) {
  double error = 0, size = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    error += (double(found[i]) - double(expected[i])) * (double(found[i]) - double(expected[i]));
    size += double(expected[i]) * double(expected[i]);
  }
  return std::sqrt(error / size);
}

struct WriterCase {
  Type type;
  // A uniform step s errs by s / sqrt(12). The largest of 32 normal values is about 2.1 sigma from
  // 0, of 16 about 1.8, so 15 steps over twice that are 0.28 sigma: 8 % of it, and so on for the
  // other widths; the bounds are about a tenth above what the search reaches.
  double bound;
};
constexpr WriterCase kWriters[] = {
    {Type::f16, 3e-4},    {Type::bf16, 2.5e-3}, {Type::q8_0, 6e-3},     {Type::q6_k, 1.8e-2},
    {Type::q5_k, 4.2e-2}, {Type::q5_1, 4.2e-2}, {Type::q5_0, 4.6e-2},   {Type::q4_k, 8.5e-2},
    {Type::q4_1, 8.5e-2}, {Type::q4_0, 9.5e-2}, {Type::iq4_nl, 8.5e-2}, {Type::iq4_xs, 8.7e-2},
    {Type::mxfp4, 0.13},  {Type::q3_k, 0.17},   {Type::q2_k, 0.36},
};

}  // namespace

TEST_CASE("normal values survive writing and reading within the type's step") {
  for (const float sigma : {1.0f, 0.02f, 300.0f}) {
    const auto x = normal_values(256 * 64, sigma, 1);
    for (const WriterCase& c : kWriters) {
      const double error = relative_rms(through(c.type, x), x);
      INFO(info(c.type).name << " sigma " << sigma << " error " << error);
      CHECK(error <= c.bound);
      CHECK(error > c.bound / 3);  // and the bound says something
    }
  }
  const auto x = normal_values(77, 1, 1);
  CHECK(through(Type::f32, x) == x);
}

TEST_CASE("written blocks are a fixed point of reading and writing, nearly") {
  // What a block can hold exactly must come back as it is, but for the last bits of its scales.
  const auto x = normal_values(256 * 8, 1, 2);
  for (const WriterCase& c : kWriters) {
    const auto once = through(c.type, x), twice = through(c.type, once);
    INFO(info(c.type).name << " " << relative_rms(twice, once));
    CHECK(relative_rms(twice, once) <= c.bound / 2);
  }
}

TEST_CASE("values all of one sign, of one size and zero are kept") {
  for (const WriterCase& c : kWriters) {
    INFO(info(c.type).name);
    CHECK(through(c.type, std::vector<float>(256, 0.0f)) == std::vector<float>(256, 0.0f));
    for (const float value : {1.0f, -1.0f}) {
      const std::vector<float> x(256, value);
      CHECK(relative_rms(through(c.type, x), x) <= 0.02);
    }
    std::vector<float> x = normal_values(256, 1, 3);
    for (float& value : x) value = std::fabs(value);
    CHECK(relative_rms(through(c.type, x), x) <= 2 * c.bound);
  }
}

TEST_CASE("one huge value costs its own block only") {
  for (const WriterCase& c : kWriters) {
    if (c.type == Type::f16 || c.type == Type::bf16) continue;
    const size_t block = info(c.type).block_elements;
    auto x = normal_values(2 * 256, 1, 4);
    x[3] = 1e4f;
    const auto y = through(c.type, x);
    INFO(info(c.type).name);
    CHECK(y[3] == Approx(1e4f).epsilon(0.2));
    const std::vector<float> rest(x.begin() + std::ptrdiff_t(block), x.begin() + 256 + 32),
        found(y.begin() + std::ptrdiff_t(block), y.begin() + 256 + 32);
    CHECK(relative_rms(found, rest) <= 2 * c.bound);
  }
}

TEST_CASE("not-a-number and infinity write some valid block") {
  for (const WriterCase& c : kWriters) {
    INFO(info(c.type).name);
    for (const float bad : {NAN, INFINITY, -INFINITY, 3e38f, 1e-44f}) {
      auto x = normal_values(512, 1, 5);
      x[7] = bad;
      const auto y = through(c.type, x);
      for (size_t i = 256; i < 512; ++i) REQUIRE(std::isfinite(y[i]));
    }
  }
}

}  // namespace engramd::engine::quant
