// engine/arch/qwen3moe.cpp - Qwen3-MoE (Qwen3-30B-A3B, Qwen3-Coder-30B-A3B): grouped attention with
// per-head norms and a mixture in every layer, no shared expert.
#include "engine/arch/decoder.h"

namespace engramd::engine::arch {

Result<Network> build_qwen3moe(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(const DecoderConfig config, read_decoder_config(file, "qwen3moe", options));
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, config));
  const MixtureParts mixture;
  ENGRAMD_CHECK(add_plain_layers(tensors, config, {.head_norms = true}, &mixture, network));
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
