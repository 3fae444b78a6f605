// engine/arch/engramd_moe.cpp - the family of our own small models: Qwen3-MoE's layer plus one
// shared expert that every token uses, and the embedding as output matrix.
#include "engine/arch/family.h"

namespace engramd::engine::arch {

Result<Network> build_engramd_moe(const format::ModelFile& file) {
  ENGRAMD_TRY(const MoeConfig config, read_moe_config(file, "engramd-moe"));
  ENGRAMD_TRY(const size_t shared_width,
              ConfigReader(file, "engramd-moe")
                  .size("expert_shared_feed_forward_length", 1, size_t(1) << 20));
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, config));
  for (size_t i = 0; i < config.n_layers; ++i) {
    ENGRAMD_TRY(auto attention, attention_block(tensors, config, i, network.kv.type));
    ENGRAMD_TRY(auto mixture, mixture_block(tensors, config, i, shared_width));
    network.blocks.push_back(std::move(attention));
    network.blocks.push_back(std::move(mixture));
  }
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
