// engine/cpu/kernels.h - the inner loops, one table per instruction set.
//
// The reference table is the specification; the others must agree with it within the bounds that
// tests/engine/kernel_cases.h states. Weights with integer blocks are multiplied by activations
// that were rounded to int8 first (activation_format), the same way in every table, so that the
// tables differ only by the order of float additions.
// Within one table a result never depends on how many columns share the call: reading a prompt in
// one piece or token by token gives the same bits.
// Stateless functions: any thread. Weight pointers need no alignment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/quant/types.h"

namespace engramd::engine::cpu {

// What a weight type multiplies.
enum class ActivationFormat {
  f32,
  q8_32,   // for Q8_0
  q8_256,  // for Q4_K and Q6_K
};

struct BlockQ8_32 {
  float d;
  int8_t q[32];
};
struct BlockQ8_256 {
  int8_t q[256];
  int16_t sums[16];  // of 16 values each, for the mins and offsets of the weights
  float d;
  float unused[7];  // keeps blocks a multiple of 64 bytes
};
static_assert(sizeof(BlockQ8_32) == 36 && sizeof(BlockQ8_256) == 320);

inline ActivationFormat activation_format(quant::Type type) {
  if (type == quant::Type::q8_0) return ActivationFormat::q8_32;
  if (type == quant::Type::q4_k || type == quant::Type::q6_k) return ActivationFormat::q8_256;
  return ActivationFormat::f32;
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

// One key-value head of one query token: `group` query heads over n_keys cached positions.
enum class KvType { f32, f16 };
struct AttentionArgs {
  const float* q = nullptr;        // [group, head_dim]
  size_t group = 0, head_dim = 0;  // head_dim a multiple of 8
  // Pages of page_keys rows of head_dim elements; the last page may be partly used.
  const std::byte* const* k_pages = nullptr;
  const std::byte* const* v_pages = nullptr;
  size_t page_keys = 0, n_keys = 0;
  KvType type = KvType::f16;
  float scale = 1;
  float* scores = nullptr;  // scratch, [group, n_keys]
  float* page = nullptr;    // scratch, [page_keys, head_dim]
  float* out = nullptr;     // [group, head_dim]
};

struct Kernels {
  std::string_view name;
  void (*matmul_f32)(const MatmulArgs&);
  void (*matmul_f16)(const MatmulArgs&);
  void (*matmul_bf16)(const MatmulArgs&);
  void (*matmul_q8_0)(const MatmulArgs&);
  void (*matmul_q4_k)(const MatmulArgs&);
  void (*matmul_q6_k)(const MatmulArgs&);
  void (*quantise_q8_32)(const float* x, size_t n, BlockQ8_32* out);
  void (*quantise_q8_256)(const float* x, size_t n, BlockQ8_256* out);
  // out = x / rms(x) * weight; out may be x.
  void (*rms_norm)(const float* x, const float* weight, size_t n, float eps, float* out);
  // Element i turns with element i + n/2: cos and sin are [n/2].
  void (*rope_neox)(float* x, size_t n, const float* cos, const float* sin);
  void (*softmax)(float* x, size_t n);
  // gate = silu(gate) * up
  void (*silu_multiply)(float* gate, const float* up, size_t n);
  void (*to_f16)(const float* x, size_t n, std::byte* out);
  void (*attention)(const AttentionArgs&);

  void (*matmul(quant::Type type) const)(const MatmulArgs&);
  // In the format that `type` multiplies; f32 is a copy.
  void quantise(ActivationFormat format, const float* x, size_t n, std::byte* out) const;
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
