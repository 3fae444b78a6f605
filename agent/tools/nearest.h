// agent/tools/nearest.h - what somebody may have meant who wrote a name that is not there.
//
// Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace engramd::agent {

// The names that differ least, nearest first, equal ones by name; nothing that differs in more than
// a third of its letters. Case does not count.
std::vector<std::string> nearest_names(std::string_view wanted,
                                       const std::vector<std::string>& names, size_t limit);
// Of paths: the same file name elsewhere first, then like file names.
std::vector<std::string> nearest_paths(std::string_view wanted,
                                       const std::vector<std::string>& paths, size_t limit);

}  // namespace engramd::agent
