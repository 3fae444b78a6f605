// engine/cpu/kernels_avx2.cpp - the AVX2 table, and its operators on rows.
#if defined(__x86_64__)
#include "engine/cpu/avx2_math.h"
#include "engine/cpu/avx2_parts.h"

namespace engramd::engine::cpu {
namespace {

inline __m256i load256(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

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

// The sums of 16 of 32 bytes: elements 0 and 4.
inline __m256i sums_of_16(const int8_t* q) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), load256(q));
  const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  const __m256i eights = _mm256_hadd_epi32(fours, fours);
  return _mm256_hadd_epi32(eights, eights);
}

void quantise_q8_32(const float* x, size_t n, BlockQ8_32* out) {
  for (size_t b = 0; b < n / 32; ++b) {
    out[b].d = quantise_block<32>(x + 32 * b, out[b].q);
    const __m256i sums = sums_of_16(out[b].q);
    out[b].sum = _mm256_extract_epi32(sums, 0) + _mm256_extract_epi32(sums, 4);
  }
}

void quantise_q8_256(const float* x, size_t n, BlockQ8_256* out) {
  for (size_t b = 0; b < n / 256; ++b) {
    out[b].d = quantise_block<256>(x + 256 * b, out[b].q);
    for (size_t i = 0; i < 8; ++i) {
      const __m256i sums = sums_of_16(out[b].q + 32 * i);
      out[b].sums[2 * i] = int16_t(_mm256_extract_epi32(sums, 0));
      out[b].sums[2 * i + 1] = int16_t(_mm256_extract_epi32(sums, 4));
      out[b].sums_32[i] = int16_t(out[b].sums[2 * i] + out[b].sums[2 * i + 1]);
    }
    for (size_t i = 0; i < 3; ++i) out[b].unused[i] = 0;
  }
}

float sum_of_squares(const float* x, size_t n) {
  __m256 a = _mm256_setzero_ps(), b = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256 v0 = _mm256_loadu_ps(x + i), v1 = _mm256_loadu_ps(x + i + 8);
    a = _mm256_fmadd_ps(v0, v0, a);
    b = _mm256_fmadd_ps(v1, v1, b);
  }
  float sum = sum8(_mm256_add_ps(a, b));
  for (; i < n; ++i) sum += x[i] * x[i];
  return sum;
}

void multiply_all(const float* x, float factor, size_t n, float* out) {
  const __m256 factor8 = _mm256_set1_ps(factor);
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), factor8));
  for (; i < n; ++i) out[i] = x[i] * factor;
}

void rms_norm(const float* x, const float* weight, size_t n, float eps, float* out) {
  const float scale = 1.0f / __builtin_sqrtf(sum_of_squares(x, n) / float(n) + eps);
  if (weight == nullptr) return multiply_all(x, scale, n, out);
  const __m256 scale8 = _mm256_set1_ps(scale);
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), scale8),
                                            _mm256_loadu_ps(weight + i)));
  for (; i < n; ++i) out[i] = x[i] * scale * weight[i];
}

void l2_norm(float* x, size_t n, float eps) {
  const float length = __builtin_sqrtf(sum_of_squares(x, n));
  multiply_all(x, 1.0f / (length > eps ? length : eps), n, x);
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

// f on eight values at a time; a tail is padded, so that a value gets the same bits wherever it is.
template <class F>
void for_all(float* x, size_t n, F f) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(x + i, f(_mm256_loadu_ps(x + i)));
  if (i == n) return;
  float tail[8] = {};
  for (size_t j = i; j < n; ++j) tail[j - i] = x[j];
  _mm256_storeu_ps(tail, f(_mm256_loadu_ps(tail)));
  for (size_t j = i; j < n; ++j) x[j] = tail[j - i];
}
template <class F>
void for_all(float* x, const float* y, size_t n, F f) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(x + i, f(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
  if (i == n) return;
  float tail_x[8] = {}, tail_y[8] = {};
  for (size_t j = i; j < n; ++j) {
    tail_x[j - i] = x[j];
    tail_y[j - i] = y[j];
  }
  _mm256_storeu_ps(tail_x, f(_mm256_loadu_ps(tail_x), _mm256_loadu_ps(tail_y)));
  for (size_t j = i; j < n; ++j) x[j] = tail_x[j - i];
}

inline __m256 negative(__m256 x) {
  return _mm256_xor_ps(x, _mm256_set1_ps(-0.0f));
}
// x / (1 + e^-y)
inline __m256 gated(__m256 x, __m256 y) {
  return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0f), exp8(negative(y))));
}

