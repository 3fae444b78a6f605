// engine/cpu/matmul_avx512.cpp - matrix products with AVX-512 and VNNI; what is not here is taken
// from the AVX2 table. Compiled with its own flags: see avx2_parts.h.
#if defined(__x86_64__)
#include "engine/cpu/avx512_parts.h"
#include "engine/cpu/simd_matmul.h"

namespace engramd::engine::cpu {
namespace {

// ---------------------------------------------------------------- float weights

struct LoadF32 {
  static constexpr size_t kBytes = 4;
  static __m512 sixteen(const std::byte* p, __mmask16 mask) {
    return _mm512_maskz_loadu_ps(mask, reinterpret_cast<const float*>(p));
  }
};
struct LoadF16 {
  static constexpr size_t kBytes = 2;
  static __m512 sixteen(const std::byte* p, __mmask16 mask) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, p));
  }
};
struct LoadBf16 {
  static constexpr size_t kBytes = 2;
  static __m512 sixteen(const std::byte* p, __mmask16 mask) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, p)), 16));
  }
};

// R rows times T columns. Each product has one register of its own, so its additions come in the
// same order whatever the tile is.
template <class Load, size_t R, size_t T>
void float_tile(const MatmulArgs& args, size_t row, size_t column) {
  const std::byte* w[R];
  const float* x[T];
  __m512 sum[R][T];
#pragma GCC unroll 4
  for (size_t r = 0; r < R; ++r) w[r] = args.weights + (row + r) * args.row_bytes;
#pragma GCC unroll 4
  for (size_t c = 0; c < T; ++c)
    x[c] = reinterpret_cast<const float*>(args.activations[column + c]);
#pragma GCC unroll 4
  for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (size_t c = 0; c < T; ++c) sum[r][c] = _mm512_setzero_ps();
  for (size_t i = 0; i < args.n; i += 16) {
    const __mmask16 mask =
        args.n - i >= 16 ? __mmask16(0xffff) : __mmask16((1u << (args.n - i)) - 1);
    __m512 v[T];
#pragma GCC unroll 4
    for (size_t c = 0; c < T; ++c) v[c] = _mm512_maskz_loadu_ps(mask, x[c] + i);
#pragma GCC unroll 4
    for (size_t r = 0; r < R; ++r) {
      const __m512 weights = Load::sixteen(w[r] + i * Load::kBytes, mask);
#pragma GCC unroll 4
      for (size_t c = 0; c < T; ++c) sum[r][c] = _mm512_fmadd_ps(weights, v[c], sum[r][c]);
    }
  }
#pragma GCC unroll 4
  for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (size_t c = 0; c < T; ++c) args.out[column + c][row + r] = _mm512_reduce_add_ps(sum[r][c]);
}

