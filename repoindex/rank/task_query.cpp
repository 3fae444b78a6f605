#include "repoindex/rank/task_query.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxNames = 1000;
constexpr double kTitleWeight = 2;  // of words in the first line, when there are more lines

bool looks_like_code(std::string_view task, size_t offset, std::string_view word) {
  if (word.size() <= 3) return false;
  const size_t inner = word.find_first_not_of('_');
  if (inner == std::string_view::npos) return false;
  if (word.find('_', inner) < word.find_last_not_of('_')) return true;
  if (identifier_parts(word).size() > 1) return true;
  const char before = offset > 0 ? task[offset - 1] : ' ';
  const size_t end = offset + word.size();
  const char after = end < task.size() ? task[end] : ' ';
  return before == '`' || before == '.' || before == '(' || after == '`' || after == '.' ||
         after == '(';
}

}  // namespace

TaskQuery read_task(std::string_view task, TermTable& table) {
  TaskQuery query;
  std::unordered_map<Term, size_t> counts;
  std::vector<Term> order;
  std::unordered_set<Term> in_title;
  const size_t title_end = std::min(task.find('\n'), task.size());
  for_each_word(task, [&](size_t offset, std::string_view word) {
    for (Term term : table.terms(word)) {
      if (counts[term]++ == 0) order.push_back(term);
      if (offset < title_end) in_title.insert(term);
    }
    if (query.names.size() < kMaxNames && looks_like_code(task, offset, word) &&
        std::find(query.names.begin(), query.names.end(), word) == query.names.end()) {
      query.names.emplace_back(word);
      query.exact_names.push_back(exact_name(word));
    }
  });
  for (Term term : order) {
    const double repeated = std::sqrt(static_cast<double>(std::min<size_t>(counts[term], 3)));
    query.items.push_back({term, in_title.count(term) > 0 ? kTitleWeight * repeated : repeated});
  }
  return query;
}

}  // namespace engramd::repoindex
