// engine/arch/deepseek4.cpp - DeepSeek-V4 (Flash, Pro): hyper-connections around a hybrid attention
// and a mixture whose first layers are routed by a table.
#include "engine/arch/v4_parts.h"

namespace engramd::engine::arch {
namespace {

using blocks::CacheRounding;

Result<std::unique_ptr<blocks::Branch>> attention(TensorReader& tensors, const V4Config& c,
                                                  size_t layer) {
  const std::string prefix = layer_prefix(layer);
  ENGRAMD_TRY(auto w, hybrid_attention_weights(tensors, c, layer));
  w.rounding = c.rounding(CacheRounding::e4m3_64);
  if (w.past_ratio == 0) return blocks::make_hybrid_attention(w, c.base.kv_type);
  ENGRAMD_TRY(w.compressor,
              v4_compressor(tensors, c, prefix + "attn_compressor", w.past_ratio, c.base.head_dim));
  w.compressor->rounding = w.rounding;
  if (w.past_ratio == kOverlapRatio) {
    ENGRAMD_TRY(w.index_keys, v4_compressor(tensors, c, prefix + "indexer_compressor", w.past_ratio,
                                            c.index_dim));
    ENGRAMD_TRY(w.indexer, indexer_weights(tensors, c, layer));
    w.index_keys->rounding = w.indexer->rounding;
    // Without rounding the rotation changes nothing.
    w.index_keys->hadamard = w.indexer->hadamard = c.rounded;
  }
  return blocks::make_hybrid_attention(w, c.base.kv_type);
}

}  // namespace

Result<Network> build_deepseek4(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(const V4Config c,
              read_v4_config(file, "deepseek4", options, {kOverlapRatio, 128}, {kOverlapRatio}));
  if (c.index_dim != 0 && (c.index_dim & (c.index_dim - 1)) != 0)
    return fail(ErrorCode::corrupt, "index keys of " + std::to_string(c.index_dim) +
                                        " elements, expected a power of two");
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, c.base));
  network.n_streams = c.n_streams;
  ENGRAMD_CHECK(begin_drafts(tensors, c.base, options, network));
  const auto add_layer = [&](size_t i, std::vector<std::unique_ptr<blocks::Block>>& to) -> Status {
    ENGRAMD_TRY(auto attention_branch, attention(tensors, c, i));
    ENGRAMD_TRY(auto mixture, v4_mixture(tensors, c, i));
    return add_sites(tensors, c, i, blocks::make_hyper_connection, std::move(attention_branch),
                     std::move(mixture), to);
  };
  for (size_t i = 0; i < c.base.n_layers; ++i) ENGRAMD_CHECK(add_layer(i, network.blocks));
  ENGRAMD_TRY(const auto head, hyper_weights(tensors, c, "output_hc", c.n_streams, 1));
  network.head.collapse = blocks::make_hyper_collapse(head);
  if (network.drafts) {
    ENGRAMD_CHECK(add_layer(c.base.n_layers, network.drafts->blocks));
    // Checkpoints have a collapse for the draft layer too; files in this format have no place for
    // it, and the network's serves both.
    network.drafts->head.collapse = blocks::make_hyper_collapse(head);
  }
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
