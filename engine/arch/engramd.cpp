// engine/arch/engramd.cpp - the family of the model that ships, a small one in which everything the
// engine has meets: hyper-connected streams, attention over a window and a compressed past in turn
// with plain attention over everything, a mixture of experts, Engram tables in front of some
// layers.
//
// Each of the four can be left out, by leaving out its keys: the models that are trained to see
// what a part is worth are of this family too.
//   hyper_connection.count     absent: a plain residual stream
//   expert_count               absent: a dense feed-forward
//   engram.layer_ids           absent: no Engram tables
//   attention.compress_ratios  per layer: 4, or 0 for plain attention
// docs/formats/engramd-model.md lists keys and tensors.
#include "engine/arch/engram_parts.h"
#include "engine/arch/v4_parts.h"

namespace engramd::engine::arch {
namespace {

constexpr std::string_view kName = "engramd";
// Up to here everything is kept, about a kilobyte a token and hybrid layer more than the window
// needs: a text that changes far from its end is cut there, and not read again.
constexpr size_t kShortContext = 8192;

struct EngramdConfig {
  V4Config v4;
  EngramConfig engram;
  bool is_hybrid(size_t layer) const { return v4.ratios[layer] != 0; }
  bool is_hyper() const { return v4.n_streams > 1; }
};

// What only layers with a compressed past have.
Status read_hybrid(const ConfigReader& keys, V4Config& c) {
  ENGRAMD_TRY(c.q_rank, keys.size("attention.q_lora_rank", 8, 65536));
  ENGRAMD_TRY(c.n_groups, keys.size("attention.output_group_count", 1, 1024));
  ENGRAMD_TRY(c.group_rank, keys.size("attention.output_lora_rank", 8, 65536));
  ENGRAMD_TRY(c.window, keys.size("attention.sliding_window", 1, 1 << 20));
  if (c.base.n_heads % c.n_groups != 0)
    return fail(ErrorCode::corrupt, std::to_string(c.base.n_heads) + " attention heads in " +
                                        std::to_string(c.n_groups) +
                                        " output groups, expected as many in each");
  c.compressed_rope = c.base.rope;
  ENGRAMD_TRY(c.compressed_rope.n_rotated,
              keys.size("rope.dimension_count_compressed", 2, c.base.head_dim));
  if (c.compressed_rope.n_rotated % 2 != 0)
    return fail(ErrorCode::corrupt, std::to_string(c.compressed_rope.n_rotated) +
                                        " rotated elements of a head, expected an even number");
  return {};
}

Result<EngramdConfig> read_config(const format::ModelFile& file, const BuildOptions& options) {
  const ConfigReader keys(file, kName);
  EngramdConfig c;
  V4Config& v4 = c.v4;
  ENGRAMD_TRY(v4.base, read_decoder_config(file, kName, options));
  if (v4.base.n_draft_layers != 0 || v4.base.n_dense_layers != 0)
    return fail(ErrorCode::unsupported,
                "this architecture has no draft layers, and experts in every layer or in none");
  // Contexts are short: four bytes an element are some megabytes, and no time goes into turning two
  // into four.
  v4.base.kv_type = options.kv_type.value_or(cpu::KvType::f32);
  v4.rounded = false;
  v4.n_streams = 1;
  ENGRAMD_TRY(v4.ratios, keys.sizes("attention.compress_ratios", v4.base.n_layers, 0, 128));
  bool any_hybrid = false;
  for (const size_t ratio : v4.ratios) {
    if (ratio != 0 && ratio != kOverlapRatio)
      return fail(ErrorCode::unsupported, "a compression ratio of " + std::to_string(ratio) +
                                              " is not one that this family has");
    any_hybrid |= ratio != 0;
  }
  if (any_hybrid) ENGRAMD_CHECK(read_hybrid(keys, v4));
  if (keys.has("hyper_connection.count")) {
    ENGRAMD_TRY(v4.n_streams, keys.size("hyper_connection.count", 2, 8));
    ENGRAMD_TRY(v4.sinkhorn_rounds, keys.size("hyper_connection.sinkhorn_iterations", 1, 100));
    ENGRAMD_TRY(const double epsilon, keys.number("hyper_connection.epsilon", 0, 1));
    v4.hyper_epsilon = float(epsilon);
  }
  ENGRAMD_TRY(c.engram, read_engram(file, kName, v4.base, NoTokenMap::identity));
  return c;
}

Result<std::unique_ptr<blocks::Branch>> attention(TensorReader& tensors, const EngramdConfig& c,
                                                  size_t layer) {
  if (!c.is_hybrid(layer)) return attention_branch(tensors, c.v4.base, layer, {.head_norms = true});
  ENGRAMD_TRY(auto w, hybrid_attention_weights(tensors, c.v4, layer));
  w.keep_all = c.v4.base.context_length <= kShortContext;
  // Groups overlap, and all complete ones are looked at: a context of a thousand tokens has 256.
  ENGRAMD_TRY(w.compressor, v4_compressor(tensors, c.v4, layer_prefix(layer) + "attn_compressor",
                                          w.past_ratio, c.v4.base.head_dim));
  w.compressor->keep_all = w.keep_all;
  return blocks::make_hybrid_attention(w, c.v4.base.kv_type);
}

Result<std::unique_ptr<blocks::Branch>> feed_forward(TensorReader& tensors, const EngramdConfig& c,
                                                     size_t layer) {
  if (c.v4.base.n_experts == 0) return feed_forward_branch(tensors, c.v4.base, layer);
  MixtureParts parts;
  parts.gate = blocks::Gate::sqrt_softplus;
  parts.selection_bias = true;
  return mixture_branch(tensors, c.v4.base, layer, parts);
}

Status add_layer(TensorReader& tensors, const EngramdConfig& c, size_t i,
                 std::vector<std::unique_ptr<blocks::Block>>& to) {
  ENGRAMD_TRY(auto attention_branch, attention(tensors, c, i));
  ENGRAMD_TRY(auto feed_forward_branch, feed_forward(tensors, c, i));
  if (c.is_hyper())
    return add_sites(tensors, c.v4, i, blocks::make_hyper_connection, std::move(attention_branch),
                     std::move(feed_forward_branch), to);
  const std::string prefix = layer_prefix(i);
  ENGRAMD_CHECK(add_residual(tensors, c.v4.base, prefix + "attn_norm.weight",
                             std::move(attention_branch), to));
  return add_residual(tensors, c.v4.base, prefix + "ffn_norm.weight",
                      std::move(feed_forward_branch), to);
}

}  // namespace

Result<Network> build_engramd(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(EngramdConfig c, read_config(file, options));
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, c.v4.base));
  network.n_streams = c.v4.n_streams;
  network.token_map = std::make_unique<std::vector<int32_t>>(std::move(c.engram.token_map));
  for (size_t i = 0; i < c.v4.base.n_layers; ++i) {
    ENGRAMD_CHECK(add_engram(tensors, c.engram, c.v4.base, c.v4.n_streams, i, *network.token_map,
                             network.blocks));
    ENGRAMD_CHECK(add_layer(tensors, c, i, network.blocks));
  }
  if (c.is_hyper()) {
    ENGRAMD_TRY(const auto head, hyper_weights(tensors, c.v4, "output_hc", c.v4.n_streams, 1));
    network.head.collapse = blocks::make_hyper_collapse(head);
  }
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
