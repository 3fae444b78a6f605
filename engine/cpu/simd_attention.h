// engine/cpu/simd_attention.h - attention in registers, for any instruction set.
//
// Keys and values are taken in chunks that stay in the first-level cache, as floats, and are met by
// several query heads at once. Each score, and each element of a result, has one register or lane
// of its own and is added up in the order of the elements, or of the keys: its bits depend neither
// on the tile nor on the heads beside it.
//
// V is an instruction set, see attention_avx2.cpp. For the files of the instruction sets only.
#pragma once

#include "engine/cpu/avx2_math.h"
#include "engine/cpu/kernels.h"

namespace engramd::engine::cpu {
namespace {

// Rows of a cache as floats: where they lie when they are floats, else converted into the scratch.
template <class V>
class FloatRows {
 public:
  // As many rows as fill half of the first-level cache, a multiple of 8.
  static size_t chunk(size_t dim) {
    const size_t rows = 4096 / dim / 8 * 8;
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
        for (size_t j = 0; j < dim_; j += V::kLanes) V::store(out + j, V::of_f16(source + 2 * j));
      else
        for (size_t j = 0; j < dim_; j += V::kLanes) V::store(out + j, V::of_bf16(source + 2 * j));
      rows_[i] = out;
    }
    for (size_t i = n; i < (n + 7) / 8 * 8; ++i) rows_[i] = rows_[n - 1];
  }
  const float* operator[](size_t i) const { return rows_[i]; }

 private:
  float* scratch_;
  size_t dim_;
  KvType type_;
  const float* rows_[kAttentionPage];
};

// Scores of kGroup queries with kKeys keys; kGroup * kKeys is 8 or 16.
template <class V, size_t kGroup, size_t kKeys>
void tile_scores(const AttentionArgs& args, const FloatRows<V>& rows, size_t g, size_t first,
                 size_t key, size_t n) {
  using Vec = typename V::Vec;
  const size_t d = args.head_dim;
  const float* q = args.q + g * d;
  const float* k[kKeys];
  for (size_t j = 0; j < kKeys; ++j) k[j] = rows[key + j];
  Vec sum[kGroup * kKeys];
#pragma GCC unroll 16
  for (size_t i = 0; i < kGroup * kKeys; ++i) sum[i] = V::zero();
  for (size_t i = 0; i < d; i += V::kLanes) {
    Vec query[kGroup];
#pragma GCC unroll 4
    for (size_t h = 0; h < kGroup; ++h) query[h] = V::load(q + h * d + i);
#pragma GCC unroll 8
    for (size_t j = 0; j < kKeys; ++j) {
      const Vec v = V::load_once(k[j] + i);
#pragma GCC unroll 4
      for (size_t h = 0; h < kGroup; ++h)
        sum[h * kKeys + j] = V::multiply_add(query[h], v, sum[h * kKeys + j]);
    }
  }
  float spill[kGroup * kKeys];
  __m256 eight[8];
  const __m256 scale = _mm256_set1_ps(args.scale);
#pragma GCC unroll 2
  for (size_t i = 0; i < kGroup * kKeys; i += 8) {
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j) eight[j] = V::fold(sum[i + j]);
    _mm256_storeu_ps(spill + i, _mm256_mul_ps(sum8x8(eight), scale));
  }
  for (size_t h = 0; h < kGroup; ++h)
    for (size_t j = 0; j < kKeys && key + j < n; ++j)
      args.scores[(g + h) * args.n_keys + first + key + j] = spill[h * kKeys + j];
}

// Scores of one token's queries with the n rows from key `first` on.
template <class V>
void row_scores(const AttentionArgs& args, const FloatRows<V>& rows, size_t first, size_t n) {
  size_t g = 0;
  if constexpr (V::kGroup == 4)
    for (; g + 4 <= args.group; g += 4)
      for (size_t key = 0; key < n; key += 4) tile_scores<V, 4, 4>(args, rows, g, first, key, n);
  for (; g + 2 <= args.group; g += 2)
    for (size_t key = 0; key < n; key += 4) tile_scores<V, 2, 4>(args, rows, g, first, key, n);
  for (; g < args.group; ++g)
    for (size_t key = 0; key < n; key += 8) tile_scores<V, 1, 8>(args, rows, g, first, key, n);
}

