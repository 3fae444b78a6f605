// engine/cpu/kernels_avx2.cpp - AVX2 with FMA and F16C. Compiled with its own flags: nothing here
// may be called, and no inline function shared with other files may be compiled here, unless the
// processor has them; hence intrinsics and plain C only.
//
// Every matmul takes up to four columns at once so that a weight block is unpacked once for four
// tokens. The additions of one output come in the same order for any column count.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/cpu/kernels.h"

namespace engramd::engine::cpu {
namespace {

constexpr size_t kTile = 4;

inline float sum8(__m256 v) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

inline float max8(__m256 v) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

inline float half_at(const void* p) {
  unsigned short h;
  __builtin_memcpy(&h, p, 2);
  return _cvtsh_ss(h);
}

inline __m256i load256(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
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

template <class Load, size_t T>
void float_row(const std::byte* w, const std::byte* const* x, size_t n, float* const* out,
               size_t row) {
  __m256 even[T], odd[T];
  for (size_t c = 0; c < T; ++c) even[c] = odd[c] = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256 w0 = Load::eight(w + i * Load::kBytes);
    const __m256 w1 = Load::eight(w + (i + 8) * Load::kBytes);
    for (size_t c = 0; c < T; ++c) {
      const auto* v = reinterpret_cast<const float*>(x[c]) + i;
      even[c] = _mm256_fmadd_ps(w0, _mm256_loadu_ps(v), even[c]);
      odd[c] = _mm256_fmadd_ps(w1, _mm256_loadu_ps(v + 8), odd[c]);
    }
  }
  for (size_t c = 0; c < T; ++c) {
    float sum = sum8(_mm256_add_ps(even[c], odd[c]));
    for (size_t j = i; j < n; ++j)
      sum += Load::one(w + j * Load::kBytes) * reinterpret_cast<const float*>(x[c])[j];
    out[c][row] = sum;
  }
}

// ---------------------------------------------------------------- Q8_0

struct RowQ8_0 {
  template <size_t T>
  static void row(const std::byte* w, const std::byte* const* x, size_t n, float* const* out,
                  size_t row_index) {
    __m256 sum[T];
    for (size_t c = 0; c < T; ++c) sum[c] = _mm256_setzero_ps();
    const __m256i ones = _mm256_set1_epi16(1);
    for (size_t b = 0; b < n / 32; ++b, w += quant::kQ8_0Bytes) {
      const float d = half_at(w);
      const __m256i q = load256(w + 2);
      const __m256i magnitude = _mm256_abs_epi8(q);  // unsigned, so that -128 stays 128
      for (size_t c = 0; c < T; ++c) {
        const BlockQ8_32& block = reinterpret_cast<const BlockQ8_32*>(x[c])[b];
        const __m256i v = _mm256_sign_epi8(load256(block.q), q);
        const __m256i products = _mm256_madd_epi16(_mm256_maddubs_epi16(magnitude, v), ones);
        sum[c] = _mm256_fmadd_ps(_mm256_set1_ps(d * block.d), _mm256_cvtepi32_ps(products), sum[c]);
      }
    }
    for (size_t c = 0; c < T; ++c) out[c][row_index] = sum8(sum[c]);
  }
};

// ---------------------------------------------------------------- Q4_K

// Broadcasts the 16-bit element k of each 128-bit lane.
inline __m256i word_mask(int k) {
  return _mm256_set1_epi16(short((2 * k + 1) << 8 | (2 * k)));
}

struct RowQ4_K {
  template <size_t T>
  static void row(const std::byte* w, const std::byte* const* x, size_t n, float* const* out,
                  size_t row_index) {
    __m256 sum[T];
    for (size_t c = 0; c < T; ++c) sum[c] = _mm256_setzero_ps();
    const __m256i nibble = _mm256_set1_epi8(15);
    for (size_t b = 0; b < n / 256; ++b, w += quant::kQ4_KBytes) {
      const float d = half_at(w), dmin = half_at(w + 2);
      unsigned packed[3];
      __builtin_memcpy(packed, w + 4, 12);
      const __m128i bytes =
          _mm_set_epi32(int(((packed[2] >> 4) & 0x0f0f0f0f) | ((packed[1] >> 2) & 0x30303030)),
                        int(packed[1] & 0x3f3f3f3f),
                        int((packed[2] & 0x0f0f0f0f) | ((packed[0] >> 2) & 0x30303030)),
                        int(packed[0] & 0x3f3f3f3f));
      const __m128i scales8 = _mm_cvtepu8_epi16(bytes);
      const __m256i scales = _mm256_broadcastsi128_si256(scales8);
      const __m128i mins8 = _mm_cvtepu8_epi16(_mm_unpackhi_epi64(bytes, bytes));
      const __m256i mins =
          _mm256_set_m128i(_mm_unpackhi_epi16(mins8, mins8), _mm_unpacklo_epi16(mins8, mins8));
      __m256i total[T];
      for (size_t c = 0; c < T; ++c) {
        const BlockQ8_256& block = reinterpret_cast<const BlockQ8_256*>(x[c])[b];
        const __m256i offset = _mm256_madd_epi16(mins, load256(block.sums));
        sum[c] =
            _mm256_fnmadd_ps(_mm256_set1_ps(dmin * block.d), _mm256_cvtepi32_ps(offset), sum[c]);
        total[c] = _mm256_setzero_si256();
      }
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        const __m256i two = load256(w + 16 + 32 * j);
        const __m256i low = _mm256_and_si256(two, nibble);
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(two, 4), nibble);
        const __m256i scale_low = _mm256_shuffle_epi8(scales, word_mask(2 * j));
        const __m256i scale_high = _mm256_shuffle_epi8(scales, word_mask(2 * j + 1));
        for (size_t c = 0; c < T; ++c) {
          const int8_t* q = reinterpret_cast<const BlockQ8_256*>(x[c])[b].q + 64 * j;
          const __m256i p0 = _mm256_madd_epi16(scale_low, _mm256_maddubs_epi16(low, load256(q)));
          const __m256i p1 =
              _mm256_madd_epi16(scale_high, _mm256_maddubs_epi16(high, load256(q + 32)));
          total[c] = _mm256_add_epi32(total[c], _mm256_add_epi32(p0, p1));
        }
      }
      for (size_t c = 0; c < T; ++c) {
        const float scale = d * reinterpret_cast<const BlockQ8_256*>(x[c])[b].d;
        sum[c] = _mm256_fmadd_ps(_mm256_set1_ps(scale), _mm256_cvtepi32_ps(total[c]), sum[c]);
      }
    }
    for (size_t c = 0; c < T; ++c) out[c][row_index] = sum8(sum[c]);
  }
};

