// engine/core/loaded_model.h - the Model behind engine/api: a mapped file and what was built on it.
//
// Immutable after load; sessions keep it alive. Any thread.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "engine/api/model.h"
#include "engine/arch/family.h"
#include "engine/cpu/kernels.h"
#include "engine/device/placement.h"
#include "engine/format/model_file.h"
#include "engine/memory/budget.h"
#include "engine/schedule/turns.h"

namespace engramd::engine::core {

class LoadedModel final : public Model {
 public:
  const Tokenizer& tokenizer() const override { return *tokenizer_; }
  const ModelInfo& info() const override { return info_; }
  std::vector<double> numbers(std::string_view key) const override {
    return file_->number_array(key).value_or(std::vector<double>());
  }
  Result<std::unique_ptr<Session>> open_session(size_t max_tokens) const override;

  const arch::Network& network() const { return network_; }
  const cpu::Kernels& kernels() const { return *kernels_; }
  size_t n_threads() const { return n_threads_; }
  const std::shared_ptr<memory::Budget>& budget() const { return budget_; }
  // Null: all weights are multiplied on the CPU.
  const device::Placement* placement() const { return placement_.get(); }
  schedule::Turns& turns() const { return turns_; }
  // Of the weights and of how their state is kept: sessions with the same one can exchange it.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  friend class engramd::engine::Model;
  std::unique_ptr<const format::ModelFile> file_;  // first: everything below points into it
  arch::Network network_;
  std::unique_ptr<Tokenizer> tokenizer_;
  const cpu::Kernels* kernels_ = nullptr;
  size_t n_threads_ = 1;
  std::unique_ptr<const device::Placement> placement_;
  std::shared_ptr<memory::Budget> budget_;
  uint64_t fingerprint_ = 0;
  mutable schedule::Turns turns_;
  ModelInfo info_;
};

// None for the empty name; an error for one that is no type.
Result<std::optional<cpu::KvType>> parse_kv_type(std::string_view name);

// Puts the matrices of the file on a device, in the file's order, as far as they go; null for ""
// and "cpu".
Result<std::unique_ptr<const device::Placement>> place_weights(const format::ModelFile& file,
                                                               std::string_view device);

// Reads the tokenizer's keys of the file.
Result<std::unique_ptr<Tokenizer>> load_tokenizer(const format::ModelFile& file);

std::unique_ptr<Session> make_session(std::shared_ptr<const LoadedModel> model, size_t max_tokens);

}  // namespace engramd::engine::core
