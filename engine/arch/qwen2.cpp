// engine/arch/qwen2.cpp - Qwen2 and Qwen2.5 (Qwen2.5-Coder): dense, with biases on queries, keys
// and values.
#include "engine/arch/decoder.h"

namespace engramd::engine::arch {

Result<Network> build_qwen2(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(const DecoderConfig config, read_decoder_config(file, "qwen2", options));
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, config));
  ENGRAMD_CHECK(add_plain_layers(tensors, config, {.biases = true}, nullptr, network));
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