// ---------------------------------------------------------------- Q6_K

struct RowQ6_K {
  template <size_t T>
  static void row(const std::byte* w, const std::byte* const* x, size_t n, float* const* out,
                  size_t row_index) {
    __m256 sum[T];
    for (size_t c = 0; c < T; ++c) sum[c] = _mm256_setzero_ps();
    const __m256i nibble = _mm256_set1_epi8(15), top = _mm256_set1_epi8(0x30);
    for (size_t b = 0; b < n / 256; ++b, w += quant::kQ6_KBytes) {
      const float d = half_at(w + 208);
      const __m256i scales =
          _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w + 192)));
      __m256i total[T];
      for (size_t c = 0; c < T; ++c) {
        // The stored 0..63 stand for -32..31: subtract 32 times the sums of the activations.
        const BlockQ8_256& block = reinterpret_cast<const BlockQ8_256*>(x[c])[b];
        const __m256i offset = _mm256_madd_epi16(scales, load256(block.sums));
        total[c] = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(offset, 5));
      }
      for (int half = 0; half < 2; ++half) {
        const __m256i low0 = load256(w + 64 * half), low1 = load256(w + 64 * half + 32);
        const __m256i high = load256(w + 128 + 32 * half);
        const __m256i q[4] = {_mm256_or_si256(_mm256_and_si256(low0, nibble),
                                              _mm256_and_si256(_mm256_slli_epi16(high, 4), top)),
                              _mm256_or_si256(_mm256_and_si256(low1, nibble),
                                              _mm256_and_si256(_mm256_slli_epi16(high, 2), top)),
                              _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(low0, 4), nibble),
                                              _mm256_and_si256(high, top)),
                              _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(low1, 4), nibble),
                                              _mm256_and_si256(_mm256_srli_epi16(high, 2), top))};
        // Eight scales of this half in both lanes; group g uses 2g in the low lane, 2g+1 in the
        // high lane.
        const __m256i eight = half == 0 ? _mm256_permute4x64_epi64(scales, 0x44)
                                        : _mm256_permute4x64_epi64(scales, 0xee);
