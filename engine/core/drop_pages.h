// engine/core/drop_pages.h - lets go of the pages of a mapped file that have been read.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace engramd::engine::core {

// Whoever reads a large file once from front to back would otherwise hold all of it. A private
// read-only mapping only: the pages come back from the file when they are read again.
inline void drop_pages(std::span<const std::byte> bytes) {
  const auto page = uintptr_t(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(bytes.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(bytes.data() + bytes.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace engramd::engine::core
