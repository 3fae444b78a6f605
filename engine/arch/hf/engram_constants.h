// engine/arch/hf/engram_constants.h - the numbers that Engram hashes with, which follow from a few
// of the configuration's.
//
// DeepSeek-V4.1 as released (deepseek-ai/Engram, TileKernels' torch/engram.py): each layer has a
// column of rows for each n-gram length from 2 and each head. A column's length is the next prime
// from vocab_size on that no column before it has; multipliers are odd, drawn by numpy's default
// generator seeded with 10007 times the layer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace engramd::engine::arch::hf {

struct EngramShape {
  std::vector<uint32_t> layers;
  uint64_t vocab_size = 0;  // where the primes begin
  uint32_t max_ngram = 0, n_heads = 0;
  uint64_t n_ids = 0;  // compressed ids
};

struct EngramConstants {
  std::vector<uint64_t> multipliers;  // [layer][look-back]
  std::vector<uint64_t> primes;       // [layer][n-gram][head]
  std::vector<uint64_t> offsets;      // the same: where a column begins in its layer's table
};

// An error for sizes beyond any sense.
Result<EngramConstants> engram_constants(const EngramShape& shape);

}  // namespace engramd::engine::arch::hf
