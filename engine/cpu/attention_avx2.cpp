// engine/cpu/attention_avx2.cpp - the operators that mix tokens, with AVX2, FMA and F16C:
// attention, the causal convolution and the gated delta rule. Compiled with its own flags: see
// avx2_parts.h.
#if defined(__x86_64__)
#include "engine/cpu/avx2_parts.h"
#include "engine/cpu/simd_attention.h"

namespace engramd::engine::cpu {
namespace {

struct Avx2 {
  using Vec = __m256;
  static constexpr size_t kLanes = 8, kGroup = 2;
  static Vec zero() { return _mm256_setzero_ps(); }
  static Vec load(const float* p) { return _mm256_loadu_ps(p); }
  // Kept in a register: the compiler would load it again for each multiplication.
  static Vec load_once(const float* p) {
    Vec v = load(p);
    __asm__("" : "+x"(v));
    return v;
  }
  static void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
  static Vec broadcast(float v) { return _mm256_set1_ps(v); }
  static Vec multiply_add(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
  static __m256 fold(Vec v) { return v; }
  static Vec of_f16(const std::byte* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Vec of_bf16(const std::byte* p) {
    const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(words), 16));
  }
};

// ---------------------------------------------------------------- causal convolution

// Channels `c` to c + 7 over all tokens, then their state.
void conv_eight(const CausalConvArgs& args, size_t c) {
  const size_t n = args.n_channels, before = args.width - 1;
  __m256 weights[8];
  const auto stride = int(args.width);
  const __m256i places =
      _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(stride));
  for (size_t j = 0; j < args.width; ++j)
    weights[j] = _mm256_i32gather_ps(args.weights + c * args.width + j, places, 4);
  // Input number i, counted from the oldest in the state.
  const auto input = [&](size_t i) {
    return i < before ? args.state + i * n + c : args.in + (i - before) * n + c;
  };
  for (size_t t = 0; t < args.n_tokens; ++t) {
    __m256 sum = _mm256_setzero_ps();
    for (size_t j = 0; j < args.width; ++j)
      sum = _mm256_fmadd_ps(weights[j], _mm256_loadu_ps(input(t + j)), sum);
    if (args.silu) {
      const __m256 e = exp8(_mm256_xor_ps(sum, _mm256_set1_ps(-0.0f)));
      sum = _mm256_div_ps(sum, _mm256_add_ps(_mm256_set1_ps(1.0f), e));
    }
    _mm256_storeu_ps(args.out + t * n + c, sum);
  }
  // Oldest first, so that nothing is read after it was written.
  for (size_t j = 0; j < before; ++j)
    _mm256_storeu_ps(args.state + j * n + c, _mm256_loadu_ps(input(args.n_tokens + j)));
}

void conv_one(const CausalConvArgs& args, size_t c) {
  const size_t n = args.n_channels, before = args.width - 1;
  const auto input = [&](size_t i) {
    return i < before ? args.state[i * n + c] : args.in[(i - before) * n + c];
  };
  for (size_t t = 0; t < args.n_tokens; ++t) {
    float sum = 0;
    for (size_t j = 0; j < args.width; ++j)
      sum = __builtin_fmaf(args.weights[c * args.width + j], input(t + j), sum);
    args.out[t * n + c] = args.silu ? sum / (1.0f + exp1(-sum)) : sum;
  }
  for (size_t j = 0; j < before; ++j) args.state[j * n + c] = input(args.n_tokens + j);
}

void causal_conv(const CausalConvArgs& args) {
  size_t c = 0;
  for (; c + 8 <= args.n_channels; c += 8) conv_eight(args, c);
  for (; c < args.n_channels; ++c) conv_one(args, c);
}

// ---------------------------------------------------------------- gated delta rule

constexpr size_t kMostKeys = 256;

// Value elements j to j + 8 kWide - 1 of all tokens: they do not depend on the others, and their
// part of the state stays in the first-level cache.
template <size_t kWide>
void delta_columns(const DeltaRuleArgs& args, size_t j) {
  const size_t stride = args.value_dim;
  float* state = args.state + j;
  for (size_t t = 0; t < args.n_tokens; ++t) {
    const float* q = args.q + t * args.qk_stride;
    const float* k = args.k + t * args.qk_stride;
    const float* v = args.v + t * args.v_stride + j;
    const float* log_decay = args.log_decay + t * args.decay_stride;
    float decay[kMostKeys];
    if (args.decay_per_channel) {
      for (size_t i = 0; i < args.key_dim; ++i) decay[i] = exp1(log_decay[i]);
    } else {
      const float one = exp1(log_decay[0]);
      for (size_t i = 0; i < args.key_dim; ++i) decay[i] = one;
    }
    __m256 recalled[kWide], change[kWide], sum[kWide];
    for (size_t w = 0; w < kWide; ++w) recalled[w] = sum[w] = _mm256_setzero_ps();
    for (size_t i = 0; i < args.key_dim; ++i) {
      const __m256 factor = _mm256_set1_ps(decay[i] * k[i]);
      for (size_t w = 0; w < kWide; ++w)
        recalled[w] =
            _mm256_fmadd_ps(_mm256_loadu_ps(state + i * stride + 8 * w), factor, recalled[w]);
    }
    const __m256 beta = _mm256_set1_ps(args.beta[t * args.beta_stride]);
    for (size_t w = 0; w < kWide; ++w)
      change[w] = _mm256_mul_ps(beta, _mm256_sub_ps(_mm256_loadu_ps(v + 8 * w), recalled[w]));
    for (size_t i = 0; i < args.key_dim; ++i) {
      const __m256 keep = _mm256_set1_ps(decay[i]), key = _mm256_set1_ps(k[i]);
      const __m256 query = _mm256_set1_ps(q[i]);
      for (size_t w = 0; w < kWide; ++w) {
        float* s = state + i * stride + 8 * w;
        const __m256 kept = _mm256_mul_ps(_mm256_loadu_ps(s), keep);
        const __m256 next = _mm256_fmadd_ps(key, change[w], kept);
        _mm256_storeu_ps(s, next);
        sum[w] = _mm256_fmadd_ps(next, query, sum[w]);
      }
    }
    for (size_t w = 0; w < kWide; ++w)
      _mm256_storeu_ps(args.out + t * args.out_stride + j + 8 * w, sum[w]);
  }
}

void delta_rule(const DeltaRuleArgs& args) {
  size_t j = 0;
  for (; j + 32 <= args.value_dim; j += 32) delta_columns<4>(args, j);
  for (; j < args.value_dim; j += 8) delta_columns<1>(args, j);
}

}  // namespace

void set_avx2_attention(Kernels& k) {
  k.attention = attention_with<Avx2>;
  k.causal_conv = causal_conv;
  k.delta_rule = delta_rule;
}

}  // namespace engramd::engine::cpu
#endif