#pragma GCC unroll 4
        for (int g = 0; g < 4; ++g) {
          const __m256i pick = _mm256_set_m128i(_mm256_castsi256_si128(word_mask(2 * g + 1)),
                                                _mm256_castsi256_si128(word_mask(2 * g)));
          const __m256i scale = _mm256_shuffle_epi8(eight, pick);
          for (size_t c = 0; c < T; ++c) {
            const int8_t* v = reinterpret_cast<const BlockQ8_256*>(x[c])[b].q + 128 * half + 32 * g;
            total[c] = _mm256_add_epi32(
                total[c], _mm256_madd_epi16(scale, _mm256_maddubs_epi16(q[g], load256(v))));
          }
        }
      }
      for (size_t c = 0; c < T; ++c) {
        const float scale = d * reinterpret_cast<const BlockQ8_256*>(x[c])[b].d;
        sum[c] = _mm256_fmadd_ps(_mm256_set1_ps(scale), _mm256_cvtepi32_ps(total[c]), sum[c]);
      }
    }
    for (size_t c = 0; c < T; ++c) out[c][row_index] = sum8(sum[c]);
  }
};

template <class Load>
struct RowFloat {
  template <size_t T>
  static void row(const std::byte* w, const std::byte* const* x, size_t n, float* const* out,
                  size_t row_index) {
    float_row<Load, T>(w, x, n, out, row_index);
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

// ---------------------------------------------------------------- everything else

template <size_t N>
float quantise_block(const float* x, int8_t* q) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  __m256 largest8 = _mm256_setzero_ps();
  for (size_t i = 0; i < N; i += 8)
    largest8 = _mm256_max_ps(largest8, _mm256_andnot_ps(sign, _mm256_loadu_ps(x + i)));
  const float largest = max8(largest8);
  const __m256 inverse = _mm256_set1_ps(largest > 1e-30f ? 127.0f / largest : 0.0f);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i lowest = _mm256_set1_epi8(-127);
  for (size_t i = 0; i < N; i += 32) {
    const __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i), inverse));
    const __m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i + 8), inverse));
    const __m256i c = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i + 16), inverse));
    const __m256i d = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i + 24), inverse));
    __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    bytes = _mm256_max_epi8(_mm256_permutevar8x32_epi32(bytes, order), lowest);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(q + i), bytes);
  }
  return largest / 127.0f;
}

void quantise_q8_32(const float* x, size_t n, BlockQ8_32* out) {
  for (size_t b = 0; b < n / 32; ++b) out[b].d = quantise_block<32>(x + 32 * b, out[b].q);
}

void quantise_q8_256(const float* x, size_t n, BlockQ8_256* out) {
  const __m256i ones8 = _mm256_set1_epi8(1), ones16 = _mm256_set1_epi16(1);
  for (size_t b = 0; b < n / 256; ++b) {
    out[b].d = quantise_block<256>(x + 256 * b, out[b].q);
    for (size_t i = 0; i < 8; ++i) {
      const __m256i pairs = _mm256_maddubs_epi16(ones8, load256(out[b].q + 32 * i));
      const __m256i fours = _mm256_madd_epi16(pairs, ones16);
      const __m256i eights = _mm256_hadd_epi32(fours, fours);
      const __m256i sixteens = _mm256_hadd_epi32(eights, eights);
      out[b].sums[2 * i] = int16_t(_mm256_extract_epi32(sixteens, 0));
      out[b].sums[2 * i + 1] = int16_t(_mm256_extract_epi32(sixteens, 4));
    }
  }
}

void rms_norm(const float* x, const float* weight, size_t n, float eps, float* out) {
  __m256 a = _mm256_setzero_ps(), b = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256 v0 = _mm256_loadu_ps(x + i), v1 = _mm256_loadu_ps(x + i + 8);
    a = _mm256_fmadd_ps(v0, v0, a);
    b = _mm256_fmadd_ps(v1, v1, b);
  }
  float sum = sum8(_mm256_add_ps(a, b));
  for (; i < n; ++i) sum += x[i] * x[i];
  const float scale = 1.0f / __builtin_sqrtf(sum / float(n) + eps);
  const __m256 scale8 = _mm256_set1_ps(scale);
  for (i = 0; i + 8 <= n; i += 8)
    _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), scale8),
                                            _mm256_loadu_ps(weight + i)));
  for (; i < n; ++i) out[i] = x[i] * scale * weight[i];
}

