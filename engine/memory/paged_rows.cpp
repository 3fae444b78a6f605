#include "engine/memory/paged_rows.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace engramd::engine::memory {

void PagedRows::Free::operator()(std::byte* p) const {
  std::free(p);
}

PagedRows::~PagedRows() {
  budget_->give_back(memory_bytes());
}

Status PagedRows::fill(size_t page) {
  if (!budget_->take(page_bytes()))
    return fail(ErrorCode::exhausted, "a key-value cache of " + std::to_string(n_rows()) +
                                          " rows needs another " + std::to_string(page_bytes()) +
                                          " bytes, " + std::to_string(budget_->left() >> 20) +
                                          " MiB are left of the memory budget");
  // Zeroed by the system page by page as it is touched.
  auto* bytes = static_cast<std::byte*>(std::calloc(1, page_bytes()));
  if (bytes == nullptr) {
    budget_->give_back(page_bytes());
    return fail(ErrorCode::exhausted, "the system has no " + std::to_string(page_bytes()) +
                                          " bytes left for the key-value cache");
  }
  pages_[page].reset(bytes);
  ++n_held_;
  return {};
}

void PagedRows::drop(size_t page) {
  if (pages_[page] == nullptr) return;
  pages_[page].reset();
  --n_held_;
  budget_->give_back(page_bytes());
}

Status PagedRows::resize(size_t n_rows) {
  const size_t n_pages = (n_rows + kPageRows - 1) / kPageRows;
  while (pages_.size() > n_pages) {
    drop(pages_.size() - 1);
    pages_.pop_back();
  }
  first_kept_ = std::min(first_kept_, n_rows);
  while (pages_.size() < n_pages) {
    pages_.emplace_back();
    if (Status filled = fill(pages_.size() - 1); !filled) {
      pages_.pop_back();
      return filled;
    }
  }
  return {};
}

void PagedRows::forget_before(size_t row) {
  if (row <= first_kept_) return;
  for (size_t page = first_kept_ / kPageRows; page < std::min(row / kPageRows, pages_.size());
       ++page)
    drop(page);
  first_kept_ = row;
}

void PagedRows::run_pages(size_t run, size_t n_pages, const std::byte** out) const {
  for (size_t i = 0; i < n_pages; ++i)
    out[i] = pages_[i] == nullptr ? nullptr : pages_[i].get() + run * kPageRows * row_bytes_;
}

void PagedRows::save(size_t first, size_t n, std::string& out) const {
  for (size_t at = first; at < n;) {
    const size_t end = std::min(n, (at / kPageRows + 1) * kPageRows);
    for (size_t run = 0; run < n_runs_; ++run)
      out.append(reinterpret_cast<const char*>(row(run, at)), (end - at) * row_bytes_);
    at = end;
  }
}

Status PagedRows::load(size_t first, size_t n, std::string_view& in) {
  if (in.size() / row_bytes_ / n_runs_ < n - first)
    return fail(ErrorCode::corrupt, "a saved state ends early");
  const size_t n_pages = (n + kPageRows - 1) / kPageRows;
  while (pages_.size() > n_pages) {
    drop(pages_.size() - 1);
    pages_.pop_back();
  }
  pages_.resize(n_pages);
  for (size_t page = 0; page < n_pages; ++page) {
    const bool wanted = (page + 1) * kPageRows > first;
    if (!wanted)
      drop(page);
    else if (pages_[page] == nullptr)
      ENGRAMD_CHECK(fill(page));
  }
  first_kept_ = first;
  for (size_t at = first; at < n;) {
    const size_t end = std::min(n, (at / kPageRows + 1) * kPageRows);
    for (size_t run = 0; run < n_runs_; ++run) {
      const size_t bytes = (end - at) * row_bytes_;
      std::memcpy(row(run, at), in.data(), bytes);
      in.remove_prefix(bytes);
    }
    at = end;
  }
  return {};
}

}  // namespace engramd::engine::memory
