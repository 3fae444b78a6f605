// engine/arch/engram_parts.h - the Engram tables in front of some layers, as files describe them:
// keys "<architecture>.engram.*" and tensors "blk.<layer>.engram_*".
#pragma once

#include "engine/arch/decoder.h"

namespace engramd::engine::arch {

struct EngramConfig {
  std::vector<size_t> layers;  // rising; empty: the file has none
  size_t n_heads = 0, row_dim = 0, max_ngram = 0;
  // Of each of `layers`, one after the other: max_ngram multipliers, (max_ngram - 1) n_heads
  // primes and as many offsets.
  std::vector<int64_t> multipliers, primes, offsets;
  std::vector<int32_t> token_map;  // compressed id of each token
  int64_t pad = 0;                 // compressed
};

// What a file without a token map means.
enum class NoTokenMap { corrupt, identity };

// Without the key engram.layer_ids: no layers.
Result<EngramConfig> read_engram(const format::ModelFile& file, std::string_view prefix,
                                 const DecoderConfig& base, NoTokenMap no_token_map);

// Layer numbers, rising, each below n_layers. `key` is the whole key.
Result<std::vector<size_t>> rising_layers(const format::ModelFile& file, const std::string& key,
                                          size_t n_layers);

// Appends the block in front of `layer`, if there is one. token_map outlives the block.
Status add_engram(TensorReader& tensors, const EngramConfig& config, const DecoderConfig& base,
                  size_t n_streams, size_t layer, std::span<const int32_t> token_map,
                  std::vector<std::unique_ptr<blocks::Block>>& blocks);

}  // namespace engramd::engine::arch
