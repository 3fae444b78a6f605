// engine/cpu/kernels_avx512.cpp - AVX-512 with VNNI; what is not here is taken from the AVX2 table.
// Compiled with its own flags: see kernels_avx2.cpp.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/cpu/kernels.h"

namespace engramd::engine::cpu {
namespace {

constexpr size_t kTile = 4;

inline float half_at(const void* p) {
  unsigned short h;
  __builtin_memcpy(&h, p, 2);
  return _cvtsh_ss(h);
}

inline __m256i load256(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
inline __m512i load512(const void* p) {
  return _mm512_loadu_si512(p);
}

inline __m512i both(__m256i low, __m256i high) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

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

template <class Load>
struct RowFloat {
  template <size_t T>
  static void row(const std::byte* w, const std::byte* const* x, size_t n, float* const* out,
                  size_t row_index) {
    __m512 even[T], odd[T];
    for (size_t c = 0; c < T; ++c) even[c] = odd[c] = _mm512_setzero_ps();
    constexpr __mmask16 kAll = 0xffff;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
      const __m512 w0 = Load::sixteen(w + i * Load::kBytes, kAll);
      const __m512 w1 = Load::sixteen(w + (i + 16) * Load::kBytes, kAll);
      for (size_t c = 0; c < T; ++c) {
        const auto* v = reinterpret_cast<const float*>(x[c]) + i;
        even[c] = _mm512_fmadd_ps(w0, _mm512_loadu_ps(v), even[c]);
        odd[c] = _mm512_fmadd_ps(w1, _mm512_loadu_ps(v + 16), odd[c]);
      }
    }
    for (; i < n; i += 16) {
      const __mmask16 mask = n - i >= 16 ? kAll : __mmask16((1u << (n - i)) - 1);
      const __m512 w0 = Load::sixteen(w + i * Load::kBytes, mask);
      for (size_t c = 0; c < T; ++c)
        even[c] = _mm512_fmadd_ps(
            w0, _mm512_maskz_loadu_ps(mask, reinterpret_cast<const float*>(x[c]) + i), even[c]);
    }
    for (size_t c = 0; c < T; ++c)
      out[c][row_index] = _mm512_reduce_add_ps(_mm512_add_ps(even[c], odd[c]));
  }
};

// 256-bit registers, because AVX-512 has no sign instruction; the gain is dpbusd.
struct RowQ8_0 {
  template <size_t T>
  static void row(const std::byte* w, const std::byte* const* x, size_t n, float* const* out,
                  size_t row_index) {
    __m256 sum[T];
    for (size_t c = 0; c < T; ++c) sum[c] = _mm256_setzero_ps();
    for (size_t b = 0; b < n / 32; ++b, w += quant::kQ8_0Bytes) {
      const float d = half_at(w);
      const __m256i q = load256(w + 2);
      const __m256i magnitude = _mm256_abs_epi8(q);
      for (size_t c = 0; c < T; ++c) {
        const BlockQ8_32& block = reinterpret_cast<const BlockQ8_32*>(x[c])[b];
        const __m256i products = _mm256_dpbusd_epi32(_mm256_setzero_si256(), magnitude,
                                                     _mm256_sign_epi8(load256(block.q), q));
        sum[c] = _mm256_fmadd_ps(_mm256_set1_ps(d * block.d), _mm256_cvtepi32_ps(products), sum[c]);
      }
    }
    for (size_t c = 0; c < T; ++c)
      out[c][row_index] = _mm512_reduce_add_ps(_mm512_zextps256_ps512(sum[c]));
  }
};

// dpbusd adds four products of at most 63 * 127, which fits 16 bits: madd_epi16 with the scale in
// the low half of each 32-bit lane and 0 in the high half then multiplies by the scale.
inline __m512i scaled(__m512i fours, __m512i scale) {
  return _mm512_madd_epi16(fours, scale);
}

struct RowQ4_K {
  template <size_t T>
  static void row(const std::byte* w, const std::byte* const* x, size_t n, float* const* out,
                  size_t row_index) {
    __m512 sum[T];
    for (size_t c = 0; c < T; ++c) sum[c] = _mm512_setzero_ps();
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512i first = _mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    for (size_t b = 0; b < n / 256; ++b, w += quant::kQ4_KBytes) {
      const float d = half_at(w), dmin = half_at(w + 2);
      unsigned packed[3];
      __builtin_memcpy(packed, w + 4, 12);
      const __m128i bytes =
          _mm_set_epi32(int(((packed[2] >> 4) & 0x0f0f0f0f) | ((packed[1] >> 2) & 0x30303030)),
                        int(packed[1] & 0x3f3f3f3f),
                        int((packed[2] & 0x0f0f0f0f) | ((packed[0] >> 2) & 0x30303030)),
                        int(packed[0] & 0x3f3f3f3f));
      const __m512i scales = _mm512_cvtepu8_epi32(bytes);  // lanes 0-7 scales, 8-15 mins
      const __m128i mins8 = _mm_cvtepu8_epi16(_mm_unpackhi_epi64(bytes, bytes));
      const __m256i mins =
          _mm256_set_m128i(_mm_unpackhi_epi16(mins8, mins8), _mm_unpacklo_epi16(mins8, mins8));
      __m512i total[T];
      for (size_t c = 0; c < T; ++c) {
        const BlockQ8_256& block = reinterpret_cast<const BlockQ8_256*>(x[c])[b];
        const __m256 offset = _mm256_cvtepi32_ps(_mm256_madd_epi16(mins, load256(block.sums)));
        sum[c] = _mm512_fnmadd_ps(_mm512_set1_ps(dmin * block.d), _mm512_zextps256_ps512(offset),
                                  sum[c]);
        total[c] = _mm512_setzero_si512();
      }
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        const __m256i two = load256(w + 16 + 32 * j);
        const __m512i q = _mm512_and_si512(both(two, _mm256_srli_epi16(two, 4)), nibble);
        const __m512i scale =
            _mm512_permutexvar_epi32(_mm512_add_epi32(first, _mm512_set1_epi32(2 * j)), scales);
        for (size_t c = 0; c < T; ++c) {
          const int8_t* v = reinterpret_cast<const BlockQ8_256*>(x[c])[b].q + 64 * j;
          const __m512i fours = _mm512_dpbusd_epi32(_mm512_setzero_si512(), q, load512(v));
          total[c] = _mm512_add_epi32(total[c], scaled(fours, scale));
        }
      }
      for (size_t c = 0; c < T; ++c) {
        const float scale = d * reinterpret_cast<const BlockQ8_256*>(x[c])[b].d;
        sum[c] = _mm512_fmadd_ps(_mm512_set1_ps(scale), _mm512_cvtepi32_ps(total[c]), sum[c]);
      }
    }
    for (size_t c = 0; c < T; ++c) out[c][row_index] = _mm512_reduce_add_ps(sum[c]);
  }
};

struct RowQ6_K {
  template <size_t T>
  static void row(const std::byte* w, const std::byte* const* x, size_t n, float* const* out,
                  size_t row_index) {
    __m512 sum[T];
    for (size_t c = 0; c < T; ++c) sum[c] = _mm512_setzero_ps();
    const __m512i nibble = _mm512_set1_epi8(15), top = _mm512_set1_epi8(0x30);
    const __m512i word = _mm512_set1_epi32(0xffff);
    const __m512i fours_of = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
    for (size_t b = 0; b < n / 256; ++b, w += quant::kQ6_KBytes) {
      const float d = half_at(w + 208);
      const __m128i scale_bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(w + 192));
      const __m512i scales = _mm512_and_si512(_mm512_cvtepi8_epi32(scale_bytes), word);
      const __m256i scales16 = _mm256_cvtepi8_epi16(scale_bytes);
      __m512i total[T];
      for (size_t c = 0; c < T; ++c) {
        // The stored 0..63 stand for -32..31: subtract 32 times the sums of the activations.
        const BlockQ8_256& block = reinterpret_cast<const BlockQ8_256*>(x[c])[b];
        const __m256i offset =
            _mm256_slli_epi32(_mm256_madd_epi16(scales16, load256(block.sums)), 5);
        total[c] = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_zextsi256_si512(offset));
      }
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const __m512i low = load512(w + 64 * half);
        const __m256i high = load256(w + 128 + 32 * half);
        const __m512i q[2] = {
            _mm512_or_si512(_mm512_and_si512(low, nibble),
                            _mm512_and_si512(
                                both(_mm256_slli_epi16(high, 4), _mm256_slli_epi16(high, 2)), top)),
            _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16(low, 4), nibble),
                            _mm512_and_si512(both(high, _mm256_srli_epi16(high, 2)), top))};
        for (int pair = 0; pair < 2; ++pair) {
          const __m512i scale = _mm512_permutexvar_epi32(
              _mm512_add_epi32(fours_of, _mm512_set1_epi32(8 * half + 4 * pair)), scales);
          for (size_t c = 0; c < T; ++c) {
            const int8_t* v =
                reinterpret_cast<const BlockQ8_256*>(x[c])[b].q + 128 * half + 64 * pair;
            const __m512i fours = _mm512_dpbusd_epi32(_mm512_setzero_si512(), q[pair], load512(v));
            total[c] = _mm512_add_epi32(total[c], scaled(fours, scale));
          }
        }
      }
      for (size_t c = 0; c < T; ++c) {
        const float scale = d * reinterpret_cast<const BlockQ8_256*>(x[c])[b].d;
        sum[c] = _mm512_fmadd_ps(_mm512_set1_ps(scale), _mm512_cvtepi32_ps(total[c]), sum[c]);
      }
    }
    for (size_t c = 0; c < T; ++c) out[c][row_index] = _mm512_reduce_add_ps(sum[c]);
  }
};

