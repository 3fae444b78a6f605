// engine/memory/paged_rows.h - rows that a timeline appends, in pages of 64, with a bounded past.
//
// Keys, values, compressed rows, index keys: one row per token (or per group of tokens) and run (a
// head, keys or values). A page holds kPageRows rows of every run; the rows of one run in one page
// are contiguous:
//
//   page: | run 0: [64][row_bytes] | run 1: [64][row_bytes] | ...
//
// Whoever looks at a window only calls forget_before(): pages before it are given back. Bytes come
// from a budget that all sessions of a model share. One thread, except that several may write and
// read different rows while a step runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/memory/budget.h"

namespace engramd::engine::memory {

class PagedRows {
 public:
  static constexpr size_t kPageRows = 64;

  PagedRows(size_t n_runs, size_t row_bytes, std::shared_ptr<Budget> budget)
      : n_runs_(n_runs), row_bytes_(row_bytes), budget_(std::move(budget)) {}
  ~PagedRows();
  PagedRows(const PagedRows&) = delete;
  PagedRows& operator=(const PagedRows&) = delete;

  // Room for the rows below n: grows or shrinks to the pages that takes. Error exhausted over the
  // budget; what was there stays.
  Status resize(size_t n_rows);
  // Rows below `row` will not be read again: their whole pages are given back.
  void forget_before(size_t row);
  // The first row that may still be read. 0 until something was forgotten.
  size_t first_kept() const { return first_kept_; }

  size_t row_bytes() const { return row_bytes_; }
  size_t n_rows() const { return pages_.size() * kPageRows; }  // there is room for
  uint64_t memory_bytes() const { return n_held_ * page_bytes(); }

  std::byte* row(size_t run, size_t row) {
    return pages_[row / kPageRows].get() + (run * kPageRows + row % kPageRows) * row_bytes_;
  }
  const std::byte* row(size_t run, size_t row) const {
    return const_cast<PagedRows*>(this)->row(run, row);
  }
  // Where each page's part of the run begins; null for pages that were given back.
  void run_pages(size_t run, size_t n_pages, const std::byte** out) const;

  // The rows [first, n) of every run as bytes, appended; and back. load() makes [first, n) the
  // only rows there are. first >= first_kept().
  void save(size_t first, size_t n, std::string& out) const;
  Status load(size_t first, size_t n, std::string_view& in);

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  uint64_t page_bytes() const { return uint64_t(n_runs_) * kPageRows * row_bytes_; }
  Status fill(size_t page);
  void drop(size_t page);

  const size_t n_runs_, row_bytes_;
  std::shared_ptr<Budget> budget_;
  std::vector<std::unique_ptr<std::byte, Free>> pages_;
  size_t n_held_ = 0, first_kept_ = 0;
};

}  // namespace engramd::engine::memory
