// engine/blocks/feed_forward.h - gated feed-forward, and the activations it shares with experts.
//
//   y = Wdown (act(Wgate x) * Wup x)
#pragma once

#include "engine/blocks/block.h"

namespace engramd::engine::blocks {

// What is done with a row of gates and a row of ups.
struct Activation {
  enum class Kind {
    silu,     // silu(gate) * up
    clamped,  // silu(min(gate, limit)) * clamp(up, -limit, limit)   (DeepSeek-V4)
    gpt_oss,  // g = min(gate, limit), u = clamp(up): g * sigmoid(1.702 g) * (u + 1)
  };
  Kind kind = Kind::silu;
  float limit = 0;

  // gate = act(gate, up), [n].
  void apply(const cpu::Kernels& kernels, float* gate, const float* up, size_t n) const;
};

struct FeedForwardWeights {
  Matrix gate, up, down;
  Activation activation;
};

std::unique_ptr<Branch> make_feed_forward(const FeedForwardWeights& weights);

}  // namespace engramd::engine::blocks
