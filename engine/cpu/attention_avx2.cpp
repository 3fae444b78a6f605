// engine/cpu/attention_avx2.cpp - the operators that mix tokens, with AVX2, FMA and F16C:
// attention, the causal convolution and the gated delta rule. Compiled with its own flags: see
// avx2_parts.h.
#if defined(__x86_64__)
#include "engine/cpu/avx2_math.h"
#include "engine/cpu/avx2_parts.h"

namespace engramd::engine::cpu {
namespace {

// ---------------------------------------------------------------- attention

// Rows of a cache as floats: where they lie when they are floats, else converted into the scratch.
class FloatRows {
 public:
  // As many rows as stay in the first-level cache, a multiple of 8.
  static size_t chunk(size_t dim) {
    const size_t rows = 8192 / dim / 8 * 8;
    return rows < 8 ? 8 : rows > kAttentionPage ? kAttentionPage : rows;
  }
  FloatRows(float* scratch, size_t dim, KvType type) : scratch_(scratch), dim_(dim), type_(type) {}

  // n rows from key `first` on; past them up to a multiple of 8 the last one is repeated.
  template <class Row>
  void take(size_t first, size_t n, Row&& row) {
    for (size_t i = 0; i < n; ++i) {
      const std::byte* source = row(first + i);
      if (type_ == KvType::f32) {
        rows_[i] = reinterpret_cast<const float*>(source);
        continue;
      }
      float* out = scratch_ + i * dim_;
      if (type_ == KvType::f16)
        for (size_t j = 0; j < dim_; j += 8)
          _mm256_storeu_ps(out + j, _mm256_cvtph_ps(load8(source + 2 * j)));
      else
        for (size_t j = 0; j < dim_; j += 8)
          _mm256_storeu_ps(out + j, _mm256_castsi256_ps(_mm256_slli_epi32(
                                        _mm256_cvtepu16_epi32(load8(source + 2 * j)), 16)));
      rows_[i] = out;
    }
    for (size_t i = n; i < (n + 7) / 8 * 8; ++i) rows_[i] = rows_[n - 1];
  }
  const float* operator[](size_t i) const { return rows_[i]; }

 private:
  static __m128i load8(const std::byte* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  }
  float* scratch_;
  size_t dim_;
  KvType type_;
  const float* rows_[kAttentionPage];
};

// sums[g * kKeys + key] of kGroup queries with kKeys keys, kGroup * kKeys = 8. Each product has one
// register of its own, so the bits do not depend on the shape of the tile.
template <size_t kGroup, size_t kKeys>
__m256 eight_scores(const float* q, size_t d, const FloatRows& rows, size_t key) {
  __m256 sum[8];
  for (size_t i = 0; i < 8; ++i) sum[i] = _mm256_setzero_ps();
  for (size_t i = 0; i < d; i += 8) {
    __m256 v[kGroup];
    for (size_t g = 0; g < kGroup; ++g) v[g] = _mm256_loadu_ps(q + g * d + i);
    for (size_t j = 0; j < kKeys; ++j) {
      const __m256 k = _mm256_loadu_ps(rows[key + j] + i);
      for (size_t g = 0; g < kGroup; ++g)
        sum[g * kKeys + j] = _mm256_fmadd_ps(v[g], k, sum[g * kKeys + j]);
    }
  }
  return sum8x8(sum);
}

void store_scores(float* out, const float* scores, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = scores[i];
}

void all_scores(const AttentionArgs& args) {
  const size_t d = args.head_dim;
  const __m256 scale = _mm256_set1_ps(args.scale);
  FloatRows rows(args.page, d, args.type);
  for (size_t first = args.first_key; first < args.n_keys; first += FloatRows::chunk(d)) {
    const size_t left = args.n_keys - first;
    const size_t n = left < FloatRows::chunk(d) ? left : FloatRows::chunk(d);
    rows.take(first, n, [&](size_t key) { return args.k_row(key); });
    size_t g = 0;
    for (; g + 2 <= args.group; g += 2)
      for (size_t key = 0; key < n; key += 4) {
        float spill[8];
        _mm256_storeu_ps(spill,
                         _mm256_mul_ps(eight_scores<2, 4>(args.q + g * d, d, rows, key), scale));
        const size_t m = n - key < 4 ? n - key : 4;
        store_scores(args.scores + g * args.n_keys + first + key, spill, m);
        store_scores(args.scores + (g + 1) * args.n_keys + first + key, spill + 4, m);
      }
    for (; g < args.group; ++g)
      for (size_t key = 0; key < n; key += 8) {
        float spill[8];
        _mm256_storeu_ps(spill,
                         _mm256_mul_ps(eight_scores<1, 8>(args.q + g * d, d, rows, key), scale));
        store_scores(args.scores + g * args.n_keys + first + key, spill, n - key < 8 ? n - key : 8);
      }
  }
}

// Softmax of x with one more logit, when there is one, in the sum only.
void softmax_with_sink(float* x, size_t n, const float* sink) {
  float largest = sink != nullptr ? *sink : -__builtin_inff();
  size_t i = 0;
  __m256 largest8 = _mm256_set1_ps(largest);
  for (; i + 8 <= n; i += 8) largest8 = _mm256_max_ps(largest8, _mm256_loadu_ps(x + i));
  largest = max8(largest8);
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
  if (sink != nullptr) sum += exp1(*sink - largest);
  const __m256 inverse = _mm256_set1_ps(1.0f / sum);
  for (i = 0; i + 8 <= n; i += 8)
    _mm256_storeu_ps(x + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), inverse));
  for (; i < n; ++i) x[i] *= 1.0f / sum;
}

