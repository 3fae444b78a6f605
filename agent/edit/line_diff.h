// agent/edit/line_diff.h - which lines of two texts are the same.
//
// Lines that occur once on both sides are matched first (in order), then the gaps between them by
// their longest common subsequence, so that the cost stays near linear and the result reads well.
// Pure functions: any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engramd::agent {

// Lines with their ends, so that a missing last line end is part of the comparison.
std::vector<std::string_view> whole_lines(std::string_view text);

// Pairs (line of a, line of b) that are the same, rising in both.
std::vector<std::pair<size_t, size_t>> common_lines(const std::vector<std::string_view>& a,
                                                    const std::vector<std::string_view>& b);

// What of the new text is not in the old one, with one line around it: "12: text" each on a line of
// its own, "..." between; at most max_lines.
std::string quoted_changes(std::string_view before, std::string_view after, size_t max_lines);

}  // namespace engramd::agent
