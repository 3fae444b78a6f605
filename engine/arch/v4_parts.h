// engine/arch/v4_parts.h - what DeepSeek-V4 and V4.1 share: configuration, hyper-connections, the
// projections of the hybrid attention, the mixture.
#pragma once

#include "engine/arch/decoder.h"
#include "engine/blocks/hybrid_attention.h"
#include "engine/blocks/hyper_connection.h"

namespace engramd::engine::arch {

inline constexpr size_t kOverlapRatio = 4;  // groups of four overlap

struct V4Config {
  DecoderConfig base;
  size_t q_rank = 0, n_groups = 0, group_rank = 0, window = 0;
  size_t index_heads = 0, index_dim = 0, index_top_k = 0;  // 0 when nothing is picked
  size_t n_streams = 0, sinkhorn_rounds = 0, n_hash_layers = 0;
  float hyper_epsilon = 0;
  blocks::RopeSpec compressed_rope;
  std::vector<size_t> ratios;  // of each layer, draft layers too; 0: the window only
  std::vector<double> limits, shared_limits;
  bool rounded = true;
  blocks::CacheRounding rounding(blocks::CacheRounding kind) const {
    return rounded ? kind : blocks::CacheRounding::none;
  }
};

// `ratios`: those the family knows beside 0; `picking`: those whose layers pick rows.
Result<V4Config> read_v4_config(const format::ModelFile& file, std::string_view prefix,
                                const BuildOptions& options, std::initializer_list<size_t> ratios,
                                std::initializer_list<size_t> picking);

Result<blocks::HyperWeights> hyper_weights(TensorReader& tensors, const V4Config& c,
                                           const std::string& name, size_t rows, size_t n_scales);
// Everything but the compressed past.
Result<blocks::HybridAttentionWeights> hybrid_attention_weights(TensorReader& tensors,
                                                                const V4Config& c, size_t layer);
// One row for each group of `ratio` tokens, from tensors "<name>_kv.weight" and so on.
Result<blocks::CompressorWeights> v4_compressor(TensorReader& tensors, const V4Config& c,
                                                const std::string& name, size_t ratio,
                                                size_t width);
// The query and weight projections of a layer's indexer.
Result<blocks::IndexerWeights> indexer_weights(TensorReader& tensors, const V4Config& c,
                                               size_t layer);
Result<std::unique_ptr<blocks::Branch>> v4_mixture(TensorReader& tensors, const V4Config& c,
                                                   size_t layer);

using MakeSite = std::unique_ptr<blocks::Block> (*)(const blocks::HyperWeights&,
                                                    const blocks::NormWeights&,
                                                    std::unique_ptr<blocks::Branch>);
// The two sites of a layer, appended.
Status add_sites(TensorReader& tensors, const V4Config& c, size_t layer, MakeSite make,
                 std::unique_ptr<blocks::Branch> attention, std::unique_ptr<blocks::Branch> mixture,
                 std::vector<std::unique_ptr<blocks::Block>>& blocks);

}  // namespace engramd::engine::arch
