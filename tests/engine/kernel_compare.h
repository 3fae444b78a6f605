// tests/engine/kernel_compare.h - every table of kernels against the reference one.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "engine/cpu/kernels.h"

namespace engramd::engine::test {

// max |difference| / max |expected|; infinite when a value is not finite where another is expected.
inline double relative_error(const std::vector<float>& found, const std::vector<float>& expected) {
  double difference = 0, largest = 1e-30;
  for (size_t i = 0; i < found.size(); ++i) {
    if (!std::isfinite(found[i]) && found[i] != expected[i]) return INFINITY;
    difference = std::max(difference, std::fabs(double(found[i]) - double(expected[i])));
    largest = std::max(largest, std::fabs(double(expected[i])));
  }
  return difference / largest;
}

inline std::vector<float> random_floats(size_t n, float sigma, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, sigma);
  std::vector<float> out(n);
  for (float& value : out) value = normal(random);
  return out;
}

// f(kernels) in every table, compared with the reference's answer.
template <class F>
void check_tables(double bound, F f) {
  const std::vector<float> expected = f(cpu::reference_kernels());
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name);
    CHECK(relative_error(f(*kernels), expected) <= bound);
  }
}

}  // namespace engramd::engine::test
