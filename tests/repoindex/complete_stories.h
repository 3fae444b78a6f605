// tests/repoindex/complete_stories.h - helpers for stories about completion. The text has a cursor.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "repoindex/complete/complete.h"
#include "tests/repoindex/query_stories.h"

namespace engramd::repoindex::test {

CandidateList completed(std::string_view text);
std::vector<std::string> names_of(const CandidateList& list);
// The list begins with these, in this order.
void check_first(std::string_view text, const std::vector<std::string>& wanted);
void check_has(std::string_view text, const std::vector<std::string>& wanted);
void check_lacks(std::string_view text, const std::vector<std::string>& unwanted);
// Exactly these, in any order.
void check_only(std::string_view text, std::vector<std::string> wanted);
void check_nothing(std::string_view text);

}  // namespace engramd::repoindex::test