void rope_neox(float* x, size_t n, const float* cos, const float* sin) {
  const size_t half = n / 2;
  size_t i = 0;
  for (; i + 8 <= half; i += 8) {
    const __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + i + half);
    const __m256 c = _mm256_loadu_ps(cos + i), s = _mm256_loadu_ps(sin + i);
    _mm256_storeu_ps(x + i, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
    _mm256_storeu_ps(x + i + half, _mm256_fmadd_ps(a, s, _mm256_mul_ps(b, c)));
  }
  for (; i < half; ++i) {
    const float a = x[i], b = x[i + half];
    x[i] = a * cos[i] - b * sin[i];
    x[i + half] = a * sin[i] + b * cos[i];
  }
}

// e^x to about 2e-7 relative: x = k ln 2 + r with |r| <= ln 2 / 2, a Taylor polynomial of degree 7
// in r, and k goes into the exponent. Inputs are clamped to +-87, where floats end.
inline __m256 exp8(__m256 x) {
  x = _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(-87.0f)), _mm256_set1_ps(87.0f));
  const __m256 k = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504088896341f)),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256 r = _mm256_fnmadd_ps(k, _mm256_set1_ps(0.693359375f), x);
  r = _mm256_fnmadd_ps(k, _mm256_set1_ps(-2.12194440e-4f), r);
  __m256 p = _mm256_set1_ps(1.0f / 5040);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 720));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
  const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(k), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

// The same for one value, so that a tail gets what a full vector would.
inline float exp1(float x) {
  return _mm256_cvtss_f32(exp8(_mm256_set1_ps(x)));
}

void softmax(float* x, size_t n) {
  float largest = x[0];
  size_t i = 0;
  if (n >= 8) {
    __m256 largest8 = _mm256_loadu_ps(x);
    for (i = 8; i + 8 <= n; i += 8) largest8 = _mm256_max_ps(largest8, _mm256_loadu_ps(x + i));
    largest = max8(largest8);
  }
  for (; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
  const __m256 shift = _mm256_set1_ps(largest);
  __m256 sum8s = _mm256_setzero_ps();
  for (i = 0; i + 8 <= n; i += 8) {
    const __m256 e = exp8(_mm256_sub_ps(_mm256_loadu_ps(x + i), shift));
    _mm256_storeu_ps(x + i, e);
    sum8s = _mm256_add_ps(sum8s, e);
  }
  float sum = sum8(sum8s);
  for (; i < n; ++i) sum += x[i] = exp1(x[i] - largest);
  const __m256 inverse = _mm256_set1_ps(1.0f / sum);
  for (i = 0; i + 8 <= n; i += 8)
    _mm256_storeu_ps(x + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), inverse));
  for (; i < n; ++i) x[i] *= 1.0f / sum;
}

void silu_multiply(float* gate, const float* up, size_t n) {
  const __m256 one = _mm256_set1_ps(1.0f), sign = _mm256_set1_ps(-0.0f);
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 g = _mm256_loadu_ps(gate + i);
    const __m256 e = exp8(_mm256_xor_ps(g, sign));
    _mm256_storeu_ps(
        gate + i, _mm256_mul_ps(_mm256_div_ps(g, _mm256_add_ps(one, e)), _mm256_loadu_ps(up + i)));
  }
  for (; i < n; ++i) gate[i] = gate[i] / (1.0f + exp1(-gate[i])) * up[i];
}

void to_f16(const float* x, size_t n, std::byte* out) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
  for (; i < n; ++i) {
    const unsigned short h = _cvtss_sh(x[i], _MM_FROUND_TO_NEAREST_INT);
    __builtin_memcpy(out + 2 * i, &h, 2);
  }
}

// The rows of one page as floats: in place for an F32 cache, else converted into the scratch.
const float* page_as_float(const std::byte* page, size_t n, const AttentionArgs& args) {
  if (args.type == KvType::f32) return reinterpret_cast<const float*>(page);
  for (size_t i = 0; i < n; i += 8)
    _mm256_storeu_ps(
        args.page + i,
        _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(page + 2 * i))));
  return args.page;
}