template <class Row>
void matmul(const MatmulArgs& args) {
  size_t c = 0;
  const auto rows = [&](auto tile) {
    for (size_t r = args.row_begin; r < args.row_end; ++r)
      Row::template row<decltype(tile)::value>(args.weights + r * args.row_bytes,
                                               args.activations + c, args.n, args.out + c, r);
  };
  for (; c + kTile <= args.n_columns; c += kTile) rows(std::integral_constant<size_t, kTile>{});
  switch (args.n_columns - c) {
    case 3:
      rows(std::integral_constant<size_t, 3>{});
      break;
    case 2:
      rows(std::integral_constant<size_t, 2>{});
      break;
    case 1:
      rows(std::integral_constant<size_t, 1>{});
      break;
    default:
      break;
  }
}

}  // namespace

const Kernels* avx512_kernels() {
  static const Kernels kernels = [] {
    Kernels k = *avx2_kernels();
    k.name = "avx512";
    k.matmul_f32 = matmul<RowFloat<LoadF32>>;
    k.matmul_f16 = matmul<RowFloat<LoadF16>>;
    k.matmul_bf16 = matmul<RowFloat<LoadBf16>>;
    k.matmul_q8_0 = matmul<RowQ8_0>;
    k.matmul_q4_k = matmul<RowQ4_K>;
    k.matmul_q6_k = matmul<RowQ6_K>;
    return k;
  }();
  return &kernels;
}

}  // namespace engramd::engine::cpu
#endif
