// engine/cpu/kernels_reference.cpp - the slow obvious version: what every other table must compute.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/cpu/kernels.h"

namespace engramd::engine::cpu {
namespace {

using quant::half_to_float;
using quant::load_u16;

float dot_f32(const std::byte* w, const std::byte* x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    float a, b;
    std::memcpy(&a, w + 4 * i, 4);
    std::memcpy(&b, x + 4 * i, 4);
    sum += double(a) * double(b);
  }
  return float(sum);
}

float dot_f16(const std::byte* w, const std::byte* x, size_t n) {
  const auto* b = reinterpret_cast<const float*>(x);
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += double(half_to_float(load_u16(w + 2 * i))) * double(b[i]);
  return float(sum);
}

float dot_bf16(const std::byte* w, const std::byte* x, size_t n) {
  const auto* b = reinterpret_cast<const float*>(x);
  double sum = 0;
  for (size_t i = 0; i < n; ++i)
    sum += double(quant::bf16_to_float(load_u16(w + 2 * i))) * double(b[i]);
  return float(sum);
}

float dot_q8_0(const std::byte* w, const std::byte* x, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockQ8_32*>(x);
  double sum = 0;
  for (size_t b = 0; b < n / 32; ++b, w += quant::kQ8_0Bytes) {
    int products = 0;
    for (size_t i = 0; i < 32; ++i) products += int(int8_t(w[2 + i])) * int(blocks[b].q[i]);
    sum += double(half_to_float(load_u16(w))) * double(blocks[b].d) * products;
  }
  return float(sum);
}

float dot_q4_k(const std::byte* w, const std::byte* x, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockQ8_256*>(x);
  double sum = 0;
  for (size_t b = 0; b < n / 256; ++b, w += quant::kQ4_KBytes) {
    uint8_t scales[16];
    quant::unpack_q4_k_scales(w + 4, scales);
    int products = 0, mins = 0;
    for (size_t sub = 0; sub < 8; ++sub) {
      int sub_sum = 0;
      for (size_t i = 0; i < 32; ++i) {
        const auto byte = uint8_t(w[16 + (sub / 2) * 32 + i]);
        sub_sum += (sub % 2 == 0 ? byte & 15 : byte >> 4) * int(blocks[b].q[sub * 32 + i]);
      }
      products += scales[sub] * sub_sum;
      mins += scales[8 + sub] * (blocks[b].sums[2 * sub] + blocks[b].sums[2 * sub + 1]);
    }
    sum += double(blocks[b].d) * (double(half_to_float(load_u16(w))) * products -
                                  double(half_to_float(load_u16(w + 2))) * mins);
  }
  return float(sum);
}

float dot_q6_k(const std::byte* w, const std::byte* x, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockQ8_256*>(x);
  double sum = 0;
  for (size_t b = 0; b < n / 256; ++b, w += quant::kQ6_KBytes) {
    int products = 0;
    for (size_t i = 0; i < 256; ++i) {
      const size_t half = i / 128, group = (i % 128) / 32, within = i % 32;
      const auto low = uint8_t(w[half * 64 + (group % 2) * 32 + within]);
      const auto high = uint8_t(w[128 + half * 32 + within]);
      const int q = (group < 2 ? low & 15 : low >> 4) | (((high >> (2 * group)) & 3) << 4);
      products += int(int8_t(w[192 + i / 16])) * (q - 32) * int(blocks[b].q[i]);
    }
    sum += double(blocks[b].d) * double(half_to_float(load_u16(w + 208))) * products;
  }
  return float(sum);
}

template <float (*dot)(const std::byte*, const std::byte*, size_t)>
void matmul(const MatmulArgs& args) {
  for (size_t c = 0; c < args.n_columns; ++c)
    for (size_t r = args.row_begin; r < args.row_end; ++r)
      args.out[c][r] = dot(args.weights + r * args.row_bytes, args.activations[c], args.n);
}

// Scale to +-127 by the largest magnitude, round to nearest even. A block of hardly anything is
// zero, since 127 / largest would be infinite; not-a-number becomes -127.
float quantise_block(const float* x, size_t n, int8_t* q) {
  float largest = 0;
  for (size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
  const float inverse = largest > 1e-30f ? 127.0f / largest : 0.0f;
  for (size_t i = 0; i < n; ++i) {
    const float rounded = std::nearbyint(x[i] * inverse);
    q[i] = int8_t(rounded > -127.0f ? std::min(rounded, 127.0f) : -127.0f);
  }
  return largest / 127.0f;
}

void quantise_q8_32(const float* x, size_t n, BlockQ8_32* out) {
  for (size_t b = 0; b < n / 32; ++b) out[b].d = quantise_block(x + 32 * b, 32, out[b].q);
}

void quantise_q8_256(const float* x, size_t n, BlockQ8_256* out) {
  for (size_t b = 0; b < n / 256; ++b) {
    out[b].d = quantise_block(x + 256 * b, 256, out[b].q);
    for (size_t s = 0; s < 16; ++s) {
      int sum = 0;
      for (size_t i = 0; i < 16; ++i) sum += out[b].q[16 * s + i];
      out[b].sums[s] = int16_t(sum);
    }
  }
}

void rms_norm(const float* x, const float* weight, size_t n, float eps, float* out) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += double(x[i]) * double(x[i]);
  const auto scale = float(1.0 / std::sqrt(sum / double(n) + double(eps)));
  for (size_t i = 0; i < n; ++i) out[i] = x[i] * scale * weight[i];
}

void rope_neox(float* x, size_t n, const float* cos, const float* sin) {
  for (size_t i = 0; i < n / 2; ++i) {
    const float a = x[i], b = x[i + n / 2];
    x[i] = a * cos[i] - b * sin[i];
    x[i + n / 2] = a * sin[i] + b * cos[i];
  }
}

void softmax(float* x, size_t n) {
  float largest = x[0];
  for (size_t i = 1; i < n; ++i) largest = std::max(largest, x[i]);
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    x[i] = std::exp(x[i] - largest);
    sum += double(x[i]);
  }
  for (size_t i = 0; i < n; ++i) x[i] = float(double(x[i]) / sum);
}

