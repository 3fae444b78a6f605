// engine/arch/family.h - model families: from a checked file to a list of blocks.
//
// One file per family and one row in registry.cpp; this folder is the only place where an
// architecture's name is compared. A family reads its configuration, takes its tensors (each with
// the shape it must have) and says which blocks run in which order. decoder.h has what most
// families share.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/blocks/block.h"
#include "engine/blocks/ends.h"
#include "engine/blocks/multi_token.h"
#include "engine/format/model_file.h"

namespace engramd::engine::arch {

// A layer behind the network that predicts one token further.
struct DraftLayer {
  blocks::MultiTokenInput input;
  std::vector<std::unique_ptr<blocks::Block>> blocks;
  blocks::HeadWeights head;
};

struct Network {
  size_t n_layers = 0, d_model = 0, n_vocab = 0, context_length = 0;
  size_t n_streams = 1;  // residual streams per token
  size_t n_experts = 0, n_experts_used = 0;
  blocks::Matrix embedding;
  std::vector<std::unique_ptr<blocks::Block>> blocks;
  blocks::HeadWeights head;
  std::unique_ptr<std::vector<int32_t>> token_map;  // of Engram's hashes; null without them
  std::optional<DraftLayer> drafts;  // when asked for, and the file has one that the family knows
  uint64_t n_parameters = 0, n_active_parameters = 0;
};

struct BuildOptions {
  // Keys and values are rounded as the model was trained with (DeepSeek-V4 and later). Off only to
  // compare with engines that leave it out.
  bool cache_rounding = true;
  // How keys and values are kept; none: what the family takes.
  std::optional<cpu::KvType> kv_type;
  // Draft layers are loaded too. Off: they are skipped.
  bool drafts = false;
};

struct Family {
  std::string_view name;  // general.architecture
  Result<Network> (*build)(const format::ModelFile& file, const BuildOptions& options);
};

std::span<const Family> families();
// Views into the file: it outlives the network.
Result<Network> build_network(const format::ModelFile& file, const BuildOptions& options = {});

// ---- for the family files

// The configuration keys of one architecture, "<name>.<key>", each within limits.
class ConfigReader {
 public:
  explicit ConfigReader(const format::ModelFile& file, std::string_view prefix)
      : file_(file), prefix_(std::string(prefix) + ".") {}
  Result<size_t> size(std::string_view key, size_t low, size_t high) const;
  Result<size_t> size_or(std::string_view key, size_t fallback, size_t low, size_t high) const;
  Result<double> number(std::string_view key, double low, double high) const;
  Result<double> number_or(std::string_view key, double fallback, double low, double high) const;
  Result<bool> flag_or(std::string_view key, bool fallback) const;
  bool has(std::string_view key) const { return file_.find(prefix_ + std::string(key)) != nullptr; }
  Result<std::string_view> string(std::string_view key) const {
    return file_.string(prefix_ + std::string(key));
  }
  // One number per layer; a single one counts for all. `n` values, each within the limits.
  Result<std::vector<size_t>> sizes(std::string_view key, size_t n, size_t low, size_t high) const;
  Result<std::vector<double>> numbers(std::string_view key, size_t n, double low,
                                      double high) const;

 private:
  const format::ModelFile& file_;
  std::string prefix_;
};

// Hands out tensors, each checked against the shape the family expects, and remembers which.
class TensorReader {
 public:
  explicit TensorReader(const format::ModelFile& file) : file_(file) {}
  bool has(const std::string& name) const { return file_.find_tensor(name) != nullptr; }
  // shape: columns, rows and, for experts, slices.
  Result<blocks::Matrix> matrix(const std::string& name, std::initializer_list<size_t> shape);
  Result<const float*> vector(const std::string& name, size_t n);
  // Null when the file has none of that name.
  Result<const float*> vector_if_there(const std::string& name, size_t n);
  // F32 values of any shape.
  Result<const float*> floats(const std::string& name, std::initializer_list<size_t> shape);
  Result<const int32_t*> integers(const std::string& name, std::initializer_list<size_t> shape);
  // Takes a tensor that this engine has no use for (another head's, a cache of something derived).
  void skip(const std::string& name) { taken_.insert(name); }
  // All of layers n and up: those that only draft.
  void skip_layers_from(size_t n) { first_skipped_layer_ = n; }
  // An error when the file has tensors that nobody took: running without them would be wrong.
  Status all_taken() const;

 private:
  Result<const format::Tensor*> take(const std::string& name, std::initializer_list<size_t> shape);
  const format::ModelFile& file_;
  std::set<std::string, std::less<>> taken_;
  size_t first_skipped_layer_ = SIZE_MAX;
};

}  // namespace engramd::engine::arch
