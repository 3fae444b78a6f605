// engine/arch/family.h - model families: from a checked file to a list of blocks.
//
// One file per family and one row in registry.cpp; this folder is the only place where an
// architecture's name is compared. A family reads its configuration, takes its tensors (each with
// the shape it must have) and says which blocks run in which order.
#pragma once

#include <initializer_list>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/blocks/block.h"
#include "engine/blocks/ends.h"
#include "engine/format/model_file.h"
#include "engine/memory/kv_cache.h"

namespace engramd::engine::arch {

struct Network {
  size_t n_layers = 0, d_model = 0, n_vocab = 0, context_length = 0;
  size_t n_experts = 0, n_experts_used = 0;
  memory::KvShape kv;
  blocks::Matrix embedding;
  std::vector<std::unique_ptr<blocks::Block>> blocks;
  blocks::HeadWeights head;
  uint64_t n_parameters = 0, n_active_parameters = 0;
};

struct Family {
  std::string_view name;  // general.architecture
  Result<Network> (*build)(const format::ModelFile& file);
};

std::span<const Family> families();
// Views into the file: it outlives the network.
Result<Network> build_network(const format::ModelFile& file);

// ---- for the family files

// The configuration keys of one architecture, "<name>.<key>", each within limits.
class ConfigReader {
 public:
  explicit ConfigReader(const format::ModelFile& file, std::string_view prefix)
      : file_(file), prefix_(std::string(prefix) + ".") {}
  Result<size_t> size(std::string_view key, size_t low, size_t high) const;
  Result<size_t> size_or(std::string_view key, size_t fallback, size_t low, size_t high) const;
  Result<double> number(std::string_view key, double low, double high) const;
  Result<bool> flag_or(std::string_view key, bool fallback) const;
  bool has(std::string_view key) const { return file_.find(prefix_ + std::string(key)) != nullptr; }
  Result<std::string_view> string(std::string_view key) const {
    return file_.string(prefix_ + std::string(key));
  }

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
  // An error when the file has tensors that nobody took: running without them would be wrong.
  Status all_taken() const;

 private:
  Result<const format::Tensor*> take(const std::string& name, std::initializer_list<size_t> shape);
  const format::ModelFile& file_;
  std::set<std::string, std::less<>> taken_;
};

// What decoder families with grouped attention and a softmax mixture share.
struct MoeConfig {
  size_t n_layers = 0, d_model = 0, n_vocab = 0, context_length = 0;
  size_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
  size_t n_experts = 0, n_experts_used = 0, expert_width = 0;
  bool renormalise = true;
  float epsilon = 0;
  double rope_base = 0;
};
Result<MoeConfig> read_moe_config(const format::ModelFile& file, std::string_view prefix);

// The two blocks of layer `i` (and their tensors); shared_width 0: no shared expert.
Result<std::unique_ptr<blocks::Block>> attention_block(TensorReader& tensors, const MoeConfig& c,
                                                       size_t i, cpu::KvType kv_type);
Result<std::unique_ptr<blocks::Block>> mixture_block(TensorReader& tensors, const MoeConfig& c,
                                                     size_t i, size_t shared_width);
// Embedding, norm and output matrix (the embedding again when the file has no output.weight), the
// sizes and the key-value shape.
Result<Network> begin_network(TensorReader& tensors, const MoeConfig& c);
// Counts parameters and checks that every tensor was taken.
Status finish_network(const TensorReader& tensors, Network& network);

Result<Network> build_qwen3moe(const format::ModelFile& file);
Result<Network> build_engramd_moe(const format::ModelFile& file);

}  // namespace engramd::engine::arch
