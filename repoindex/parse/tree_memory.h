// repoindex/parse/tree_memory.h - where the parser runtime gets its memory. Inside parse/ only.
//
// A syntax tree is a hundred thousand small pieces that are made in one go and, for the index,
// thrown away in one go as soon as its facts are known. malloc joins and files each of them again
// (a fifth of the time of indexing a file); a TreeMemory forgets them all at once.
//
//   TreeMemory memory;
//   {
//     TreeMemory::Use use(memory);      // this thread's parser memory comes from it
//     ParserPtr parser = new_parser();  // … parse, walk …
//   }                                   // all of it is gone
//
// What must stay true: no parser, tree or cursor made during a Use outlives it, or is touched by
// another thread. Outside of a Use the runtime has malloc, as trees of open documents need: they
// live long and are freed wherever. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "repoindex/parse/syntax_access.h"

namespace engramd::repoindex {

// The only way to make a parser: the runtime is told of the memory first.
ParserPtr new_parser();

class TreeMemory {
 public:
  TreeMemory() = default;
  ~TreeMemory();
  TreeMemory(const TreeMemory&) = delete;

  class Use {
   public:
    explicit Use(TreeMemory& memory);
    ~Use();
    Use(const Use&) = delete;

   private:
    TreeMemory* around_;
  };

  // Of a tree made during this Use: nothing needs to be freed piece by piece, unless there was more
  // than the memory holds and some pieces are malloc's.
  void forget(TreePtr tree);

  // The runtime's calls. Null: no room here.
  void* allocate(size_t n_bytes);
  void* reallocate(void* piece, size_t n_bytes);
  void free(void* piece);
  bool owns(const void* piece) const {
    return piece >= begin_ && piece < static_cast<const void*>(begin_ + size_);
  }
  void spilled() { spilled_ = true; }

 private:
  // Pieces of up to kSmall bytes go by sixteens, larger ones by powers of two.
  static constexpr size_t kSmall = 1024, kSmallClasses = kSmall / 16 + 1, kClasses = 96;
  struct Free {
    Free* next;
  };
  static size_t class_of(size_t n_bytes);
  static size_t room_of(size_t size_class);
  void clear();

  char* begin_ = nullptr;  // address space; pages come as they are touched
  size_t size_ = 0, used_ = 0;
  bool spilled_ = false;
  Free* free_[kClasses] = {};
};

}  // namespace engramd::repoindex
