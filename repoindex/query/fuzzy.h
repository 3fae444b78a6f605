// repoindex/query/fuzzy.h - how well a name fits what was typed of it. A pure function: any thread.
#pragma once

#include <string_view>

namespace engramd::repoindex {

// Higher is better; 0: what was typed is no subsequence of the name. Case is folded; letters at the
// starts of words, next to each other and of the same case count more, long names less.
int fuzzy_match(std::string_view name, std::string_view typed);

}  // namespace engramd::repoindex
