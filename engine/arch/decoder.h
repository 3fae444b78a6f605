// engine/arch/decoder.h - what decoder families share: configuration keys, and branches whose
// tensors have the usual names. A family says which parts it has; a part that is missing in the
// file, or that the family does not know, is an error.
#pragma once

#include <string>

#include "engine/arch/family.h"
#include "engine/blocks/attention.h"
#include "engine/blocks/mixture.h"
#include "engine/blocks/residual.h"

namespace engramd::engine::arch {

struct DecoderConfig {
  size_t n_layers = 0;  // without the n_draft_layers behind them
  size_t n_draft_layers = 0;
  size_t d_model = 0, n_vocab = 0, context_length = 0;
  size_t n_heads = 0, n_kv_heads = 0, head_dim = 0, value_dim = 0;
  size_t width = 0;  // of the dense feed-forward; 0 when the file has none
  size_t n_experts = 0, n_experts_used = 0, expert_width = 0;  // 0 when it has none
  size_t shared_width = 0;                                     // all shared experts together
  size_t n_dense_layers = 0;                                   // leading ones without experts
  bool renormalise = true;
  float expert_scale = 1;
  float epsilon = 0;
  blocks::RopeSpec rope;
  cpu::KvType kv_type = cpu::KvType::f16;

  blocks::NormWeights norm(const float* weight) const { return {weight, d_model, epsilon}; }
};

// Keys of the usual names. Sizes are within several times those of the largest published models,
// so that products of a few of them stay far from overflow.
Result<DecoderConfig> read_decoder_config(const format::ModelFile& file, std::string_view prefix,
                                          const BuildOptions& options);

inline std::string layer_prefix(size_t i) {
  return "blk." + std::to_string(i) + ".";
}

// Which parts the attention of a family has.
struct AttentionParts {
  bool biases = false;  // of q, k and v
  bool output_bias = false;
  bool head_norms = false;  // of q and k
  bool gated = false;
  bool sinks = false;
  size_t window = 0;
  blocks::RopePairs pairs = blocks::RopePairs::halves;
};
Result<std::unique_ptr<blocks::Branch>> attention_branch(TensorReader& tensors,
                                                         const DecoderConfig& c, size_t layer,
                                                         const AttentionParts& parts);
Result<std::unique_ptr<blocks::Branch>> feed_forward_branch(TensorReader& tensors,
                                                            const DecoderConfig& c, size_t layer);

struct MixtureParts {
  blocks::Gate gate = blocks::Gate::softmax;
  bool selection_bias = false;  // exp_probs_b
  bool hashed = false;          // ffn_gate_tid2eid: a table chooses by token
  bool biases = false;          // of the router and the experts
  bool shared_gate = false;
  blocks::Activation activation, shared_activation;
  size_t n_groups = 1, n_groups_used = 1;
};
Result<std::unique_ptr<blocks::Branch>> mixture_branch(TensorReader& tensors,
                                                       const DecoderConfig& c, size_t layer,
                                                       const MixtureParts& parts);

// branch behind its norm, appended.
Status add_residual(TensorReader& tensors, const DecoderConfig& c, const std::string& norm_name,
                    std::unique_ptr<blocks::Branch> branch,
                    std::vector<std::unique_ptr<blocks::Block>>& blocks);

// Embedding, last norm and output matrix (the embedding again when the file has no
// output.weight), and the sizes.
Result<Network> begin_network(TensorReader& tensors, const DecoderConfig& c);
// Where the file has a draft layer and the options ask for it: everything of it but its blocks,
// which the family appends; they are layer c.n_layers. Of several draft layers the first. Else
// network.drafts stays empty and the layer is skipped.
Status begin_drafts(TensorReader& tensors, const DecoderConfig& c, const BuildOptions& options,
                    Network& network);
// The usual layer, n_layers times: attention, then a feed-forward or (given its parts) a mixture,
// each behind a norm of its own.
Status add_plain_layers(TensorReader& tensors, const DecoderConfig& c, const AttentionParts& parts,
                        const MixtureParts* mixture, Network& network);
// Counts parameters and checks that every tensor was taken.
Status finish_network(const TensorReader& tensors, Network& network);

}  // namespace engramd::engine::arch