void silu_multiply(float* gate, const float* up, size_t n) {
  for_all(gate, up, n, [](__m256 g, __m256 u) { return _mm256_mul_ps(gated(g, g), u); });
}

void silu_multiply_clamped(float* gate, const float* up, size_t n, float limit) {
  const __m256 most = _mm256_set1_ps(limit), least = _mm256_set1_ps(-limit);
  for_all(gate, up, n, [=](__m256 g, __m256 u) {
    g = _mm256_min_ps(g, most);
    return _mm256_mul_ps(gated(g, g), _mm256_max_ps(_mm256_min_ps(u, most), least));
  });
}

void swiglu_oss(float* gate, const float* up, size_t n, float alpha, float limit) {
  const __m256 most = _mm256_set1_ps(limit), least = _mm256_set1_ps(-limit);
  const __m256 one = _mm256_set1_ps(1.0f), alphas = _mm256_set1_ps(alpha);
  for_all(gate, up, n, [=](__m256 g, __m256 u) {
    g = _mm256_min_ps(g, most);
    u = _mm256_max_ps(_mm256_min_ps(u, most), least);
    return _mm256_mul_ps(gated(g, _mm256_mul_ps(alphas, g)), _mm256_add_ps(u, one));
  });
}

void sigmoid(float* x, size_t n) {
  for_all(x, n, [](__m256 v) { return gated(_mm256_set1_ps(1.0f), v); });
}

void silu(float* x, size_t n) {
  for_all(x, n, [](__m256 v) { return gated(v, v); });
}

// max(x, 0) + log(1 + y) with y = e^-|x|: the logarithm as 2 artanh(s), s = y / (2 + y) <= 1/3, by
// its series to s^13, which is off by at most 2e-8 of it.
inline __m256 softplus8(__m256 x) {
  const __m256 y = exp8(_mm256_or_ps(x, _mm256_set1_ps(-0.0f)));
  const __m256 s = _mm256_div_ps(y, _mm256_add_ps(y, _mm256_set1_ps(2.0f)));
  const __m256 s2 = _mm256_mul_ps(s, s);
  __m256 p = _mm256_set1_ps(2.0f / 13);
  p = _mm256_fmadd_ps(p, s2, _mm256_set1_ps(2.0f / 11));
  p = _mm256_fmadd_ps(p, s2, _mm256_set1_ps(2.0f / 9));
  p = _mm256_fmadd_ps(p, s2, _mm256_set1_ps(2.0f / 7));
  p = _mm256_fmadd_ps(p, s2, _mm256_set1_ps(2.0f / 5));
  p = _mm256_fmadd_ps(p, s2, _mm256_set1_ps(2.0f / 3));
  p = _mm256_fmadd_ps(p, s2, _mm256_set1_ps(2.0f));
  return _mm256_fmadd_ps(p, s, _mm256_max_ps(x, _mm256_setzero_ps()));
}

void softplus(float* x, size_t n) {
  for_all(x, n, [](__m256 v) { return softplus8(v); });
}

void sqrt_softplus(float* x, size_t n) {
  for_all(x, n, [](__m256 v) { return _mm256_sqrt_ps(softplus8(v)); });
}

void add_scaled(float* out, const float* x, float scale, size_t n) {
  const __m256 scale8 = _mm256_set1_ps(scale);
  for_all(out, x, n, [=](__m256 o, __m256 v) { return _mm256_fmadd_ps(scale8, v, o); });
}

void rope_interleaved(float* x, size_t n, const float* cos, const float* sin, bool inverse) {
  const __m256i twice = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
  const __m256 sign = _mm256_set1_ps(inverse ? -0.0f : 0.0f);
  const auto four = [&](const float* p) {
    return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), twice);
  };
  size_t i = 0;
  for (; i + 4 <= n / 2; i += 4) {
    const __m256 v = _mm256_loadu_ps(x + 2 * i), s = _mm256_xor_ps(four(sin + i), sign);
    const __m256 swapped = _mm256_permute_ps(v, 0xb1);
    _mm256_storeu_ps(x + 2 * i, _mm256_fmaddsub_ps(v, four(cos + i), _mm256_mul_ps(swapped, s)));
  }
  for (; i < n / 2; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1], s = inverse ? -sin[i] : sin[i];
    x[2 * i] = a * cos[i] - b * s;
    x[2 * i + 1] = a * s + b * cos[i];
  }
}

