// engine/blocks/residual.h - the plain pre-norm residual connection: h += branch(rms_norm(h)).
#pragma once

#include <memory>

#include "engine/blocks/block.h"

namespace engramd::engine::blocks {

struct NormWeights {
  const float* weight = nullptr;  // [n]
  size_t n = 0;                   // d_model
  float epsilon = 0;
};

std::unique_ptr<Block> make_residual(const NormWeights& norm, std::unique_ptr<Branch> branch);

}  // namespace engramd::engine::blocks