// Takes all keys in chunks of rows that `row` finds; body(token, first key, rows, how many of them
// the token sees).
template <class V, class Row, class Body>
void for_each_chunk(const AttentionArgs* tokens, size_t n_tokens, size_t dim, Row&& row,
                    Body&& body) {
  FloatRows<V> rows(tokens[0].page, dim, tokens[0].type);
  const size_t end = tokens[n_tokens - 1].n_keys, chunk = FloatRows<V>::chunk(dim);
  for (size_t first = tokens[0].first_key; first < end; first += chunk) {
    const size_t n = end - first < chunk ? end - first : chunk;
    rows.take(first, n, row);
    for (size_t t = 0; t < n_tokens; ++t) {
      if (tokens[t].n_keys <= first) continue;
      const size_t seen = tokens[t].n_keys - first;
      body(tokens[t], first, rows, seen < n ? seen : n);
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

// out[g][i...] += weights[g][key] * rows[key][i...] for kGroup heads and kWide registers, key after
// key.
template <class V, size_t kGroup, size_t kWide>
inline void add_values(const float* weights, size_t stride, const FloatRows<V>& rows, size_t n,
                       float* out, size_t dim, size_t i) {
  using Vec = typename V::Vec;
  Vec sum[kGroup][kWide];
#pragma GCC unroll 4
  for (size_t g = 0; g < kGroup; ++g)
#pragma GCC unroll 4
    for (size_t j = 0; j < kWide; ++j) sum[g][j] = V::load(out + g * dim + i + V::kLanes * j);
  for (size_t key = 0; key < n; ++key) {
    Vec w[kGroup];
    const float* row = rows[key] + i;
#pragma GCC unroll 4
    for (size_t g = 0; g < kGroup; ++g) w[g] = V::broadcast(weights[g * stride + key]);
#pragma GCC unroll 4
    for (size_t j = 0; j < kWide; ++j) {
      const Vec v = V::load_once(row + V::kLanes * j);
#pragma GCC unroll 4
      for (size_t g = 0; g < kGroup; ++g) sum[g][j] = V::multiply_add(w[g], v, sum[g][j]);
    }
  }
#pragma GCC unroll 4
  for (size_t g = 0; g < kGroup; ++g)
#pragma GCC unroll 4
    for (size_t j = 0; j < kWide; ++j) V::store(out + g * dim + i + V::kLanes * j, sum[g][j]);
}

template <class V, size_t kGroup>
void add_rows(const AttentionArgs& args, const FloatRows<V>& rows, size_t g, size_t first,
              size_t n) {
  const size_t dim = args.value_size();
  const float* weights = args.scores + g * args.n_keys + first;
  float* out = args.out + g * dim;
  size_t i = 0;
  for (; i + 4 * V::kLanes <= dim; i += 4 * V::kLanes)
    add_values<V, kGroup, 4>(weights, args.n_keys, rows, n, out, dim, i);
  for (; i < dim; i += V::kLanes)
    add_values<V, kGroup, 1>(weights, args.n_keys, rows, n, out, dim, i);
}

template <class V>
void all_rows(const AttentionArgs& args, const FloatRows<V>& rows, size_t first, size_t n) {
  size_t g = 0;
  if constexpr (V::kGroup == 4)
    for (; g + 4 <= args.group; g += 4) add_rows<V, 4>(args, rows, g, first, n);
  for (; g + 2 <= args.group; g += 2) add_rows<V, 2>(args, rows, g, first, n);
  for (; g < args.group; ++g) add_rows<V, 1>(args, rows, g, first, n);
}

// Head and value sizes are multiples of V::kLanes.
template <class V>
void attention_with(const AttentionArgs& args) {
  AttentionArgs tokens[kAttentionTokens];
  for (size_t t = 0; t < args.n_tokens; ++t) tokens[t] = args.of_token(t);
  for_each_chunk<V>(
      tokens, args.n_tokens, args.head_dim, [&](size_t key) { return args.k_row(key); },
      [](const AttentionArgs& one, size_t first, const FloatRows<V>& rows, size_t n) {
        row_scores<V>(one, rows, first, n);
      });
  const size_t dim = args.value_size(), first_key = args.first_key;
  for (size_t t = 0; t < args.n_tokens; ++t) {
    const AttentionArgs& one = tokens[t];
    for (size_t g = 0; g < args.group; ++g)
      softmax_with_sink(one.scores + g * one.n_keys + first_key, one.n_keys - first_key,
                        args.sinks == nullptr ? nullptr : args.sinks + g);
    for (size_t i = 0; i < args.group * dim; ++i) one.out[i] = 0;
  }
  for_each_chunk<V>(
      tokens, args.n_tokens, dim, [&](size_t key) { return args.v_row(key); },
      [](const AttentionArgs& one, size_t first, const FloatRows<V>& rows, size_t n) {
        all_rows<V>(one, rows, first, n);
      });
}

}  // namespace
}  // namespace engramd::engine::cpu