// out[g][i...] += weights[g][key] * rows[key][i...] for kGroup heads and 8 * kWide elements, key
// after key.
template <size_t kGroup, size_t kWide>
inline void add_values(const float* weights, size_t stride, const FloatRows& rows, size_t n,
                       float* out, size_t dim, size_t i) {
  __m256 sum[kGroup][kWide];
  for (size_t g = 0; g < kGroup; ++g)
    for (size_t j = 0; j < kWide; ++j) sum[g][j] = _mm256_loadu_ps(out + g * dim + i + 8 * j);
  for (size_t key = 0; key < n; ++key) {
    __m256 w[kGroup];
    for (size_t g = 0; g < kGroup; ++g) w[g] = _mm256_broadcast_ss(weights + g * stride + key);
    for (size_t j = 0; j < kWide; ++j) {
      const __m256 v = _mm256_loadu_ps(rows[key] + i + 8 * j);
      for (size_t g = 0; g < kGroup; ++g) sum[g][j] = _mm256_fmadd_ps(w[g], v, sum[g][j]);
    }
  }
  for (size_t g = 0; g < kGroup; ++g)
    for (size_t j = 0; j < kWide; ++j) _mm256_storeu_ps(out + g * dim + i + 8 * j, sum[g][j]);
}

void attention(const AttentionArgs& args) {
  all_scores(args);
  const size_t dim = args.value_size(), first_key = args.first_key;
  for (size_t g = 0; g < args.group; ++g)
    softmax_with_sink(args.scores + g * args.n_keys + first_key, args.n_keys - first_key,
                      args.sinks == nullptr ? nullptr : args.sinks + g);
  for (size_t i = 0; i < args.group * dim; ++i) args.out[i] = 0;
  FloatRows rows(args.page, dim, args.type);
  for (size_t first = first_key; first < args.n_keys; first += FloatRows::chunk(dim)) {
    const size_t left = args.n_keys - first;
    const size_t n = left < FloatRows::chunk(dim) ? left : FloatRows::chunk(dim);
    rows.take(first, n, [&](size_t key) { return args.v_row(key); });
    size_t g = 0;
    for (; g + 2 <= args.group; g += 2) {
      const float* weights = args.scores + g * args.n_keys + first;
      size_t i = 0;
      for (; i + 32 <= dim; i += 32)
        add_values<2, 4>(weights, args.n_keys, rows, n, args.out + g * dim, dim, i);
      for (; i < dim; i += 8)
        add_values<2, 1>(weights, args.n_keys, rows, n, args.out + g * dim, dim, i);
    }
    for (; g < args.group; ++g) {
      const float* weights = args.scores + g * args.n_keys + first;
      size_t i = 0;
      for (; i + 64 <= dim; i += 64)
        add_values<1, 8>(weights, args.n_keys, rows, n, args.out + g * dim, dim, i);
      for (; i < dim; i += 8)
        add_values<1, 1>(weights, args.n_keys, rows, n, args.out + g * dim, dim, i);
    }
  }
}

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
  k.attention = attention;
  k.causal_conv = causal_conv;
  k.delta_rule = delta_rule;
}

}  // namespace engramd::engine::cpu
#endif
