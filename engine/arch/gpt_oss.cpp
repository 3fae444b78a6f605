// engine/arch/gpt_oss.cpp - gpt-oss (20b, 120b): grouped attention with sinks and biases, a window
// in every other layer beginning with the first, and a mixture with biases whose gates are a
// softmax over the chosen experts only.
#include "engine/arch/decoder.h"

namespace engramd::engine::arch {

Result<Network> build_gpt_oss(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(DecoderConfig config, read_decoder_config(file, "gpt-oss", options));
  ENGRAMD_TRY(const size_t window,
              ConfigReader(file, "gpt-oss").size("attention.sliding_window", 1, size_t(1) << 30));
  // Its YaRN does not round the ends of the ramp ("truncate": false in the model's configuration).
  config.rope.whole_corrections = false;
  constexpr float kLimit = 7;
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, config));
  for (size_t i = 0; i < config.n_layers; ++i) {
    ENGRAMD_TRY(auto attention, attention_branch(tensors, config, i,
                                                 {.biases = true,
                                                  .output_bias = true,
                                                  .sinks = true,
                                                  .window = i % 2 == 0 ? window : 0}));
    ENGRAMD_CHECK(add_residual(tensors, config, layer_prefix(i) + "attn_norm.weight",
                               std::move(attention), network.blocks));
    ENGRAMD_TRY(auto mixture,
                mixture_branch(tensors, config, i,
                               {.gate = blocks::Gate::softmax_of_chosen,
                                .biases = true,
                                .activation = {blocks::Activation::Kind::gpt_oss, kLimit}}));
    ENGRAMD_CHECK(add_residual(tensors, config, layer_prefix(i) + "post_attention_norm.weight",
                               std::move(mixture), network.blocks));
  }
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
