// repoindex/parse/words.h - the keywords of a language, by its grammar. Any thread.
#pragma once

#include <string_view>
#include <vector>

namespace engramd::repoindex {

// In the order of the alphabet; empty for a language without a grammar.
const std::vector<std::string_view>& grammar_keywords(std::string_view language);

}  // namespace engramd::repoindex