// Eight sums at once: element i is the sum of v[i].
inline __m256 sum8x8(const __m256* v) {
  const __m256 a = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
  const __m256 b = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
  return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
}

void attention(const AttentionArgs& args) {
  const size_t d = args.head_dim, n_keys = args.n_keys;
  for (size_t first = 0; first < n_keys; first += args.page_keys) {
    const size_t n = n_keys - first < args.page_keys ? n_keys - first : args.page_keys;
    const float* k = page_as_float(args.k_pages[first / args.page_keys], n * d, args);
    for (size_t g = 0; g < args.group; ++g) {
      const float* q = args.q + g * d;
      float* scores = args.scores + g * n_keys + first;
      for (size_t key = 0; key < n; key += 8) {
        // Past the end of the page's used rows the last row is read again and dropped.
        __m256 sum[8];
        const float* row[8];
        for (size_t j = 0; j < 8; ++j) {
          sum[j] = _mm256_setzero_ps();
          row[j] = k + (key + j < n ? key + j : n - 1) * d;
        }
        for (size_t i = 0; i < d; i += 8) {
          const __m256 v = _mm256_loadu_ps(q + i);
          for (size_t j = 0; j < 8; ++j)
            sum[j] = _mm256_fmadd_ps(v, _mm256_loadu_ps(row[j] + i), sum[j]);
        }
        const __m256 eight = _mm256_mul_ps(sum8x8(sum), _mm256_set1_ps(args.scale));
        if (key + 8 <= n) {
          _mm256_storeu_ps(scores + key, eight);
        } else {
          float spill[8];
          _mm256_storeu_ps(spill, eight);
          for (size_t j = 0; key + j < n; ++j) scores[key + j] = spill[j];
        }
      }
    }
  }
  for (size_t g = 0; g < args.group; ++g) softmax(args.scores + g * n_keys, n_keys);
  for (size_t i = 0; i < args.group * d; ++i) args.out[i] = 0;
  for (size_t first = 0; first < n_keys; first += args.page_keys) {
    const size_t n = n_keys - first < args.page_keys ? n_keys - first : args.page_keys;
    const float* v = page_as_float(args.v_pages[first / args.page_keys], n * d, args);
    for (size_t g = 0; g < args.group; ++g) {
      const float* weight = args.scores + g * n_keys + first;
      float* out = args.out + g * d;
      size_t i = 0;
      for (; i + 64 <= d; i += 64) {
        __m256 sum[8];
        for (size_t j = 0; j < 8; ++j) sum[j] = _mm256_loadu_ps(out + i + 8 * j);
        for (size_t key = 0; key < n; ++key) {
          const __m256 s = _mm256_broadcast_ss(weight + key);
          for (size_t j = 0; j < 8; ++j)
            sum[j] = _mm256_fmadd_ps(s, _mm256_loadu_ps(v + key * d + i + 8 * j), sum[j]);
        }
        for (size_t j = 0; j < 8; ++j) _mm256_storeu_ps(out + i + 8 * j, sum[j]);
      }
      for (; i < d; i += 8) {
        __m256 sum = _mm256_loadu_ps(out + i);
        for (size_t key = 0; key < n; ++key)
          sum = _mm256_fmadd_ps(_mm256_broadcast_ss(weight + key), _mm256_loadu_ps(v + key * d + i),
                                sum);
        _mm256_storeu_ps(out + i, sum);
      }
    }
  }
}

}  // namespace

const Kernels* avx2_kernels() {
  static const Kernels kernels = {"avx2",
                                  matmul<RowFloat<LoadF32>>,
                                  matmul<RowFloat<LoadF16>>,
                                  matmul<RowFloat<LoadBf16>>,
                                  matmul<RowQ8_0>,
                                  matmul<RowQ4_K>,
                                  matmul<RowQ6_K>,
                                  quantise_q8_32,
                                  quantise_q8_256,
                                  rms_norm,
                                  rope_neox,
                                  softmax,
                                  silu_multiply,
                                  to_f16,
                                  attention};
  return &kernels;
}

}  // namespace engramd::engine::cpu
#endif