void hadamard(float* x, size_t n) {
  const float scale = 1.0f / __builtin_sqrtf(float(n));
  if (n < 8) {
    for (size_t half = 1; half < n; half *= 2)
      for (size_t i = 0; i < n; ++i)
        if ((i & half) == 0) {
          const float a = x[i], b = x[i + half];
          x[i] = a + b;
          x[i + half] = a - b;
        }
    for (size_t i = 0; i < n; ++i) x[i] *= scale;
    return;
  }
  // Neighbours 1, 2 and 4 apart within a register: the partner added to plus or minus the own
  // value.
  const __m256 minus1 = _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1);
  const __m256 minus2 = _mm256_setr_ps(1, 1, -1, -1, 1, 1, -1, -1);
  const __m256 minus4 = _mm256_setr_ps(1, 1, 1, 1, -1, -1, -1, -1);
  for (size_t i = 0; i < n; i += 8) {
    __m256 v = _mm256_loadu_ps(x + i);
    v = _mm256_fmadd_ps(v, minus1, _mm256_permute_ps(v, 0xb1));
    v = _mm256_fmadd_ps(v, minus2, _mm256_permute_ps(v, 0x4e));
    v = _mm256_fmadd_ps(v, minus4, _mm256_permute2f128_ps(v, v, 1));
    _mm256_storeu_ps(x + i, v);
  }
  for (size_t half = 8; half < n; half *= 2)
    for (size_t i = 0; i < n; i += 2 * half)
      for (size_t j = i; j < i + half; j += 8) {
        const __m256 a = _mm256_loadu_ps(x + j), b = _mm256_loadu_ps(x + j + half);
        _mm256_storeu_ps(x + j, _mm256_add_ps(a, b));
        _mm256_storeu_ps(x + j + half, _mm256_sub_ps(a, b));
      }
  multiply_all(x, scale, n, x);
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

// Rounds to nearest even: half of the last kept bit, and one more when that bit is odd. A
// not-a-number keeps its upper half and becomes quiet.
void to_bf16(const float* x, size_t n, std::byte* out) {
  const auto eight = [](const float* p) {
    const __m256i bits = load256(p), one = _mm256_set1_epi32(1);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), one);
    const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256 value = _mm256_castsi256_ps(bits);
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
    const __m256i words = _mm256_srli_epi32(_mm256_blendv_epi8(up, quiet, nan), 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  };
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * i), eight(x + i));
  if (i == n) return;
  float tail[8] = {};
  for (size_t j = i; j < n; ++j) tail[j - i] = x[j];
  const __m128i words = eight(tail);
  __builtin_memcpy(out + 2 * i, &words, 2 * (n - i));
}

}  // namespace

void set_avx2_rows(Kernels& k) {
  k.quantise_q8_32 = quantise_q8_32;
  k.quantise_q8_256 = quantise_q8_256;
  k.rms_norm = rms_norm;
  k.l2_norm = l2_norm;
  k.rope_neox = rope_neox;
  k.rope_interleaved = rope_interleaved;
  k.softmax = softmax;
  k.silu_multiply = silu_multiply;
  k.silu_multiply_clamped = silu_multiply_clamped;
  k.swiglu_oss = swiglu_oss;
  k.sigmoid = sigmoid;
  k.silu = silu;
  k.softplus = softplus;
  k.sqrt_softplus = sqrt_softplus;
  k.add_scaled = add_scaled;
  k.hadamard = hadamard;
  k.to_f16 = to_f16;
  k.to_bf16 = to_bf16;
}

const Kernels* avx2_kernels() {
  static const Kernels kernels = [] {
    Kernels k = reference_kernels();
    k.name = "avx2";
    set_avx2_matmuls(k);
    set_avx2_rows(k);
    set_avx2_attention(k);
    return k;
  }();
  return &kernels;
}

}  // namespace engramd::engine::cpu
#endif
