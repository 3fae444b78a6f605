// engine/cpu/matmul_reference.cpp - matrix products and rounding, slow and obvious: what every
// other table must compute.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/cpu/kernels_reference.h"
#include "engine/quant/blocks.h"

namespace engramd::engine::cpu {
namespace {

using quant::load_u16;

float dot_f32(const std::byte* w, const std::byte* x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    float a, b;
    std::memcpy(&a, w + 4 * i, 4);
    std::memcpy(&b, x + 4 * i, 4);
    sum += double(a) * double(b);
  }
  return float(sum);
}

float dot_f16(const std::byte* w, const std::byte* x, size_t n) {
  const auto* b = reinterpret_cast<const float*>(x);
  double sum = 0;
  for (size_t i = 0; i < n; ++i)
    sum += double(quant::half_to_float(load_u16(w + 2 * i))) * double(b[i]);
  return float(sum);
}

float dot_bf16(const std::byte* w, const std::byte* x, size_t n) {
  const auto* b = reinterpret_cast<const float*>(x);
  double sum = 0;
  for (size_t i = 0; i < n; ++i)
    sum += double(quant::bf16_to_float(load_u16(w + 2 * i))) * double(b[i]);
  return float(sum);
}

template <quant::Unpack32 unpack, size_t kBytes>
float dot_32(const std::byte* w, const std::byte* x, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockQ8_32*>(x);
  quant::Integers32 weights;
  double sum = 0;
  for (size_t b = 0; b < n / 32; ++b, w += kBytes) {
    unpack(w, weights);
    int products = 0;
    for (size_t i = 0; i < 32; ++i) products += int(weights.q[i]) * int(blocks[b].q[i]);
    sum += double(blocks[b].d) * (double(weights.d) * products + double(weights.m) * blocks[b].sum);
  }
  return float(sum);
}

template <quant::Unpack256 unpack, size_t kBytes>
float dot_256(const std::byte* w, const std::byte* x, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockQ8_256*>(x);
  quant::Integers256 weights;
  double sum = 0;
  for (size_t b = 0; b < n / 256; ++b, w += kBytes) {
    unpack(w, weights);
    int products = 0, mins = 0;
    for (size_t s = 0; s < 16; ++s) {
      int sub_sum = 0;
      for (size_t i = 16 * s; i < 16 * (s + 1); ++i)
        sub_sum += int(weights.q[i]) * int(blocks[b].q[i]);
      products += weights.scale[s] * sub_sum;
      mins += weights.min[s] * blocks[b].sums[s];
    }
    sum += double(blocks[b].d) * (double(weights.d) * products - double(weights.dmin) * mins);
  }
  return float(sum);
}

template <float (*dot)(const std::byte*, const std::byte*, size_t)>
void matmul(const MatmulArgs& args) {
  for (size_t c = 0; c < args.n_columns; ++c)
    for (size_t r = args.row_begin; r < args.row_end; ++r)
      args.out[c][r] = dot(args.weights + r * args.row_bytes, args.activations[c], args.n);
}

using quant::Type;
constexpr MatmulRow kRows[] = {
    {Type::f32, matmul<dot_f32>},
    {Type::f16, matmul<dot_f16>},
    {Type::bf16, matmul<dot_bf16>},
    {Type::q4_0, matmul<dot_32<quant::unpack_q4_0, quant::kQ4_0Bytes>>},
    {Type::q4_1, matmul<dot_32<quant::unpack_q4_1, quant::kQ4_1Bytes>>},
    {Type::q5_0, matmul<dot_32<quant::unpack_q5_0, quant::kQ5_0Bytes>>},
    {Type::q5_1, matmul<dot_32<quant::unpack_q5_1, quant::kQ5_1Bytes>>},
    {Type::q8_0, matmul<dot_32<quant::unpack_q8_0, quant::kQ8_0Bytes>>},
    {Type::iq4_nl, matmul<dot_32<quant::unpack_iq4_nl, quant::kIq4NlBytes>>},
    {Type::mxfp4, matmul<dot_32<quant::unpack_mxfp4, quant::kMxfp4Bytes>>},
    {Type::q2_k, matmul<dot_256<quant::unpack_q2_k, quant::kQ2_KBytes>>},
    {Type::q3_k, matmul<dot_256<quant::unpack_q3_k, quant::kQ3_KBytes>>},
    {Type::q4_k, matmul<dot_256<quant::unpack_q4_k, quant::kQ4_KBytes>>},
    {Type::q5_k, matmul<dot_256<quant::unpack_q5_k, quant::kQ5_KBytes>>},
    {Type::q6_k, matmul<dot_256<quant::unpack_q6_k, quant::kQ6_KBytes>>},
    {Type::iq4_xs, matmul<dot_256<quant::unpack_iq4_xs, quant::kIq4XsBytes>>},
};

// Scale to +-127 by the largest magnitude, round to nearest even. A block of hardly anything is
// zero, since 127 / largest would be infinite; not-a-number becomes -127.
float quantise_block(const float* x, size_t n, int8_t* q) {
  float largest = 0;
  for (size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
  const float inverse = largest > 1e-30f ? 127.0f / largest : 0.0f;
  for (size_t i = 0; i < n; ++i) {
    const float rounded = std::nearbyint(x[i] * inverse);
    q[i] = int8_t(rounded > -127.0f ? std::min(rounded, 127.0f) : -127.0f);
  }
  return largest / 127.0f;
}

void quantise_q8_32(const float* x, size_t n, BlockQ8_32* out) {
  for (size_t b = 0; b < n / 32; ++b) {
    out[b].d = quantise_block(x + 32 * b, 32, out[b].q);
    out[b].sum = 0;
    for (const int8_t q : out[b].q) out[b].sum += q;
  }
}

void quantise_q8_256(const float* x, size_t n, BlockQ8_256* out) {
  for (size_t b = 0; b < n / 256; ++b) {
    out[b].d = quantise_block(x + 256 * b, 256, out[b].q);
    for (size_t s = 0; s < 16; ++s) {
      int sum = 0;
      for (size_t i = 0; i < 16; ++i) sum += out[b].q[16 * s + i];
      out[b].sums[s] = int16_t(sum);
    }
    for (size_t s = 0; s < 8; ++s)
      out[b].sums_32[s] = int16_t(out[b].sums[2 * s] + out[b].sums[2 * s + 1]);
    for (float& unused : out[b].unused) unused = 0;
  }
}

}  // namespace

void set_reference_matmuls(Kernels& kernels) {
  kernels.set(kRows);
  kernels.quantise_q8_32 = quantise_q8_32;
  kernels.quantise_q8_256 = quantise_q8_256;
}

}  // namespace engramd::engine::cpu
