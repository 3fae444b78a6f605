#include "agent/tests/compare.h"

#include <algorithm>
#include <map>
#include <set>

namespace engramd::agent {
namespace {

std::string first_line(const std::string& message) {
  // The sentence that says what went wrong is often the last one of a traceback, or the first of
  // anything else; the shortest useful thing is the line with the error's name.
  std::string best;
  size_t begin = 0;
  while (begin < message.size()) {
    size_t end = message.find('\n', begin);
    if (end == std::string::npos) end = message.size();
    std::string line = message.substr(begin, end - begin);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.erase(0, 1);
    if (best.empty()) best = line;
    if (line.starts_with("E  ") || line.find("Error: ") != std::string::npos ||
        line.find("Error\t") != std::string::npos) {
      best = line.starts_with("E  ") ? line.substr(line.find_first_not_of("E ")) : line;
      break;
    }
    begin = end + 1;
  }
  return best.size() > 160 ? best.substr(0, 157) + "…" : best;
}

std::string_view word(const std::optional<TestStatus>& status) {
  return status ? to_string(*status) : std::string_view("not listed");
}

}  // namespace

TestComparison compare(const TestRun& before, const TestRun& after) {
  TestComparison result;
  result.before_green = before.green;
  result.after_green = after.green;
  std::map<std::string_view, const TestCase*> now;
  for (const TestCase& test : after.tests) now[test.id] = &test;
  for (const TestCase& test : before.tests) {
    TestChange change{test.id, test.status, std::nullopt, test.message};
    const auto found = now.find(test.id);
    if (found == now.end()) {
      // A test inside an entry of ctest that does not name what passes: the entry speaks for it.
      const size_t colons = test.id.find("::");
      const auto entry = colons == std::string::npos
                             ? now.end()
                             : now.find(std::string_view(test.id).substr(0, colons));
      if (entry != now.end() && before.framework == Framework::ctest &&
          entry->second->status == TestStatus::passed) {
        change.after = TestStatus::passed;
        if (test.red())
          result.fixed.push_back(std::move(change));
        else
          ++result.n_still_green;
      } else {
        result.vanished.push_back(std::move(change));
      }
      continue;
    }
    const TestCase& other = *found->second;
    change.after = other.status;
    if (test.red()) {
      if (other.status == TestStatus::passed)
        result.fixed.push_back(std::move(change));
      else
        result.still_red.push_back(std::move(change));
    } else if (other.red()) {
      change.message = other.message;
      result.broken.push_back(std::move(change));
    } else if (other.status == TestStatus::passed) {
      ++result.n_still_green;
    } else {
      ++result.n_skipped;
    }
  }
  std::set<std::string_view> known;
  for (const TestCase& test : before.tests) known.insert(test.id);
  for (const TestCase& test : after.tests)
    if (!known.contains(test.id))
      result.added.push_back({test.id, std::nullopt, test.status, test.message});
  for (const auto& [name, run] : {std::pair("before", &before), std::pair("after", &after)}) {
    if (!result.doubt.empty()) break;
    if (!run->problem.empty())
      result.doubt = std::string(name) + ": " + run->problem;
    else if (!run->contradiction.empty())
      result.doubt = std::string(name) + ": " + run->contradiction;
    else if (run->truncated)
      result.doubt = std::string(name) + ": the list of tests is not complete";
    else if (run->tests.empty() && run->exit_code != 0)
      result.doubt = std::string(name) + ": no test was listed";
  }
  return result;
}

std::string to_text(const TestComparison& comparison, size_t max_lines) {
  std::string head, lines;
  size_t n_lines = 0, n_hidden = 0;
  const auto add = [&](const std::vector<TestChange>& changes, std::string_view name, char mark,
                       bool with_message) {
    if (changes.empty()) return;
    head += (head.empty() ? "" : ", ") + std::to_string(changes.size()) + " " + std::string(name);
    for (const TestChange& change : changes) {
      if (n_lines++ >= max_lines) {
        ++n_hidden;
        continue;
      }
      lines += std::string(1, mark) + " " + change.id + "  (" + std::string(word(change.before)) +
               " -> " + std::string(word(change.after)) + (change.flaky ? ", flaky" : "") + ")";
      if (with_message && !change.message.empty()) lines += "\n    " + first_line(change.message);
      lines += "\n";
    }
  };
  add(comparison.fixed, "fixed", '+', false);
  add(comparison.broken, "broken", '-', true);
  add(comparison.still_red, "still red", '!', true);
  add(comparison.vanished, "vanished", '?', false);
  add(comparison.added, "new", '*', false);
  if (comparison.n_still_green > 0)
    head += (head.empty() ? "" : ", ") + std::to_string(comparison.n_still_green) + " still green";
  if (comparison.n_skipped > 0)
    head += (head.empty() ? "" : ", ") + std::to_string(comparison.n_skipped) + " skipped";
  if (head.empty()) head = "no test was listed";
  if (n_hidden > 0) lines += "… and " + std::to_string(n_hidden) + " more\n";
  if (!comparison.doubt.empty()) lines += "doubt: " + comparison.doubt + "\n";
  return head + "\n" + lines;
}

}  // namespace engramd::agent
