// engine/arch/deepseek41.cpp - DeepSeek-V4.1 (Flash), text: V4 with compressed streams that layers
// share, an index in two levels, single-pass hyper-connections and Engram tables.
#include <algorithm>

#include "engine/arch/v4_parts.h"
#include "engine/blocks/engram.h"

namespace engramd::engine::arch {
namespace {

using blocks::CacheRounding;

struct V41Config {
  V4Config v4;
  std::vector<size_t> row_sources, index_sources, engram_layers;
  size_t candidate_source = SIZE_MAX, n_candidate_blocks = 0, candidate_block = 0;
  size_t n_engram_heads = 0, engram_dim = 0, max_ngram = 0;
  std::vector<int64_t> multipliers, primes, offsets;
  std::vector<int32_t> token_map;
  int64_t pad = 0;
};

bool contains(const std::vector<size_t>& layers, size_t layer) {
  return std::find(layers.begin(), layers.end(), layer) != layers.end();
}

Result<std::vector<size_t>> layer_ids(const format::ModelFile& file, const std::string& key,
                                      size_t n_layers) {
  ENGRAMD_TRY(const std::vector<uint64_t> ids, file.unsigned_array(key));
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] >= n_layers || (i > 0 && ids[i] <= ids[i - 1]))
      return fail(ErrorCode::corrupt, "key " + key + " holds " + std::to_string(ids[i]) +
                                          ", expected rising layer numbers below " +
                                          std::to_string(n_layers));
  return std::vector<size_t>(ids.begin(), ids.end());
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

Status read_engram(const format::ModelFile& file, V41Config& c) {
  const ConfigReader keys(file, "deepseek41");
  const std::string prefix = "deepseek41.engram.";
  if (!keys.has("engram.layer_ids")) return {};
  ENGRAMD_TRY(c.engram_layers, layer_ids(file, prefix + "layer_ids", c.v4.base.n_layers));
  ENGRAMD_TRY(c.n_engram_heads, keys.size("engram.head_count", 1, 256));
  ENGRAMD_TRY(c.engram_dim, keys.size("engram.key_length", 1, 65536));
  ENGRAMD_TRY(c.max_ngram, keys.size("engram.max_ngram_size", 2, 16));
  const size_t n_columns = (c.max_ngram - 1) * c.n_engram_heads, n = c.engram_layers.size();
  const auto numbers = [&](const char* key, size_t count) -> Result<std::vector<int64_t>> {
    ENGRAMD_TRY(const std::vector<uint64_t> values, file.unsigned_array(prefix + key));
    if (values.size() != count)
      return fail(ErrorCode::corrupt, "key " + prefix + key + " has " +
                                          std::to_string(values.size()) + " values, expected " +
                                          std::to_string(count));
    for (const uint64_t value : values)
      if (value > uint64_t(INT64_MAX))
        return fail(ErrorCode::corrupt, "key " + prefix + key + " holds a number beyond 2^63");
    return std::vector<int64_t>(values.begin(), values.end());
  };
  ENGRAMD_TRY(c.multipliers, numbers("multipliers", n * c.max_ngram));
  ENGRAMD_TRY(c.primes, numbers("primes", n * n_columns));
  ENGRAMD_TRY(c.offsets, numbers("offsets", n * n_columns));
  for (const int64_t prime : c.primes)
    if (prime < 1 || prime > (int64_t(1) << 40))
      return fail(ErrorCode::corrupt, "an Engram column of " + std::to_string(prime) + " rows");
  ENGRAMD_TRY(c.token_map, file.int_array(prefix + "token_map"));
  if (c.token_map.size() < c.v4.base.n_vocab)
    return fail(ErrorCode::corrupt,
                "key " + prefix + "token_map has " + std::to_string(c.token_map.size()) +
                    " values for a vocabulary of " + std::to_string(c.v4.base.n_vocab));
  ENGRAMD_TRY(const size_t pad, keys.size("engram.pad_id", 0, size_t(1) << 31));
  c.pad = int64_t(pad);
  return {};
}

Result<V41Config> read_config(const format::ModelFile& file, const BuildOptions& options) {
  const ConfigReader keys(file, "deepseek41");
  V41Config c;
  ENGRAMD_TRY(c.v4, read_v4_config(file, "deepseek41", options, {1, 2}, {1, 2}));
  const size_t n_layers = c.v4.base.n_layers;
  ENGRAMD_TRY(c.row_sources, layer_ids(file, "deepseek41.attention.kv_source_layer_ids", n_layers));
  ENGRAMD_TRY(c.index_sources,
              layer_ids(file, "deepseek41.attention.index_source_layer_ids", n_layers));
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
  ENGRAMD_CHECK(read_engram(file, c));
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

Result<std::unique_ptr<blocks::Block>> engram(TensorReader& tensors, const V41Config& c,
                                              size_t layer, size_t which,
                                              std::span<const int32_t> token_map) {
  const std::string prefix = layer_prefix(layer);
  const size_t d = c.v4.base.d_model, s = c.v4.n_streams;
  blocks::EngramWeights w;
  const auto part = [&](const std::vector<int64_t>& values, size_t n) {
    const auto first = values.begin() + std::ptrdiff_t(which * n);
    return std::vector<int64_t>(first, first + std::ptrdiff_t(n));
  };
  w.hash.max_ngram = c.max_ngram;
  w.hash.n_heads = c.n_engram_heads;
  w.hash.multipliers = part(c.multipliers, c.max_ngram);
  w.hash.primes = part(c.primes, w.hash.n_columns());
  w.hash.offsets = part(c.offsets, w.hash.n_columns());
  w.hash.pad = c.pad;
  w.hash.token_map = token_map;
  int64_t n_rows = 0;
  for (size_t i = 0; i < w.hash.n_columns(); ++i)
    n_rows = std::max(n_rows, w.hash.offsets[i] + w.hash.primes[i]);
  ENGRAMD_TRY(w.table,
              tensors.matrix(prefix + "engram_embd.weight", {c.engram_dim, size_t(n_rows)}));
  ENGRAMD_TRY(w.kv, tensors.matrix(prefix + "engram_wkv.weight",
                                   {w.hash.n_columns() * c.engram_dim, (s + 1) * d}));
  ENGRAMD_TRY(w.q_norm, tensors.floats(prefix + "engram_q.weight", {d, s}));
  ENGRAMD_TRY(w.k_norm, tensors.floats(prefix + "engram_k.weight", {d, s}));
  w.n_streams = s;
  w.epsilon = c.v4.base.epsilon;
  return blocks::make_engram(std::move(w));
}

}  // namespace

Result<Network> build_deepseek41(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(V41Config c, read_config(file, options));
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, c.v4.base));
  network.n_streams = c.v4.n_streams;
  network.token_map = std::make_unique<std::vector<int32_t>>(std::move(c.token_map));
  std::vector<size_t> source_blocks;
  for (size_t i = 0; i < c.v4.base.n_layers; ++i) {
    const auto which = std::find(c.engram_layers.begin(), c.engram_layers.end(), i);
    if (which != c.engram_layers.end()) {
      ENGRAMD_TRY(auto block, engram(tensors, c, i, size_t(which - c.engram_layers.begin()),
                                     *network.token_map));
      network.blocks.push_back(std::move(block));
    }
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
