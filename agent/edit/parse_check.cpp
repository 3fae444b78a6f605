#include "agent/edit/parse_check.h"

#include <algorithm>

#include "agent/edit/lines.h"
#include "repoindex/index.h"

namespace engramd::agent {

std::string syntax_problem(std::string_view text, const repoindex::SyntaxError& error) {
  const std::vector<Line> lines = lines_of(text);
  const size_t offset = std::min<size_t>(error.begin, text.size());
  const size_t line = static_cast<size_t>(
      std::upper_bound(lines.begin(), lines.end(), offset,
                       [](size_t at, const Line& one) { return at < one.begin; }) -
      lines.begin());
  const size_t index = line == 0 ? 0 : line - 1;
  return "line " + std::to_string(index + 1) + ": " + error.message +
         quoted_lines(lines, index > 2 ? index - 2 : 0, 5);
}

Status check_still_parses(const std::string& path, std::string_view before, std::string_view after,
                          const repoindex::FileFacts& after_facts) {
  if (after_facts.errors.empty()) return {};
  const repoindex::FileFactsPtr old = repoindex::extract_facts(path, before);
  if (old != nullptr && !old->errors.empty()) return {};
  return fail(ErrorCode::invalid_input, path + " would no longer parse: " +
                                            syntax_problem(after, after_facts.errors.front()) +
                                            "\nthe file was left as it was");
}

Status check_still_parses(const std::string& path, std::string_view before,
                          std::string_view after) {
  const repoindex::FileFactsPtr facts = repoindex::extract_facts(path, after);
  return facts == nullptr ? Status{} : check_still_parses(path, before, after, *facts);
}

}  // namespace engramd::agent
