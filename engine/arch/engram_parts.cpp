#include "engine/arch/engram_parts.h"

#include <algorithm>
#include <numeric>

#include "engine/blocks/engram.h"

namespace engramd::engine::arch {
namespace {

constexpr int64_t kMostRows = int64_t(1) << 40;  // of a column

}  // namespace

Result<std::vector<size_t>> rising_layers(const format::ModelFile& file, const std::string& key,
                                          size_t n_layers) {
  ENGRAMD_TRY(const std::vector<uint64_t> ids, file.unsigned_array(key));
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] >= n_layers || (i > 0 && ids[i] <= ids[i - 1]))
      return fail(ErrorCode::corrupt, "key " + key + " holds " + std::to_string(ids[i]) +
                                          ", expected rising layer numbers below " +
                                          std::to_string(n_layers));
  return std::vector<size_t>(ids.begin(), ids.end());
}

Result<EngramConfig> read_engram(const format::ModelFile& file, std::string_view prefix,
                                 const DecoderConfig& base, NoTokenMap no_token_map) {
  const ConfigReader keys(file, prefix);
  EngramConfig c;
  if (!keys.has("engram.layer_ids")) return c;
  const std::string name = std::string(prefix) + ".engram.";
  ENGRAMD_TRY(c.layers, rising_layers(file, name + "layer_ids", base.n_layers));
  ENGRAMD_TRY(c.n_heads, keys.size("engram.head_count", 1, 256));
  ENGRAMD_TRY(c.row_dim, keys.size("engram.key_length", 1, 65536));
  ENGRAMD_TRY(c.max_ngram, keys.size("engram.max_ngram_size", 2, 16));
  const size_t n_columns = (c.max_ngram - 1) * c.n_heads, n = c.layers.size();
  const auto numbers = [&](const char* key, size_t count) -> Result<std::vector<int64_t>> {
    ENGRAMD_TRY(const std::vector<uint64_t> values, file.unsigned_array(name + key));
    if (values.size() != count)
      return fail(ErrorCode::corrupt, "key " + name + key + " has " +
                                          std::to_string(values.size()) + " values, expected " +
                                          std::to_string(count));
    for (const uint64_t value : values)
      if (value > uint64_t(INT64_MAX))
        return fail(ErrorCode::corrupt, "key " + name + key + " holds a number beyond 2^63");
    return std::vector<int64_t>(values.begin(), values.end());
  };
  ENGRAMD_TRY(c.multipliers, numbers("multipliers", n * c.max_ngram));
  ENGRAMD_TRY(c.primes, numbers("primes", n * n_columns));
  ENGRAMD_TRY(c.offsets, numbers("offsets", n * n_columns));
  for (const int64_t prime : c.primes)
    if (prime < 1 || prime > kMostRows)
      return fail(ErrorCode::corrupt, "an Engram column of " + std::to_string(prime) + " rows");
  if (keys.has("engram.token_map") || no_token_map == NoTokenMap::corrupt) {
    ENGRAMD_TRY(c.token_map, file.int_array(name + "token_map"));
    if (c.token_map.size() < base.n_vocab)
      return fail(ErrorCode::corrupt,
                  "key " + name + "token_map has " + std::to_string(c.token_map.size()) +
                      " values for a vocabulary of " + std::to_string(base.n_vocab));
  } else {
    c.token_map.resize(base.n_vocab);
    std::iota(c.token_map.begin(), c.token_map.end(), 0);
  }
  ENGRAMD_TRY(const size_t pad, keys.size("engram.pad_id", 0, size_t(1) << 31));
  c.pad = int64_t(pad);
  return c;
}

Status add_engram(TensorReader& tensors, const EngramConfig& c, const DecoderConfig& base,
                  size_t n_streams, size_t layer, std::span<const int32_t> token_map,
                  std::vector<std::unique_ptr<blocks::Block>>& blocks) {
  const auto found = std::find(c.layers.begin(), c.layers.end(), layer);
  if (found == c.layers.end()) return {};
  const std::string prefix = layer_prefix(layer);
  const size_t d = base.d_model, s = n_streams, which = size_t(found - c.layers.begin());
  blocks::EngramWeights w;
  const auto part = [&](const std::vector<int64_t>& values, size_t n) {
    const auto first = values.begin() + std::ptrdiff_t(which * n);
    return std::vector<int64_t>(first, first + std::ptrdiff_t(n));
  };
  w.hash.max_ngram = c.max_ngram;
  w.hash.n_heads = c.n_heads;
  w.hash.multipliers = part(c.multipliers, c.max_ngram);
  w.hash.primes = part(c.primes, w.hash.n_columns());
  w.hash.offsets = part(c.offsets, w.hash.n_columns());
  w.hash.pad = c.pad;
  w.hash.token_map = token_map;
  int64_t n_rows = 0;
  for (size_t i = 0; i < w.hash.n_columns(); ++i) {
    // The sum of the two cannot overflow: a prime is at most kMostRows.
    if (w.hash.offsets[i] > INT64_MAX - kMostRows)
      return fail(ErrorCode::corrupt,
                  "an Engram column that begins at row " + std::to_string(w.hash.offsets[i]));
    n_rows = std::max(n_rows, w.hash.offsets[i] + w.hash.primes[i]);
  }
  ENGRAMD_TRY(w.table, tensors.matrix(prefix + "engram_embd.weight", {c.row_dim, size_t(n_rows)}));
  ENGRAMD_TRY(w.kv, tensors.matrix(prefix + "engram_wkv.weight",
                                   {w.hash.n_columns() * c.row_dim, (s + 1) * d}));
  ENGRAMD_TRY(w.q_norm, tensors.floats(prefix + "engram_q.weight", {d, s}));
  ENGRAMD_TRY(w.k_norm, tensors.floats(prefix + "engram_k.weight", {d, s}));
  w.n_streams = s;
  w.epsilon = base.epsilon;
  blocks.push_back(blocks::make_engram(std::move(w)));
  return {};
}

}  // namespace engramd::engine::arch
