// engine/arch/deepseek41.cpp - DeepSeek-V4.1 (Flash), text: V4 with compressed streams that layers
// share, an index in two levels, single-pass hyper-connections and Engram tables.
#include <algorithm>

#include "engine/arch/engram_parts.h"
#include "engine/arch/v4_parts.h"

namespace engramd::engine::arch {
namespace {

using blocks::CacheRounding;

struct V41Config {
  V4Config v4;
  EngramConfig engram;
  std::vector<size_t> row_sources, index_sources;
  size_t candidate_source = SIZE_MAX, n_candidate_blocks = 0, candidate_block = 0;
};

bool contains(const std::vector<size_t>& layers, size_t layer) {
  return std::find(layers.begin(), layers.end(), layer) != layers.end();
}

// Published files leave these out and mean 2048 blocks of eight rows, chosen by the first index
// layer whose groups are single tokens.
Status read_candidates(const ConfigReader& keys, V41Config& c) {
  const auto either = [&](const char* a, const char* b) { return keys.has(a) ? a : b; };
  ENGRAMD_TRY(c.n_candidate_blocks, keys.size_or(either("attention.indexer.candidate_top_k",
                                                        "attention.candidate_topk_blocks"),
                                                 2048, 1, 1 << 20));
  ENGRAMD_TRY(c.candidate_block, keys.size_or(either("attention.indexer.candidate_block_size",
                                                     "attention.candidate_block_size"),
                                              8, 1, 64));
  if (64 % c.candidate_block != 0)
    return fail(ErrorCode::unsupported, "candidate blocks of " + std::to_string(c.candidate_block) +
                                            " rows, expected a divisor of 64");
  for (const size_t layer : c.index_sources)
    if (c.candidate_source == SIZE_MAX && c.v4.ratios[layer] == 1) c.candidate_source = layer;
  const char* source =
      either("attention.indexer.candidate_source_layer", "attention.candidate_source_layer_id");
  if (keys.has(source)) {
    ENGRAMD_TRY(const double value, keys.number(source, -1, double(c.v4.base.n_layers) - 1));
    c.candidate_source = value < 0 ? SIZE_MAX : size_t(value);
    if (value >= 0 && !contains(c.index_sources, c.candidate_source))
      return fail(ErrorCode::corrupt, "layer " + std::to_string(c.candidate_source) +
                                          " is to publish candidates and has no index");
  }
  return {};
}

Result<V41Config> read_config(const format::ModelFile& file, const BuildOptions& options) {
  const ConfigReader keys(file, "deepseek41");
  V41Config c;
  ENGRAMD_TRY(c.v4, read_v4_config(file, "deepseek41", options, {1, 2}, {1, 2}));
  const size_t n_layers = c.v4.base.n_layers;
  ENGRAMD_TRY(c.row_sources,
              rising_layers(file, "deepseek41.attention.kv_source_layer_ids", n_layers));
  ENGRAMD_TRY(c.index_sources,
              rising_layers(file, "deepseek41.attention.index_source_layer_ids", n_layers));
  for (size_t i = 0; i < n_layers; ++i) {
    if (c.v4.ratios[i] == 0) continue;
    const auto source = std::upper_bound(c.row_sources.begin(), c.row_sources.end(), i);
    if (source == c.row_sources.begin() || c.v4.ratios[*(source - 1)] != c.v4.ratios[i])
      return fail(ErrorCode::corrupt, "layer " + std::to_string(i) + " with ratio " +
                                          std::to_string(c.v4.ratios[i]) +
                                          " has no layer before it that makes such rows");
    if (contains(c.row_sources, i) && !contains(c.index_sources, i))
      return fail(ErrorCode::corrupt,
                  "layer " + std::to_string(i) + " makes rows and does not index them");
  }
  ENGRAMD_CHECK(read_candidates(keys, c));
  ENGRAMD_TRY(c.engram, read_engram(file, "deepseek41", c.v4.base, NoTokenMap::corrupt));
  return c;
}

// The branch of a layer; source_blocks holds the blocks of the layers that make rows, by layer.
Result<std::unique_ptr<blocks::Branch>> attention(TensorReader& tensors, const V41Config& config,
                                                  size_t layer, size_t own_block,
                                                  std::vector<size_t>& source_blocks) {
  const V4Config& c = config.v4;
  const std::string prefix = layer_prefix(layer);
  ENGRAMD_TRY(auto w, hybrid_attention_weights(tensors, c, layer));
  w.head_norm = false;
  w.rounding = c.rounding(CacheRounding::e4m3_32_all);
  if (w.past_ratio == 0) return blocks::make_hybrid_attention(w, c.base.kv_type);
  const size_t width = c.base.head_dim;
  if (contains(config.row_sources, layer)) {
    source_blocks.push_back(own_block);
    w.compressor.emplace();
    ENGRAMD_TRY(w.compressor->kv,
                tensors.matrix(prefix + "attn_compressor_kv.weight", {c.base.d_model, width}));
    if (w.past_ratio > 1) {
      ENGRAMD_TRY(w.compressor->gate,
                  tensors.matrix(prefix + "attn_compressor_gate.weight", {c.base.d_model, width}));
    }
    ENGRAMD_TRY(w.compressor->norm, tensors.vector(prefix + "attn_compressor_norm.weight", width));
    w.compressor->ratio = w.past_ratio;
    w.compressor->width = width;
    w.compressor->epsilon = c.base.epsilon;
    w.compressor->rope = c.compressed_rope;
    w.compressor->rounding = c.rounding(CacheRounding::e2m1_16_all);
    w.latent_keys.emplace();
    ENGRAMD_TRY(w.latent_keys->key,
                tensors.matrix(prefix + "indexer.attn_k.weight", {width, c.index_dim}));
    ENGRAMD_TRY(w.latent_keys->norm, tensors.vector(prefix + "indexer.k_norm.weight", c.index_dim));
    w.latent_keys->rounding = c.rounding(CacheRounding::index_e2m1);
  }
  w.source_block = source_blocks.back();
  if (contains(config.index_sources, layer)) {
    ENGRAMD_TRY(w.indexer, indexer_weights(tensors, c, layer));
    w.indexer->n_candidate_blocks = config.n_candidate_blocks;
    w.indexer->candidate_block = config.candidate_block;
    if (layer == config.candidate_source) w.indexer->candidates = blocks::Candidates::publish;
    if (layer > config.candidate_source) w.indexer->candidates = blocks::Candidates::inside;
  }
  return blocks::make_hybrid_attention(w, c.base.kv_type);
}

}  // namespace

Result<Network> build_deepseek41(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(V41Config c, read_config(file, options));
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, c.v4.base));
  network.n_streams = c.v4.n_streams;
  network.token_map = std::make_unique<std::vector<int32_t>>(std::move(c.engram.token_map));
  std::vector<size_t> source_blocks;
  for (size_t i = 0; i < c.v4.base.n_layers; ++i) {
    ENGRAMD_CHECK(add_engram(tensors, c.engram, c.v4.base, c.v4.n_streams, i, *network.token_map,
                             network.blocks));
    ENGRAMD_TRY(auto attention_branch,
                attention(tensors, c, i, network.blocks.size(), source_blocks));
    ENGRAMD_TRY(auto mixture, v4_mixture(tensors, c.v4, i));
    tensors.skip(layer_prefix(i) + "exp_probs_b_vl.bias");  // for image positions
    ENGRAMD_CHECK(add_sites(tensors, c.v4, i, blocks::make_lagged_hyper_connection,
                            std::move(attention_branch), std::move(mixture), network.blocks));
  }
  network.head.collapse = blocks::make_lagged_collapse();
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
