// engine/device/operators.h - operators on buffers: finds the row of (operator, type, device) and
// checks everything that the row relies on.
//
// All buffers of a call are on one device. Errors: unsupported when the device has no such row,
// invalid_input when a buffer is too small, elsewhere or not aligned.
#pragma once

#include "engine/device/buffer.h"

namespace engramd::engine::device {

// Rows of weights in a buffer, in the file's bytes.
struct PlacedMatrix {
  const Buffer* buffer = nullptr;
  // Of row 0; a multiple of the largest power of two that divides the type's block, which every
  // slice of a tensor has when the tensor has it.
  size_t offset = 0;
  quant::Type type = quant::Type::f32;
  size_t rows = 0, n = 0;
};

// Bytes of one row of activations in the format that `type` multiplies. n is whole blocks.
size_t activation_row_bytes(quant::Type type, size_t n);

// out [n_rows] of activation_row_bytes, from floats x [n_rows, n].
Status quantise(quant::Type type, const Buffer& x, size_t n, size_t n_rows, Buffer& out);

// out [n_columns, weights.rows] floats; activations as quantise() leaves them.
Status matmul(const PlacedMatrix& weights, const Buffer& activations, size_t n_columns,
              Buffer& out);

// x and out [n_rows, n] floats, the same buffer or two; weight [n], or null.
Status rms_norm(const Buffer& x, const Buffer* weight, size_t n, size_t n_rows, float eps,
                Buffer& out);

}  // namespace engramd::engine::device