void silu_multiply(float* gate, const float* up, size_t n) {
  for (size_t i = 0; i < n; ++i) gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

void to_f16(const float* x, size_t n, std::byte* out) {
  for (size_t i = 0; i < n; ++i) {
    const uint16_t h = quant::float_to_half(x[i]);
    std::memcpy(out + 2 * i, &h, sizeof h);
  }
}

void attention(const AttentionArgs& args) {
  const size_t d = args.head_dim;
  const auto element = [&](const std::byte* const* pages, size_t key, size_t i) {
    const std::byte* page = pages[key / args.page_keys];
    const size_t index = (key % args.page_keys) * d + i;
    if (args.type == KvType::f16) return half_to_float(load_u16(page + 2 * index));
    float value;
    std::memcpy(&value, page + 4 * index, sizeof value);
    return value;
  };
  for (size_t g = 0; g < args.group; ++g) {
    float* scores = args.scores + g * args.n_keys;
    for (size_t key = 0; key < args.n_keys; ++key) {
      double sum = 0;
      for (size_t i = 0; i < d; ++i)
        sum += double(args.q[g * d + i]) * double(element(args.k_pages, key, i));
      scores[key] = float(sum) * args.scale;
    }
    softmax(scores, args.n_keys);
    for (size_t i = 0; i < d; ++i) {
      double sum = 0;
      for (size_t key = 0; key < args.n_keys; ++key)
        sum += double(scores[key]) * double(element(args.v_pages, key, i));
      args.out[g * d + i] = float(sum);
    }
  }
}

}  // namespace

const Kernels& reference_kernels() {
  static const Kernels kernels = {
      "reference",      matmul<dot_f32>,  matmul<dot_f16>, matmul<dot_bf16>, matmul<dot_q8_0>,
      matmul<dot_q4_k>, matmul<dot_q6_k>, quantise_q8_32,  quantise_q8_256,  rms_norm,
      rope_neox,        softmax,          silu_multiply,   to_f16,           attention};
  return kernels;
}

}  // namespace engramd::engine::cpu
