// engine/cpu/operators.h - the arguments of the operators that mix tokens.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engramd::engine::cpu {

// Of a cached row.
enum class KvType { f32, f16, bf16 };

inline size_t kv_element_bytes(KvType type) {
  return type == KvType::f32 ? 4 : 2;
}

// One key-value head of one query token: `group` query heads over the cached positions
// first_key <= key < n_keys.
//   score[g][key] = scale * (q[g] . k[key])
//   out[g] = sum over key of e^score * v[key] / (sum over key of e^score + e^sink[g])
// n_tokens above 1: the same for tokens that follow one another, each of which sees one key more
// than the one before. They share the work of fetching keys and values; the bits are the same.
// Latent attention gives the same pages for keys and values, with value_dim below head_dim: the
// value is the first part of the row.
struct AttentionArgs {
  const float* q = nullptr;  // [group, head_dim]
  size_t group = 0;
  size_t head_dim = 0;   // a multiple of 8
  size_t value_dim = 0;  // of a value and of a row of `out`, a multiple of 8; 0: head_dim
  // Pages of page_keys rows; the last page may be partly used. Pages below first_key are not read.
  // page_keys may be 1: then these are pointers to chosen rows.
  const std::byte* const* k_pages = nullptr;
  const std::byte* const* v_pages = nullptr;
  size_t page_keys = 0, n_keys = 0;
  size_t first_key = 0;
  size_t n_tokens = 1;                      // at most kAttentionTokens
  size_t q_stride = 0, out_stride = 0;      // floats, from token to token
  size_t k_row_bytes = 0, v_row_bytes = 0;  // from row to row in a page; 0: rows lie side by side
  KvType type = KvType::f16;
  float scale = 1;
  const float* sinks = nullptr;  // [group], or null
  float* scores = nullptr;       // scratch, [n_tokens, group, n_keys + n_tokens - 1]
  float* page = nullptr;         // scratch, [kAttentionPage, max(head_dim, value_dim)]
  float* out = nullptr;          // [group, value_dim]

  AttentionArgs of_token(size_t t) const {
    AttentionArgs one = *this;
    one.q += t * q_stride;
    one.out += t * out_stride;
    one.scores += t * group * (n_keys + n_tokens - 1);
    one.n_keys += t;
    one.n_tokens = 1;
    return one;
  }
  size_t value_size() const { return value_dim == 0 ? head_dim : value_dim; }
  size_t k_stride() const {
    return k_row_bytes == 0 ? head_dim * kv_element_bytes(type) : k_row_bytes;
  }
  size_t v_stride() const {
    return v_row_bytes == 0 ? value_size() * kv_element_bytes(type) : v_row_bytes;
  }
  const std::byte* k_row(size_t key) const {
    return k_pages[key / page_keys] + key % page_keys * k_stride();
  }
  const std::byte* v_row(size_t key) const {
    return v_pages[key / page_keys] + key % page_keys * v_stride();
  }
};
inline constexpr size_t kAttentionPage = 64, kAttentionTokens = 8;

// A depthwise causal convolution over a run of tokens, each channel by itself:
//   out[t][c] = sum over j of weights[c][j] * in[t - width + 1 + j][c], optionally silu of it.
// What came before the run is in `state`, oldest first, and the state is brought up to the run's
// end.
struct CausalConvArgs {
  const float* in = nullptr;       // [n_tokens, n_channels]
  const float* weights = nullptr;  // [n_channels, width], the newest input's weight last
  float* state = nullptr;          // [width - 1, n_channels]
  float* out = nullptr;            // [n_tokens, n_channels], not `in`
  size_t n_tokens = 0, n_channels = 0;
  size_t width = 0;  // 2 to 8
  bool silu = false;
};

// The gated delta rule of one head over a run of tokens (Yang et al., arXiv 2412.06464; with a
// decay for each key channel it is Kimi's delta attention). For each token, the state S being [key,
// value]:
//   S = decay * S;  S += beta * k (v - S^T k)^T;  out = S^T q
// The caller has normalised q and k and scaled q.
struct DeltaRuleArgs {
  const float* q = nullptr;  // token t's at q + t * qk_stride, [key_dim]
  const float* k = nullptr;
  const float* v = nullptr;          // at v + t * v_stride, [value_dim]
  const float* log_decay = nullptr;  // at log_decay + t * decay_stride: one, or [key_dim]
  const float* beta = nullptr;       // at beta + t * beta_stride
  float* state = nullptr;            // [key_dim, value_dim]
  float* out = nullptr;              // at out + t * out_stride, [value_dim]
  size_t n_tokens = 0;
  size_t key_dim = 0, value_dim = 0;  // at most 256; value_dim a multiple of 8
  size_t qk_stride = 0, v_stride = 0, decay_stride = 0, beta_stride = 0, out_stride = 0;
  bool decay_per_channel = false;
};

}  // namespace engramd::engine::cpu