template <class Load, size_t T>
void float_columns(const MatmulArgs& args, size_t column) {
  size_t row = args.row_begin;
  for (; row + 4 <= args.row_end; row += 4) float_tile<Load, 4, T>(args, row, column);
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

struct Avx512 {
  using Int = __m512i;
  using Float = __m512;
  static constexpr size_t kRows = 16, kTile = 8;
  static constexpr bool kUnsignedOnly = true;  // dpbusd multiplies unsigned by signed bytes

  // ---- rows: 256-bit registers, because there is no 512-bit sign instruction and memory is the
  // limit anyway
  template <class Type>
  static __m256i dot(__m256i q, __m256i x) {
    if constexpr (Type::kWide)
      return _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_abs_epi8(q),
                                 _mm256_sign_epi8(x, q));
    else
      return _mm256_dpbusd_epi32(_mm256_setzero_si256(), q, x);
  }
  // Number 2 k of `half` for the low lane, 2 k + 1 for the high one: in both halves of a 32-bit
  // element for wide types, else in the low half beside 0.
  template <class Type>
  static __m256i row_scale(__m256i half, int k) {
    const int low = (4 * k + 1) << 8 | (4 * k), high = (4 * k + 3) << 8 | (4 * k + 2);
    const int above = int(0x80800000);
    return _mm256_shuffle_epi8(
        half, Type::kWide
                  ? _mm256_set_m128i(_mm_set1_epi16(short(high)), _mm_set1_epi16(short(low)))
                  : _mm256_set_m128i(_mm_set1_epi32(above | high), _mm_set1_epi32(above | low)));
  }
  template <class Type>
  static __m256i byte_scale(__m256i scales, int j) {
    return _mm256_shuffle_epi8(scales, _mm256_set1_epi32(int(0x80808000) | j));
  }
  // Four products of at most 63 * 127 fit an int16, which dpwssd multiplies by the scale; wide ones
  // take the longer way over pairs.
  template <class Type>
  static __m256i add_scaled_dot(__m256i sum, __m256i q, __m256i x, __m256i scale) {
    if constexpr (Type::kWide)
      return _mm256_dpwssd_epi32(sum, scale,
                                 _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(x, q)));
    else
      return _mm256_dpwssd_epi32(sum, dot<Type>(q, x), scale);
  }

  // ---- panel
  template <class Type>
  static constexpr size_t steps() {
    return 8;
  }
  static Int zero() { return _mm512_setzero_si512(); }
  template <class Type>
  static Int multiply(Int sum, Int w, const int8_t* x) {
    return _mm512_dpbusd_epi32(sum, w, _mm512_set1_epi32(int(load_u32(x))));
  }
  template <class Type>
  static Int add_scaled(Int total, Int sum, Int scale) {
    if constexpr (Type::kBlock == 32)
      return sum;  // one run, one scale, applied as a float
    else
      return _mm512_add_epi32(total, _mm512_mullo_epi32(sum, scale));
  }
  static Int scale_one() { return _mm512_set1_epi32(1); }
  static Int scale_of_low(Int pair) { return _mm512_srai_epi32(_mm512_slli_epi32(pair, 16), 16); }
  static Int scale_of_high(Int pair) { return _mm512_srai_epi32(pair, 16); }
  static Int low_high(Int low, Int high) { return _mm512_mask_blend_epi16(0xaaaaaaaa, low, high); }
  static Int add_pairs(Int total, Int pair, const int16_t* x) {
    return _mm512_dpwssd_epi32(total, pair, _mm512_set1_epi32(int(load_u32(x))));
  }
  static Int negative_shifted(Int total, int n) {
    return _mm512_sub_epi32(zero(), _mm512_slli_epi32(total, unsigned(n)));
  }
  static Int minus_shifted(Int total, int32_t sum, int n) {
    return _mm512_sub_epi32(total, _mm512_slli_epi32(_mm512_set1_epi32(sum), unsigned(n)));
  }
  static Int flip_sign_bits(Int v) { return _mm512_xor_si512(v, _mm512_set1_epi8(-128)); }

  template <class F>
  static Int load_pair(F&& row, size_t i) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(row(i)), row(i + 8), 1);
  }
  template <class F>
  static Float floats(F&& eight) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(eight(size_t(0))), eight(size_t(8)), 1);
  }
  // Each half by itself: eight rows of eight.
  static void transpose(Int* t) {
    Int a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
      a[i] = _mm512_unpacklo_epi32(t[i], t[i + 1]);
      a[i + 1] = _mm512_unpackhi_epi32(t[i], t[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
      for (int j = 0; j < 2; ++j) {
        b[i + 2 * j] = _mm512_unpacklo_epi64(a[i + j], a[i + j + 2]);
        b[i + 2 * j + 1] = _mm512_unpackhi_epi64(a[i + j], a[i + j + 2]);
      }
    const Int low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    const Int high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    for (int i = 0; i < 4; ++i) {
      t[i] = _mm512_permutex2var_epi64(b[i], low, b[i + 4]);
      t[i + 4] = _mm512_permutex2var_epi64(b[i], high, b[i + 4]);
    }
  }

  static Float load(const float* p) { return _mm512_load_ps(p); }
  static void store(float* p, Float v) { _mm512_store_ps(p, v); }
  static Float broadcast(float v) { return _mm512_set1_ps(v); }
  static Float times(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float multiply_subtract(Float a, Float b, Float c) { return _mm512_fnmadd_ps(a, b, c); }
  static Float to_float(Int v) { return _mm512_cvtepi32_ps(v); }
};

}  // namespace

const Kernels* avx512_kernels() {
  static const Kernels kernels = [] {
    using quant::Type;
    Kernels k = *avx2_kernels();
    k.name = "avx512";
    k.matmul_of[size_t(Type::f32)] = float_matmul<LoadF32>;
    k.matmul_of[size_t(Type::f16)] = float_matmul<LoadF16>;
    k.matmul_of[size_t(Type::bf16)] = float_matmul<LoadBf16>;
    set_integer_matmuls<Avx512>(k);
    set_avx512_attention(k);
    return k;
  }();
  return &kernels;
}

}  // namespace engramd::engine::cpu
#endif
