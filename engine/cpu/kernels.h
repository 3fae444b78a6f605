// engine/cpu/kernels.h - the inner loops, one table per instruction set.
//
// The reference table is the specification; the others must agree with it within the bounds that
// tests/engine/kernel_cases.h states. Weights with integer blocks are multiplied by activations
// that were rounded to int8 first (activation_format), the same way in every table, so that the
// tables differ only by the order of float additions.
// Within one table a result never depends on how many columns share the call: reading a prompt in
// one piece or token by token gives the same bits.
// A table is keyed by (operator, type): an operator that reads weights is an array indexed with the
// weights' type, so a new type is one row in each table's list. A device is another table.
// Stateless functions: any thread. Weight pointers need no alignment.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/cpu/operators.h"
#include "engine/quant/types.h"

namespace engramd::engine::cpu {

// What a weight type multiplies.
enum class ActivationFormat {
  f32,
  q8_32,   // for types with blocks of 32
  q8_256,  // for types with blocks of 256
};

struct BlockQ8_32 {
  float d;
  int32_t sum;  // of the 32 values, for the offsets and minima of the weights
  int8_t q[32];
};
struct BlockQ8_256 {
  int8_t q[256];
  int16_t sums[16];    // of 16 values each, for the mins and offsets of the weights
  int16_t sums_32[8];  // of 32 values each
  float d;
  float unused[3];  // keeps blocks a multiple of 64 bytes
};
static_assert(sizeof(BlockQ8_32) == 40 && sizeof(BlockQ8_256) == 320);

inline ActivationFormat activation_format(quant::Type type) {
  const size_t block = quant::info(type).block_elements;
  return block == 32    ? ActivationFormat::q8_32
         : block == 256 ? ActivationFormat::q8_256
                        : ActivationFormat::f32;
}

inline size_t activation_bytes(ActivationFormat format, size_t n) {
  if (format == ActivationFormat::q8_32) return n / 32 * sizeof(BlockQ8_32);
  if (format == ActivationFormat::q8_256) return n / 256 * sizeof(BlockQ8_256);
  return n * sizeof(float);
}

// out[c][r] = row r of the weights * activations[c], for row_begin <= r < row_end.
struct MatmulArgs {
  const std::byte* weights = nullptr;  // row 0
  size_t row_bytes = 0;
  size_t n = 0;  // elements in a row
  size_t row_begin = 0, row_end = 0;
  const std::byte* const* activations = nullptr;  // [n_columns], in the type's format
  float* const* out = nullptr;                    // [n_columns]
  size_t n_columns = 0;
};
using Matmul = void (*)(const MatmulArgs&);
struct MatmulRow {
  quant::Type type;
  Matmul matmul;
};

struct Kernels {
  std::string_view name;
  std::array<Matmul, quant::kTypeNumbers> matmul_of{};  // by type number; null: none
  void (*quantise_q8_32)(const float* x, size_t n, BlockQ8_32* out);
  void (*quantise_q8_256)(const float* x, size_t n, BlockQ8_256* out);

  // out = x / rms(x) * weight; out may be x; without a weight when that is null.
  void (*rms_norm)(const float* x, const float* weight, size_t n, float eps, float* out);
  // x = x / max(|x|, eps), the length of the whole row
  void (*l2_norm)(float* x, size_t n, float eps);
  // Element i turns with element i + n/2: cos and sin are [n/2].
  void (*rope_neox)(float* x, size_t n, const float* cos, const float* sin);
  // Element 2i turns with element 2i + 1, backwards when `inverse`.
  void (*rope_interleaved)(float* x, size_t n, const float* cos, const float* sin, bool inverse);
  void (*softmax)(float* x, size_t n);

  // gate = silu(gate) * up
  void (*silu_multiply)(float* gate, const float* up, size_t n);
  // gate = silu(min(gate, limit)) * clamp(up, -limit, limit): DeepSeek-V4
  void (*silu_multiply_clamped)(float* gate, const float* up, size_t n, float limit);
  // g = min(gate, limit), u = clamp(up, -limit, limit); gate = g sigmoid(alpha g) (u + 1): gpt-oss
  // has alpha 1.702 and limit 7
  void (*swiglu_oss)(float* gate, const float* up, size_t n, float alpha, float limit);
  void (*sigmoid)(float* x, size_t n);
  void (*silu)(float* x, size_t n);
  // log(1 + e^x), and its square root
  void (*softplus)(float* x, size_t n);
  void (*sqrt_softplus)(float* x, size_t n);
  // out += scale * x
  void (*add_scaled)(float* out, const float* x, float scale, size_t n);
  // In place, orthonormal (times 1 / sqrt(n)); n is a power of two.
  void (*hadamard)(float* x, size_t n);

  void (*to_f16)(const float* x, size_t n, std::byte* out);
  void (*to_bf16)(const float* x, size_t n, std::byte* out);
  void (*attention)(const AttentionArgs&);
  void (*causal_conv)(const CausalConvArgs&);
  void (*delta_rule)(const DeltaRuleArgs&);

  // Null when this table has none for the type.
  Matmul matmul(quant::Type type) const { return matmul_of[size_t(type)]; }
  void set(std::span<const MatmulRow> rows) {
    for (const MatmulRow& row : rows) matmul_of[size_t(row.type)] = row.matmul;
  }
  // In the format that `type` multiplies; f32 is a copy.
  void quantise(ActivationFormat format, const float* x, size_t n, std::byte* out) const;
  // A row of a cache.
  void to_row(KvType type, const float* x, size_t n, std::byte* out) const;
};

const Kernels& reference_kernels();
// Null when this build has none (another processor family).
const Kernels* avx2_kernels();    // needs AVX2, FMA and F16C
const Kernels* avx512_kernels();  // needs AVX-512 F, BW, DQ, VL and VNNI too

// Those this processor can run, best last.
std::vector<const Kernels*> usable_kernels();
// The best usable ones for an empty name; else the named ones, or an error that lists the names.
// ENGRAMD_KERNELS in the environment stands in for an empty name.
Result<const Kernels*> select_kernels(std::string_view name);

}  // namespace engramd::engine::cpu
