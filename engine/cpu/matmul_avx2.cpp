// engine/cpu/matmul_avx2.cpp - matrix products with AVX2, FMA and F16C.
#if defined(__x86_64__)
#include "engine/cpu/avx2_math.h"
#include "engine/cpu/avx2_parts.h"
#include "engine/cpu/simd_matmul.h"

namespace engramd::engine::cpu {
namespace {

inline float half_at(const void* p) {
  return _cvtsh_ss(load_u16(p));
}

// ---------------------------------------------------------------- float weights

struct LoadF32 {
  static constexpr size_t kBytes = 4;
  static __m256 eight(const std::byte* p) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(p));
  }
  static float one(const std::byte* p) {
    float value;
    __builtin_memcpy(&value, p, 4);
    return value;
  }
};
struct LoadF16 {
  static constexpr size_t kBytes = 2;
  static __m256 eight(const std::byte* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static float one(const std::byte* p) { return half_at(p); }
};
struct LoadBf16 {
  static constexpr size_t kBytes = 2;
  static __m256 eight(const std::byte* p) {
    const __m128i h = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
  }
  static float one(const std::byte* p) {
    unsigned short h;
    __builtin_memcpy(&h, p, 2);
    const unsigned bits = unsigned(h) << 16;
    float value;
    __builtin_memcpy(&value, &bits, 4);
    return value;
  }
};

// R rows times T columns. Each product has one register of its own, so its additions come in the
// same order whatever the tile is.
template <class Load, size_t R, size_t T>
void float_tile(const MatmulArgs& args, size_t row, size_t column) {
  const std::byte* w[R];
  const float* x[T];
  __m256 sum[R][T];
#pragma GCC unroll 4
  for (size_t r = 0; r < R; ++r) w[r] = args.weights + (row + r) * args.row_bytes;
#pragma GCC unroll 4
  for (size_t c = 0; c < T; ++c)
    x[c] = reinterpret_cast<const float*>(args.activations[column + c]);
#pragma GCC unroll 4
  for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (size_t c = 0; c < T; ++c) sum[r][c] = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 8 <= args.n; i += 8) {
    __m256 v[T];
#pragma GCC unroll 4
    for (size_t c = 0; c < T; ++c) v[c] = _mm256_loadu_ps(x[c] + i);
#pragma GCC unroll 4
    for (size_t r = 0; r < R; ++r) {
      const __m256 weights = Load::eight(w[r] + i * Load::kBytes);
#pragma GCC unroll 4
      for (size_t c = 0; c < T; ++c) sum[r][c] = _mm256_fmadd_ps(weights, v[c], sum[r][c]);
    }
  }
#pragma GCC unroll 4
  for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (size_t c = 0; c < T; ++c) {
      float total = sum8(sum[r][c]);
      for (size_t j = i; j < args.n; ++j) total += Load::one(w[r] + j * Load::kBytes) * x[c][j];
      args.out[column + c][row + r] = total;
    }
}

template <class Load, size_t T>
void float_columns(const MatmulArgs& args, size_t column) {
  constexpr size_t kRows = T == 1 ? 4 : 2;
  size_t row = args.row_begin;
  for (; row + kRows <= args.row_end; row += kRows) float_tile<Load, kRows, T>(args, row, column);
  for (; row < args.row_end; ++row) float_tile<Load, 1, T>(args, row, column);
}

template <class Load>
void float_matmul(const MatmulArgs& args) {
  size_t c = 0;
  for (; c + 4 <= args.n_columns; c += 4) float_columns<Load, 4>(args, c);
  switch (args.n_columns - c) {
    case 3:
      return float_columns<Load, 3>(args, c);
    case 2:
      return float_columns<Load, 2>(args, c);
    case 1:
      return float_columns<Load, 1>(args, c);
    default:
      return;
  }
}

// ---------------------------------------------------------------- integer weights

struct Avx2 {
  using Int = __m256i;
  using Float = __m256;
  static constexpr size_t kRows = 8, kTile = 4;
  static constexpr bool kUnsignedOnly = false;

