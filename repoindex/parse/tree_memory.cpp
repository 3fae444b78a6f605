#include "repoindex/parse/tree_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

namespace engramd::repoindex {

namespace {

// The tree of 2 MB of C++ (the most that is parsed) takes up to 300 MB. This is address space only.
constexpr size_t kAddressSpace = size_t{1} << 30;
constexpr size_t kKept = 8u << 20;  // of pages, from one Use to the next
constexpr size_t kHeader = 8;       // before each piece: its size class

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kInUse = false;  // there each piece should be seen to be freed
#else
constexpr bool kInUse = true;
#endif

thread_local TreeMemory* current = nullptr;

void* out_of_memory() {
  std::abort();  // as the runtime does itself
}

void* spill(size_t n_bytes) {
  current->spilled();
  void* piece = std::malloc(n_bytes);
  return piece != nullptr || n_bytes == 0 ? piece : out_of_memory();
}

void* hook_malloc(size_t n_bytes) {
  if (current != nullptr) {
    void* piece = current->allocate(n_bytes);
    return piece != nullptr ? piece : spill(n_bytes);
  }
  void* piece = std::malloc(n_bytes);
  return piece != nullptr || n_bytes == 0 ? piece : out_of_memory();
}

void* hook_calloc(size_t n, size_t n_bytes) {
  if (current == nullptr) {
    void* piece = std::calloc(n, n_bytes);
    return piece != nullptr || n == 0 || n_bytes == 0 ? piece : out_of_memory();
  }
  if (n_bytes != 0 && n > SIZE_MAX / n_bytes) return out_of_memory();
  void* piece = hook_malloc(n * n_bytes);
  if (piece != nullptr) std::memset(piece, 0, n * n_bytes);
  return piece;
}

void hook_free(void* piece) {
  if (current != nullptr && current->owns(piece)) return current->free(piece);
  std::free(piece);
}

void* hook_realloc(void* piece, size_t n_bytes) {
  if (piece == nullptr) return hook_malloc(n_bytes);
  if (current != nullptr && current->owns(piece)) return current->reallocate(piece, n_bytes);
  void* moved = std::realloc(piece, n_bytes);
  return moved != nullptr || n_bytes == 0 ? moved : out_of_memory();
}

size_t& class_before(void* piece) {
  return *reinterpret_cast<size_t*>(static_cast<char*>(piece) - kHeader);
}

}  // namespace

ParserPtr new_parser() {
  // Before the first piece is asked for, or one of the runtime's own would come back to us. All of
  // them may come back: what is not ours is malloc's, which is also the runtime's own way.
  static const bool told = [] {
    if (kInUse) ts_set_allocator(hook_malloc, hook_calloc, hook_realloc, hook_free);
    return true;
  }();
  (void)told;
  return ParserPtr(ts_parser_new());
}

TreeMemory::Use::Use(TreeMemory& memory) : around_(current) {
  if (kInUse) current = &memory;
}

TreeMemory::Use::~Use() {
  if (!kInUse) return;
  current->clear();
  current = around_;
}

TreeMemory::~TreeMemory() {
  if (begin_ != nullptr) munmap(begin_, size_);
}

void TreeMemory::forget(TreePtr tree) {
  if (kInUse && !spilled_) static_cast<void>(tree.release());
}

size_t TreeMemory::class_of(size_t n_bytes) {
  if (n_bytes <= kSmall) return (n_bytes + 15) / 16;
  return kSmallClasses + static_cast<size_t>(std::bit_width((n_bytes - 1) / kSmall)) - 1;
}

size_t TreeMemory::room_of(size_t size_class) {
  if (size_class < kSmallClasses) return std::max<size_t>(size_class * 16, 16);
  return kSmall << (size_class - kSmallClasses + 1);
}

void* TreeMemory::allocate(size_t n_bytes) {
  if (n_bytes > kAddressSpace / 4) return nullptr;
  if (begin_ == nullptr) {
    void* space = mmap(nullptr, kAddressSpace, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED) return nullptr;  // a limit on address space: then it is malloc's
    begin_ = static_cast<char*>(space);
    size_ = kAddressSpace;
  }
  const size_t size_class = class_of(n_bytes);
  if (Free* piece = free_[size_class]; piece != nullptr) {
    free_[size_class] = piece->next;
    return piece;
  }
  const size_t step = kHeader + room_of(size_class);
  if (step > size_ - used_) return nullptr;
  void* piece = begin_ + used_ + kHeader;
  used_ += step;
  class_before(piece) = size_class;
  return piece;
}

void* TreeMemory::reallocate(void* piece, size_t n_bytes) {
  const size_t had = room_of(class_before(piece));
  if (n_bytes <= had) return piece;
  void* moved = allocate(n_bytes);
  if (moved == nullptr) moved = spill(n_bytes);
  std::memcpy(moved, piece, had);
  free(piece);
  return moved;
}

void TreeMemory::free(void* piece) {
  Free*& list = free_[class_before(piece)];
  auto* freed = static_cast<Free*>(piece);
  freed->next = list;
  list = freed;
}

void TreeMemory::clear() {
  if (used_ > kKept) madvise(begin_ + kKept, used_ - kKept, MADV_DONTNEED);
  used_ = 0;
  spilled_ = false;
  std::fill(std::begin(free_), std::end(free_), nullptr);
}

}  // namespace engramd::repoindex
