// engine/arch/qwen3moe.cpp - Qwen3-MoE (Qwen3-30B-A3B, Qwen3-Coder-30B-A3B): grouped attention with
// per-head norms and a mixture in every layer, no shared expert.
#include "engine/arch/family.h"

namespace engramd::engine::arch {

Result<Network> build_qwen3moe(const format::ModelFile& file) {
  ENGRAMD_TRY(const MoeConfig config, read_moe_config(file, "qwen3moe"));
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, config));
  for (size_t i = 0; i < config.n_layers; ++i) {
    ENGRAMD_TRY(auto attention, attention_block(tensors, config, i, network.kv.type));
    ENGRAMD_TRY(auto mixture, mixture_block(tensors, config, i, 0));
    network.blocks.push_back(std::move(attention));
    network.blocks.push_back(std::move(mixture));
  }
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
