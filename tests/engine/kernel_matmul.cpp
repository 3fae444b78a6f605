// Matrix products: every table against the reference one, and that one against plain arithmetic.
#include <catch2/catch.hpp>
#include <cmath>

#include "kernel_cases.h"
#include "kernel_compare.h"

namespace engramd::engine::test {

TEST_CASE("matmul kernels agree with the reference over the case table") {
  for (const MatmulCase& c : matmul_cases()) {
    const MatmulData data(c);
    const auto& reference = cpu::reference_kernels();
    const auto activations = data.activations(reference);
    const auto expected = data.run(reference, activations, c.n_columns);
    INFO(quant::info(c.type).name << " " << c.rows << " x " << c.n << " x " << c.n_columns);
    for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
      INFO(kernels->name);
      CHECK(data.activations(*kernels) == activations);  // rounding is the same to the bit
      const auto found = data.run(*kernels, activations, c.n_columns);
      CHECK(relative_error(found, expected) <= c.bound);
      for (const size_t together : {1, 2, 5})  // and does not depend on the batch
        CHECK(data.run(*kernels, activations, together) == found);
      CHECK(data.run(*kernels, activations, c.n_columns, 5) == found);  // nor on the rows' parts
    }
  }
}

// What rounding activations to int8 costs: at most half a step of 1/127 of the largest value, which
// over random values comes to about half a percent.
TEST_CASE("integer matmul stays within 2 % of exact arithmetic") {
  std::vector<quant::Type> types(std::begin(kTypesOf32), std::end(kTypesOf32));
  types.insert(types.end(), std::begin(kTypesOf256), std::end(kTypesOf256));
  for (const quant::Type type : types) {
    const MatmulCase c{type, 33, 2048, 3, 0};
    const MatmulData data(c);
    std::vector<float> expected, row(c.n);
    for (size_t column = 0; column < c.n_columns; ++column)
      for (size_t r = 0; r < c.rows; ++r) {
        quant::info(type).to_float(data.weights() + r * data.row_bytes(), row.data(), c.n);
        double sum = 0;
        for (size_t i = 0; i < c.n; ++i) sum += double(row[i]) * double(data.x()[column * c.n + i]);
        expected.push_back(float(sum));
      }
    for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
      INFO(quant::info(type).name << " " << kernels->name);
      CHECK(relative_error(data.run(*kernels, data.activations(*kernels), 3), expected) <= 0.02);
    }
  }
}

TEST_CASE("extreme activations round to the same bytes everywhere") {
  std::vector<float> x = random_floats(512, 1, 3);
  x[5] = 1e30f;  // everything else in this block rounds to zero
  x[300] = -0.0f;
  std::fill(x.begin() + 32, x.begin() + 64, 0.0f);
  std::fill(x.begin() + 64, x.begin() + 96, 1e-38f);
  x[100] = 0.5f / 127;  // ties go to even
  std::vector<cpu::BlockQ8_32> expected(16);
  cpu::reference_kernels().quantise_q8_32(x.data(), x.size(), expected.data());
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    std::vector<cpu::BlockQ8_32> found(16);
    kernels->quantise_q8_32(x.data(), x.size(), found.data());
    INFO(kernels->name);
    CHECK(std::memcmp(found.data(), expected.data(), 16 * sizeof found[0]) == 0);
  }
  CHECK(expected[1].d == 0);
  CHECK(int(expected[0].q[5]) == 127);
}

}  // namespace engramd::engine::test
