// tests/engine/kernel_cases.h - the shapes and bounds that the kernels are checked and timed on.
//
// The same list drives kernel_matmul.cpp (agreement with the reference) and the kernel table of
// tests/bench/engine_bench.cpp. Header-only so that the bench needs nothing else of the tests.
#pragma once

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "engine/cpu/kernels.h"
#include "engine/quant/types.h"

namespace engramd::engine::test {

struct MatmulCase {
  quant::Type type;
  size_t rows, n, n_columns;
  // Of max |difference to the reference table| / max |reference|: only float addition order.
  double bound;
};

inline constexpr quant::Type kFloatTypes[] = {quant::Type::f32, quant::Type::f16,
                                              quant::Type::bf16};
inline constexpr quant::Type kTypesOf32[] = {
    quant::Type::q8_0, quant::Type::q4_0,   quant::Type::q4_1, quant::Type::q5_0,
    quant::Type::q5_1, quant::Type::iq4_nl, quant::Type::mxfp4};
inline constexpr quant::Type kTypesOf256[] = {quant::Type::q2_k, quant::Type::q3_k,
                                              quant::Type::q4_k, quant::Type::q5_k,
                                              quant::Type::q6_k, quant::Type::iq4_xs};

// Column counts on both sides of every switch between ways: one, two, part of a tile, several
// tiles, more than a panel is kept for.
inline std::vector<MatmulCase> matmul_cases() {
  std::vector<MatmulCase> out;
  for (const size_t n : {size_t(1), size_t(19), size_t(77), size_t(256), size_t(2048)})
    for (const quant::Type type : kFloatTypes)
      for (const size_t columns : {1, 2, 7}) out.push_back({type, 33, n, columns, 1e-5});
  for (const size_t n : {size_t(32), size_t(96), size_t(2048)})
    for (const quant::Type type : kTypesOf32)
      for (const size_t columns : {1, 2, 3, 6, 13, 67}) out.push_back({type, 33, n, columns, 1e-5});
  for (const size_t n : {size_t(256), size_t(768), size_t(2048)})
    for (const quant::Type type : kTypesOf256)
      for (const size_t columns : {1, 2, 3, 4, 5, 32, 67})
        out.push_back({type, 33, n, columns, 1e-5});
  return out;
}

// Weights of every bit pattern that the type allows, except scales that are infinite or huge.
class MatmulData {
 public:
  explicit MatmulData(const MatmulCase& c) : case_(c) {
    std::mt19937 random(uint32_t(c.rows * 31 + c.n * 7 + c.n_columns));
    std::normal_distribution<float> normal(0, 1);
    const quant::TypeInfo& type = quant::info(c.type);
    weights_.resize(c.rows * c.n / type.block_elements * type.block_bytes);
    for (std::byte& byte : weights_) byte = std::byte(random());
    for (size_t i = 0; i < weights_.size(); i += type.block_bytes) {
      std::byte* block = weights_.data() + i;
      const float value = normal(random), other = normal(random);
      if (c.type == quant::Type::f32) std::memcpy(block, &value, 4);
      if (c.type == quant::Type::f16) quant::store_u16(block, quant::float_to_half(value));
      if (c.type == quant::Type::bf16) quant::store_u16(block, quant::float_to_bf16(value));
      if (c.type == quant::Type::mxfp4) block[0] = std::byte(120 + random() % 12);
      for (size_t at : halves(c.type))
        quant::store_u16(block + at, quant::float_to_half((at == 0 ? value : other) * 0.01f));
    }
    x_.resize(c.n_columns * c.n);
    for (float& value : x_) value = normal(random);
  }

  const std::vector<float>& x() const { return x_; }
  const std::byte* weights() const { return weights_.data(); }
  size_t row_bytes() const {
    const quant::TypeInfo& type = quant::info(case_.type);
    return case_.n / type.block_elements * type.block_bytes;
  }

  std::vector<std::byte> activations(const cpu::Kernels& kernels) const {
    const auto format = cpu::activation_format(case_.type);
    const size_t bytes = cpu::activation_bytes(format, case_.n);
    std::vector<std::byte> out(bytes * case_.n_columns);
    for (size_t c = 0; c < case_.n_columns; ++c)
      kernels.quantise(format, x_.data() + c * case_.n, case_.n, out.data() + c * bytes);
    return out;
  }

  // All columns, at most `together` in one call, and all rows, in two calls parted at `row`;
  // [n_columns, rows].
  std::vector<float> run(const cpu::Kernels& kernels, const std::vector<std::byte>& activations,
                         size_t together, size_t row = 0) const {
    const size_t bytes = activations.size() / case_.n_columns;
    std::vector<float> out(case_.n_columns * case_.rows);
    std::vector<const std::byte*> in_rows;
    std::vector<float*> out_rows;
    for (size_t c = 0; c < case_.n_columns; ++c) {
      in_rows.push_back(activations.data() + c * bytes);
      out_rows.push_back(out.data() + c * case_.rows);
    }
    for (size_t c = 0; c < case_.n_columns; c += together)
      for (const auto& [begin, end] : {std::pair(size_t(0), row), std::pair(row, case_.rows)})
        kernels.matmul(case_.type)({weights_.data(), row_bytes(), case_.n, begin, end,
                                    in_rows.data() + c, out_rows.data() + c,
                                    std::min(together, case_.n_columns - c)});
    return out;
  }

 private:
  // Where the half floats of a block are.
  static std::vector<size_t> halves(quant::Type type) {
    using quant::Type;
    switch (type) {
      case Type::q4_0:
      case Type::q5_0:
      case Type::q8_0:
      case Type::iq4_nl:
      case Type::iq4_xs:
        return {0};
      case Type::q4_1:
      case Type::q5_1:
      case Type::q4_k:
      case Type::q5_k:
        return {0, 2};
      case Type::q2_k:
        return {80, 82};
      case Type::q3_k:
        return {108};
      case Type::q6_k:
        return {208};
      default:
        return {};
    }
  }

  MatmulCase case_;
  std::vector<std::byte> weights_;
  std::vector<float> x_;
};

}  // namespace engramd::engine::test
