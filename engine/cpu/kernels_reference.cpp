// engine/cpu/kernels_reference.cpp - the slow obvious version of everything but matrix products.
#include "engine/cpu/kernels_reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace engramd::engine::cpu {
namespace {

void rms_norm(const float* x, const float* weight, size_t n, float eps, float* out) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += double(x[i]) * double(x[i]);
  const auto scale = float(1.0 / std::sqrt(sum / double(n) + double(eps)));
  for (size_t i = 0; i < n; ++i) out[i] = x[i] * scale * (weight == nullptr ? 1 : weight[i]);
}

void l2_norm(float* x, size_t n, float eps) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += double(x[i]) * double(x[i]);
  const auto scale = float(1.0 / std::max(std::sqrt(sum), double(eps)));
  for (size_t i = 0; i < n; ++i) x[i] *= scale;
}

void rope_neox(float* x, size_t n, const float* cos, const float* sin) {
  for (size_t i = 0; i < n / 2; ++i) {
    const float a = x[i], b = x[i + n / 2];
    x[i] = a * cos[i] - b * sin[i];
    x[i + n / 2] = a * sin[i] + b * cos[i];
  }
}

void rope_interleaved(float* x, size_t n, const float* cos, const float* sin, bool inverse) {
  for (size_t i = 0; i < n / 2; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1], s = inverse ? -sin[i] : sin[i];
    x[2 * i] = a * cos[i] - b * s;
    x[2 * i + 1] = a * s + b * cos[i];
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

float sigmoid_of(float x) {
  return 1.0f / (1.0f + std::exp(-x));
}

void silu_multiply(float* gate, const float* up, size_t n) {
  for (size_t i = 0; i < n; ++i) gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

void silu_multiply_clamped(float* gate, const float* up, size_t n, float limit) {
  for (size_t i = 0; i < n; ++i) {
    const float g = std::min(gate[i], limit);
    gate[i] = g / (1.0f + std::exp(-g)) * std::clamp(up[i], -limit, limit);
  }
}

void swiglu_oss(float* gate, const float* up, size_t n, float alpha, float limit) {
  for (size_t i = 0; i < n; ++i) {
    const float g = std::min(gate[i], limit);
    gate[i] = g / (1.0f + std::exp(-alpha * g)) * (std::clamp(up[i], -limit, limit) + 1.0f);
  }
}

void sigmoid(float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] = sigmoid_of(x[i]);
}

void silu(float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] = x[i] / (1.0f + std::exp(-x[i]));
}

// log(1 + e^x) without overflow, and exact where e^x is small.
float softplus_of(float x) {
  return std::max(x, 0.0f) + std::log1p(std::exp(-std::fabs(x)));
}

void softplus(float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] = softplus_of(x[i]);
}

void sqrt_softplus(float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] = std::sqrt(softplus_of(x[i]));
}

void add_scaled(float* out, const float* x, float scale, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] += scale * x[i];
}

