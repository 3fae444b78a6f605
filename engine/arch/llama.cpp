// engine/arch/llama.cpp - Llama 2 and 3, and what calls itself so: dense, rotary positions of
// neighbouring elements (files hold the rows of q and k in that order), and from Llama 3.1 on
// frequencies divided by the factors in rope_freqs.weight.
#include "engine/arch/decoder.h"

namespace engramd::engine::arch {

Result<Network> build_llama(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(DecoderConfig config, read_decoder_config(file, "llama", options));
  TensorReader tensors(file);
  ENGRAMD_TRY(config.rope.divisors,
              tensors.vector_if_there("rope_freqs.weight", config.rope.n_rotated / 2));
  ENGRAMD_TRY(Network network, begin_network(tensors, config));
  ENGRAMD_CHECK(add_plain_layers(tensors, config, {.pairs = blocks::RopePairs::neighbours}, nullptr,
                                 network));
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
