// repoindex/rank/mentions.h - places of the repository that a text names.
//
// Tracebacks and compiler messages of the usual languages have one thing in common: a path with a
// known file's name, often followed by a line number. Dotted module names count, too. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::repoindex {

struct Mention {
  std::string path;     // of the repository
  uint32_t line = 0;    // 1-based; 0: none was said
  double strength = 1;  // shared when several files fit; less for a dotted name
};

// paths must be sorted. In the order of the text, at most 200.
std::vector<Mention> find_mentions(std::string_view text, const std::vector<std::string>& paths);

}  // namespace engramd::repoindex
