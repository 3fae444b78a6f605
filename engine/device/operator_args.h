// engine/device/operator_args.h - what an operator is told, as plain structs.
//
// Read by every device's rows, nvcc's C++17 included. Pointers are addresses on the device that
// runs the operator; matrices are dense unless a stride is named. The caller has checked sizes,
// types and alignment (operators.cpp): a row computes and checks nothing.
#pragma once

#include <cstddef>

namespace engramd::engine::device {

// out[r] = x[r] rounded to the format that the weights' type multiplies (cpu::activation_format).
struct QuantiseArgs {
  const float* x = nullptr;  // [n_rows, n]
  size_t n = 0, n_rows = 0;
  std::byte* out = nullptr;  // [n_rows] of row_bytes
  size_t row_bytes = 0;      // cpu::activation_bytes(format, n)
};

// out[c][r] = row r of the weights * activations[c]
struct MatmulArgs {
  const std::byte* weights = nullptr;  // [rows] of row_bytes
  size_t rows = 0, n = 0, row_bytes = 0;
  const std::byte* activations = nullptr;  // [n_columns] of activation_bytes
  size_t n_columns = 0, activation_bytes = 0;
  float* out = nullptr;  // [n_columns, rows]
};

// out[r] = x[r] / rms(x[r]) * weight; out may be x.
struct RmsNormArgs {
  const float* x = nullptr;       // [n_rows, n]
  const float* weight = nullptr;  // [n], or null: none
  size_t n = 0, n_rows = 0;
  float eps = 0;
  float* out = nullptr;  // [n_rows, n]
};

}  // namespace engramd::engine::device
