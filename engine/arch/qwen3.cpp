// engine/arch/qwen3.cpp - Qwen3, dense: per-head norms of queries and keys, no biases.
#include "engine/arch/decoder.h"

namespace engramd::engine::arch {

Result<Network> build_qwen3(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(const DecoderConfig config, read_decoder_config(file, "qwen3", options));
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, config));
  ENGRAMD_CHECK(add_plain_layers(tensors, config, {.head_norms = true}, nullptr, network));
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
