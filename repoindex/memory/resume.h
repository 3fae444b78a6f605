// repoindex/memory/resume.h - where a table's texts go on as the text behind the cursor does.
//
// Of several places that share what is before the cursor, those that soon come back to what is
// behind it are the likelier ones. Bounded: runs of at most twelve tokens found at no more than 64
// places. Immutable: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "repoindex/memory/suffix_table.h"

namespace engramd::repoindex {

class ResumePlaces {
 public:
  ResumePlaces() = default;
  // except: positions that do not count, sorted: the text behind the cursor itself.
  ResumePlaces(const SuffixTable& table, std::span<const TokenId> after,
               std::span<const uint32_t> except);

  bool empty() const { return places_.empty(); }
  // How many tokens of the text behind the cursor stand within reach behind this position.
  uint32_t length_behind(uint32_t position) const;

 private:
  struct Place {
    uint32_t position = 0, length = 0;
  };
  std::vector<Place> places_;  // by position
};

}  // namespace engramd::repoindex
