// engine/arch/qwen3.cpp - Qwen3, dense: per-head norms of queries and keys, no biases.
#include "engine/arch/decoder.h"

namespace engramd::engine::arch {

Result<Network> build_qwen3(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(const DecoderConfig config, read_decoder_config(file, "qwen3", options));
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, config));
  for (size_t i = 0; i < config.n_layers; ++i) {
    ENGRAMD_TRY(auto attention, attention_branch(tensors, config, i, {.head_norms = true}));
    ENGRAMD_CHECK(add_residual(tensors, config, layer_prefix(i) + "attn_norm.weight",
                               std::move(attention), network.blocks));
    ENGRAMD_TRY(auto feed_forward, feed_forward_branch(tensors, config, i));
    ENGRAMD_CHECK(add_residual(tensors, config, layer_prefix(i) + "ffn_norm.weight",
                               std::move(feed_forward), network.blocks));
  }
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
