// engine/memory/lagged_state.h - the state of a block that runs one token behind the timeline: its
// row t needs token t + 1, so after n tokens it has n - 1 rows.
#pragma once

#include <memory>

#include "engine/memory/block_state.h"

namespace engramd::engine::memory {

class LaggedState final : public BlockState {
 public:
  explicit LaggedState(std::unique_ptr<BlockState> inner) : inner_(std::move(inner)) {}
  // What the block itself works with.
  BlockState& inner() { return *inner_; }

  Status reserve(size_t n_tokens) override { return inner_->reserve(behind(n_tokens)); }
  void commit(size_t n_tokens) override {
    if (n_tokens > 1) inner_->commit(n_tokens - 1);  // before that no row has run
  }
  size_t reach() const override { return inner_->reach(); }
  size_t earliest(size_t n_tokens) const override {
    const size_t earliest = inner_->earliest(behind(n_tokens));
    return earliest == 0 ? 0 : earliest + 1;
  }
  void truncate(size_t n_tokens) override { inner_->truncate(behind(n_tokens)); }
  void save(size_t n_tokens, Saved what, std::string& out) const override {
    inner_->save(behind(n_tokens), what, out);
  }
  Status load(size_t n_tokens, Saved what, std::string_view& in) override {
    return inner_->load(behind(n_tokens), what, in);
  }
  uint64_t memory_bytes() const override { return inner_->memory_bytes(); }

 private:
  static size_t behind(size_t n_tokens) { return n_tokens == 0 ? 0 : n_tokens - 1; }
  const std::unique_ptr<BlockState> inner_;
};

}  // namespace engramd::engine::memory
