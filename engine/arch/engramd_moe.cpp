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
  const MixtureParts mixture;
  ENGRAMD_CHECK(add_plain_layers(tensors, config, {.head_norms = true}, &mixture, network));
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
