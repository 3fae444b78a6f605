// engine/arch/engramd_moe.cpp - the family of our own small models: Qwen3-MoE's layer plus one
// shared expert that every token uses, and the embedding as output matrix.
#include "engine/arch/decoder.h"

namespace engramd::engine::arch {

Result<Network> build_engramd_moe(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(const DecoderConfig config, read_decoder_config(file, "engramd-moe", options));
  if (config.shared_width == 0)
    return fail(ErrorCode::corrupt,
                "key engramd-moe.expert_shared_feed_forward_length is missing or zero");
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, config));
  for (size_t i = 0; i < config.n_layers; ++i) {
    ENGRAMD_TRY(auto attention, attention_branch(tensors, config, i, {.head_norms = true}));
    ENGRAMD_CHECK(add_residual(tensors, config, layer_prefix(i) + "attn_norm.weight",
                               std::move(attention), network.blocks));
    ENGRAMD_TRY(auto mixture, mixture_branch(tensors, config, i, {}));
    ENGRAMD_CHECK(add_residual(tensors, config, layer_prefix(i) + "ffn_norm.weight",
                               std::move(mixture), network.blocks));
  }
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
