// engine/blocks/rows_state.h - rows that a layer appends, one per token.
//
// Keys and values, latents, projections that wait for their group. With a window only its rows
// are kept, and kWindowSlack more, so that a text that changes near its end is cut and not read
// again.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/memory/block_state.h"
#include "engine/memory/paged_rows.h"

namespace engramd::engine::blocks {

// How many tokens a timeline with windows can go back without a checkpoint.
inline constexpr size_t kWindowSlack = 256;

// Rows appended one per token, all kept or (window > 0) those of a window.
class RowsState final : public memory::BlockState {
 public:
  RowsState(size_t n_runs, size_t row_bytes, size_t window, std::shared_ptr<memory::Budget> budget)
      : rows(n_runs, row_bytes, std::move(budget)), window_(window) {}

  Status reserve(size_t n_tokens) override {
    if (n_tokens <= rows.n_rows()) return {};
    return rows.resize(n_tokens);
  }
  void commit(size_t n_tokens) override {
    if (window_ > 0 && n_tokens > window_ + kWindowSlack)
      rows.forget_before(n_tokens - window_ - kWindowSlack);
  }
  size_t reach() const override { return window_ == 0 ? SIZE_MAX : kWindowSlack; }
  size_t earliest(size_t) const override {
    return rows.first_kept() == 0 ? 0 : rows.first_kept() + window_;
  }
  void truncate(size_t n_tokens) override { (void)rows.resize(n_tokens); }  // shrinking cannot fail
  void save(size_t n_tokens, memory::Saved what, std::string& out) const override {
    const size_t first = first_saved(n_tokens, what);
    rows.save(first, n_tokens, out);
  }
  Status load(size_t n_tokens, memory::Saved what, std::string_view& in) override {
    const size_t first = first_saved(n_tokens, what);
    if (first == n_tokens) {
      truncate(n_tokens);
      return {};
    }
    return rows.load(first, n_tokens, in);
  }
  uint64_t memory_bytes() const override { return rows.memory_bytes(); }

  memory::PagedRows rows;

 private:
  size_t first_saved(size_t n_tokens, memory::Saved what) const {
    if (window_ > 0) return n_tokens > window_ ? n_tokens - window_ : 0;
    return what == memory::Saved::all ? 0 : n_tokens;
  }
  const size_t window_;
};

}  // namespace engramd::engine::blocks