  // Sixteen int16 sums of two products. Wide bytes are signed: their sign goes to the activation,
  // which is never -128.
  template <class Type>
  static Int pairs(Int q, Int x) {
    if constexpr (Type::kWide)
      return _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(x, q));
    else
      return _mm256_maddubs_epi16(q, x);
  }

  // ---- rows
  template <class Type>
  static Int dot(Int q, Int x) {
    return _mm256_madd_epi16(pairs<Type>(q, x), _mm256_set1_epi16(1));
  }
  // The two scales of a group of 32: number 2 k of `half` for the low lane, 2 k + 1 for the high
  // one.
  template <class Type>
  static Int row_scale(Int half, int k) {
    return _mm256_shuffle_epi8(
        half, _mm256_set_m128i(_mm_set1_epi16(short((4 * k + 3) << 8 | (4 * k + 2))),
                               _mm_set1_epi16(short((4 * k + 1) << 8 | (4 * k)))));
  }
  template <class Type>
  static Int byte_scale(Int scales, int j) {
    return _mm256_shuffle_epi8(scales, _mm256_set1_epi16(short(0x8000 | j)));
  }
  template <class Type>
  static Int add_scaled_dot(Int sum, Int q, Int x, Int scale) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(scale, pairs<Type>(q, x)));
  }

  // ---- panel: sums of pairs stay int16 for as many steps as they fit
  template <class Type>
  static constexpr size_t steps() {
    size_t n = 1;
    while (2 * n * 2 * 127 * size_t(Type::kLargest) <= 32767) n *= 2;
    return n;
  }
  static Int zero() { return _mm256_setzero_si256(); }
  template <class Type>
  static Int multiply(Int sum, Int w, const int8_t* x) {
    return _mm256_add_epi16(sum, pairs<Type>(w, _mm256_set1_epi32(int(load_u32(x)))));
  }
  template <class Type>
  static Int add_scaled(Int total, Int sum, Int scale) {
    return _mm256_add_epi32(total, _mm256_madd_epi16(sum, scale));
  }
  static Int scale_one() { return _mm256_set1_epi16(1); }
  static Int scale_of_low(Int pair) {
    return _mm256_blend_epi16(pair, _mm256_slli_epi32(pair, 16), 0xaa);
  }
  static Int scale_of_high(Int pair) {
    return _mm256_blend_epi16(_mm256_srli_epi32(pair, 16), pair, 0xaa);
  }
  static Int low_high(Int low, Int high) { return _mm256_blend_epi16(low, high, 0xaa); }
  static Int add_pairs(Int total, Int pair, const int16_t* x) {
    return _mm256_add_epi32(total, _mm256_madd_epi16(pair, _mm256_set1_epi32(int(load_u32(x)))));
  }
  static Int negative_shifted(Int total, int n) {
    return _mm256_sub_epi32(zero(), _mm256_slli_epi32(total, n));
  }
  static Int minus_shifted(Int total, int32_t sum, int n) {
    return _mm256_sub_epi32(total, _mm256_slli_epi32(_mm256_set1_epi32(sum), n));
  }
  static Int flip_sign_bits(Int v) { return _mm256_xor_si256(v, _mm256_set1_epi8(-128)); }

  template <class F>
  static Int load_pair(F&& row, size_t i) {
    return row(i);
  }
  template <class F>
  static Float floats(F&& eight) {
    return eight(size_t(0));
  }
  static void transpose(Int* t) {
    Int a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
      a[i] = _mm256_unpacklo_epi32(t[i], t[i + 1]);
      a[i + 1] = _mm256_unpackhi_epi32(t[i], t[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
      for (int j = 0; j < 2; ++j) {
        b[i + 2 * j] = _mm256_unpacklo_epi64(a[i + j], a[i + j + 2]);
        b[i + 2 * j + 1] = _mm256_unpackhi_epi64(a[i + j], a[i + j + 2]);
      }
    for (int i = 0; i < 4; ++i) {
      t[i] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x20);
      t[i + 4] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x31);
    }
  }

  static Float load(const float* p) { return _mm256_load_ps(p); }
  static void store(float* p, Float v) { _mm256_store_ps(p, v); }
  static Float broadcast(float v) { return _mm256_set1_ps(v); }
  static Float times(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }
  static Float multiply_subtract(Float a, Float b, Float c) { return _mm256_fnmadd_ps(a, b, c); }
  static Float to_float(Int v) { return _mm256_cvtepi32_ps(v); }
};

}  // namespace

void set_avx2_matmuls(Kernels& kernels) {
  using quant::Type;
  kernels.matmul_of[size_t(Type::f32)] = float_matmul<LoadF32>;
  kernels.matmul_of[size_t(Type::f16)] = float_matmul<LoadF16>;
  kernels.matmul_of[size_t(Type::bf16)] = float_matmul<LoadBf16>;
  set_integer_matmuls<Avx2>(kernels);
}

}  // namespace engramd::engine::cpu
#endif