void hadamard(float* x, size_t n) {
  for (size_t half = 1; half < n; half *= 2)
    for (size_t i = 0; i < n; ++i)
      if ((i & half) == 0) {
        const float a = x[i], b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
  const float scale = 1.0f / std::sqrt(float(n));
  for (size_t i = 0; i < n; ++i) x[i] *= scale;
}

void to_f16(const float* x, size_t n, std::byte* out) {
  for (size_t i = 0; i < n; ++i) quant::store_u16(out + 2 * i, quant::float_to_half(x[i]));
}

void to_bf16(const float* x, size_t n, std::byte* out) {
  for (size_t i = 0; i < n; ++i) quant::store_u16(out + 2 * i, quant::float_to_bf16(x[i]));
}

float element(const std::byte* row, size_t i, KvType type) {
  if (type == KvType::f16) return quant::half_to_float(quant::load_u16(row + 2 * i));
  if (type == KvType::bf16) return quant::bf16_to_float(quant::load_u16(row + 2 * i));
  float value;
  std::memcpy(&value, row + 4 * i, sizeof value);
  return value;
}

void attention(const AttentionArgs& args) {
  if (args.n_tokens > 1) {
    for (size_t t = 0; t < args.n_tokens; ++t) attention(args.of_token(t));
    return;
  }
  const size_t d = args.head_dim, dv = args.value_size();
  for (size_t g = 0; g < args.group; ++g) {
    float* scores = args.scores + g * args.n_keys;
    float largest = args.sinks == nullptr ? -INFINITY : args.sinks[g];
    for (size_t key = args.first_key; key < args.n_keys; ++key) {
      double sum = 0;
      for (size_t i = 0; i < d; ++i)
        sum += double(args.q[g * d + i]) * double(element(args.k_row(key), i, args.type));
      scores[key] = float(sum) * args.scale;
      largest = std::max(largest, scores[key]);
    }
    double total = args.sinks == nullptr ? 0 : std::exp(double(args.sinks[g]) - largest);
    for (size_t key = args.first_key; key < args.n_keys; ++key) {
      scores[key] = std::exp(scores[key] - largest);
      total += double(scores[key]);
    }
    for (size_t i = 0; i < dv; ++i) {
      double sum = 0;
      for (size_t key = args.first_key; key < args.n_keys; ++key)
        sum += double(scores[key]) / total * double(element(args.v_row(key), i, args.type));
      args.out[g * dv + i] = float(sum);
    }
  }
}

void causal_conv(const CausalConvArgs& args) {
  const size_t n = args.n_channels, before = args.width - 1;
  for (size_t t = 0; t < args.n_tokens; ++t) {
    for (size_t c = 0; c < n; ++c) {
      double sum = 0;
      for (size_t j = 0; j < before; ++j)
        sum += double(args.weights[c * args.width + j]) * double(args.state[j * n + c]);
      sum += double(args.weights[c * args.width + before]) * double(args.in[t * n + c]);
      args.out[t * n + c] = args.silu ? float(sum / (1 + std::exp(-sum))) : float(sum);
    }
    std::memmove(args.state, args.state + n, (before - 1) * n * sizeof(float));
    std::memcpy(args.state + (before - 1) * n, args.in + t * n, n * sizeof(float));
  }
}

void delta_rule(const DeltaRuleArgs& args) {
  for (size_t t = 0; t < args.n_tokens; ++t) {
    const float* q = args.q + t * args.qk_stride;
    const float* k = args.k + t * args.qk_stride;
    const float* v = args.v + t * args.v_stride;
    const float* log_decay = args.log_decay + t * args.decay_stride;
    const float beta = args.beta[t * args.beta_stride];
    float* out = args.out + t * args.out_stride;
    for (size_t i = 0; i < args.key_dim; ++i) {
      const float decay = std::exp(log_decay[args.decay_per_channel ? i : 0]);
      for (size_t j = 0; j < args.value_dim; ++j) args.state[i * args.value_dim + j] *= decay;
    }
    for (size_t j = 0; j < args.value_dim; ++j) {
      double recalled = 0, sum = 0;
      for (size_t i = 0; i < args.key_dim; ++i)
        recalled += double(args.state[i * args.value_dim + j]) * double(k[i]);
      const auto change = float((double(v[j]) - recalled) * double(beta));
      for (size_t i = 0; i < args.key_dim; ++i) {
        float& s = args.state[i * args.value_dim + j];
        s += k[i] * change;
        sum += double(s) * double(q[i]);
      }
      out[j] = float(sum);
    }
  }
}

}  // namespace

const Kernels& reference_kernels() {
  static const Kernels kernels = [] {
    Kernels k{};
    k.name = "reference";
    set_reference_matmuls(k);
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
    k.attention = attention;
    k.causal_conv = causal_conv;
    k.delta_rule = delta_rule;
    return k;
  }();
  return kernels;
}

}  // namespace engramd::engine::cpu
