// What test programs print, read line by line. The formats are those of pytest -rA, unittest -v,
// TAP and node:test's spec reporter, ctest, go test -v, cargo test and GoogleTest.
#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "agent/tests/runner.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxTests = 50000;
constexpr size_t kMaxFrames = 200;

class Cases {
 public:
  void set(std::string_view id, TestStatus status, std::string_view message = {}) {
    if (id.empty() || list.size() >= kMaxTests) return;
    const auto [place, added] = index_.try_emplace(std::string(id), list.size());
    if (added) {
      TestCase test;
      test.id = std::string(id);
      list.push_back(std::move(test));
    }
    TestCase& test = list[place->second];
    // A later "passed" never hides a failure that was printed under the same name.
    if (added || status != TestStatus::passed) test.status = status;
    if (!message.empty()) test.message = std::string(message.substr(0, 2000));
  }
  std::vector<TestCase> list;

 private:
  std::map<std::string, size_t, std::less<>> index_;
};

bool take(std::string_view& line, std::string_view prefix) {
  if (line.substr(0, prefix.size()) != prefix) return false;
  line.remove_prefix(prefix.size());
  return true;
}

std::string_view until(std::string_view text, std::string_view mark) {
  return text.substr(0, text.find(mark));
}

void parse_pytest(std::string_view line, Cases& cases) {
  if (take(line, "PASSED "))
    cases.set(line, TestStatus::passed);
  else if (take(line, "XFAIL "))
    cases.set(until(line, " - "), TestStatus::passed);
  else if (take(line, "XPASS "))
    cases.set(until(line, " - "), TestStatus::passed);
  else if (take(line, "FAILED ")) {
    const size_t dash = line.find(" - ");
    cases.set(line.substr(0, dash), TestStatus::failed,
              dash == std::string_view::npos ? std::string_view() : line.substr(dash + 3));
  } else if (line.find("::") != std::string_view::npos ||
             line.find(".py") != std::string_view::npos) {
    if (take(line, "ERROR ")) cases.set(until(line, " - "), TestStatus::error);
  }
}

void parse_unittest(std::string_view line, Cases& cases) {
  const size_t dots = line.rfind(" ... ");
  if (dots != std::string_view::npos) {
    const std::string_view id = line.substr(0, dots), verdict = line.substr(dots + 5);
    if (verdict == "ok")
      cases.set(id, TestStatus::passed);
    else if (verdict == "FAIL")
      cases.set(id, TestStatus::failed);
    else if (verdict == "ERROR")
      cases.set(id, TestStatus::error);
    else if (verdict.substr(0, 7) == "skipped")
      cases.set(id, TestStatus::skipped);
    return;
  }
  if (take(line, "FAIL: "))
    cases.set(line, TestStatus::failed);
  else if (take(line, "ERROR: "))
    cases.set(line, TestStatus::error);
}

void parse_tap(std::string_view line, Cases& cases) {
  line = trim(line);
  bool good = false;
  if (take(line, "ok "))
    good = true;
  else if (!take(line, "not ok "))
    return;
  size_t digits = 0;
  while (digits < line.size() && line[digits] >= '0' && line[digits] <= '9') ++digits;
  line.remove_prefix(digits);
  line = trim(line);
  take(line, "- ");
  const size_t directive = line.find(" # ");
  const std::string_view id = trim(line.substr(0, directive));
  if (directive != std::string_view::npos && good) {
    const std::string_view word = line.substr(directive + 3, 4);
    if (word == "SKIP" || word == "skip") return cases.set(id, TestStatus::skipped);
  }
  cases.set(id, good ? TestStatus::passed : TestStatus::failed);
}

void parse_node(std::string_view line, Cases& cases) {
  std::string_view rest = trim(line);
  // The spec reporter: a tick or a cross, the name, the time in parentheses.
  const bool good = take(rest, "\xE2\x9C\x94 ");
  if (good || take(rest, "\xE2\x9C\x96 ")) {
    if (rest == "failing tests:") return;
    cases.set(trim(rest.substr(0, rest.rfind(" ("))),
              good ? TestStatus::passed : TestStatus::failed);
    return;
  }
  parse_tap(line, cases);
}

void parse_ctest(std::string_view line, Cases& cases) {
  const size_t mark = line.find(" Test #");
  if (mark == std::string_view::npos) return;
  const size_t colon = line.find(": ", mark);
  if (colon == std::string_view::npos) return;
  std::string_view rest = line.substr(colon + 2);
  const std::string_view id = until(rest, " ");
  if (rest.find("Passed") != std::string_view::npos)
    cases.set(id, TestStatus::passed);
  else if (rest.find("***Timeout") != std::string_view::npos)
    cases.set(id, TestStatus::timed_out);
  else if (rest.find("***Skipped") != std::string_view::npos)
    cases.set(id, TestStatus::skipped);
  else if (rest.find("***") != std::string_view::npos)
    cases.set(id, TestStatus::failed);
}

void parse_go(std::string_view line, Cases& cases) {
  line = trim(line);
  if (take(line, "--- PASS: "))
    cases.set(until(line, " ("), TestStatus::passed);
  else if (take(line, "--- FAIL: "))
    cases.set(until(line, " ("), TestStatus::failed);
  else if (take(line, "--- SKIP: "))
    cases.set(until(line, " ("), TestStatus::skipped);
}

void parse_cargo(std::string_view line, Cases& cases) {
  if (!take(line, "test ")) return;
  const size_t dots = line.find(" ... ");
  if (dots == std::string_view::npos) return;
  const std::string_view verdict = line.substr(dots + 5);
  if (verdict == "ok")
    cases.set(line.substr(0, dots), TestStatus::passed);
  else if (verdict == "FAILED")
    cases.set(line.substr(0, dots), TestStatus::failed);
  else if (verdict.substr(0, 7) == "ignored")
    cases.set(line.substr(0, dots), TestStatus::skipped);
}

void parse_gtest(std::string_view line, Cases& cases) {
  if (take(line, "[       OK ] "))
    cases.set(until(line, " ("), TestStatus::passed);
  else if (take(line, "[  FAILED  ] ") && line.find('.') != std::string_view::npos)
    cases.set(until(until(line, " ("), ","), TestStatus::failed);
}

using LineParser = void (*)(std::string_view, Cases&);
struct ParserRow {
  Framework framework;
  LineParser parse;
};
constexpr ParserRow kParsers[] = {
    {Framework::pytest, parse_pytest}, {Framework::unittest, parse_unittest},
    {Framework::node, parse_node},     {Framework::tap, parse_tap},
    {Framework::ctest, parse_ctest},   {Framework::go, parse_go},
    {Framework::cargo, parse_cargo},   {Framework::gtest, parse_gtest},
};

std::vector<TestCase> parse_with(LineParser parse, const std::vector<std::string_view>& lines) {
  Cases cases;
  for (const std::string_view line : lines) parse(line, cases);
  return std::move(cases.list);
}

bool is_path_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '/' || c == '+' || c == '@' || (c & 0x80) != 0;
}

std::optional<uint32_t> number_at(std::string_view text, size_t at) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
  if (error != std::errc() || value == 0) return std::nullopt;
  return value;
}

}  // namespace

std::vector<TestCase> parse_test_output(Framework framework, std::string_view output) {
  const std::vector<std::string_view> lines = split_lines(output);
  for (const ParserRow& row : kParsers)
    if (row.framework == framework) return parse_with(row.parse, lines);
  // A shell line or a Makefile may run anything: the format that explains most tests is taken.
  std::vector<TestCase> best;
  for (const ParserRow& row : kParsers) {
    std::vector<TestCase> tests = parse_with(row.parse, lines);
    if (tests.size() > best.size()) best = std::move(tests);
  }
  return best;
}

std::vector<Frame> find_frames(std::string_view output, const fs::path& tree_on_host,
                               std::string_view tree_inside) {
  std::vector<Frame> found;
  std::map<std::string, bool, std::less<>> known;
  const auto add = [&](std::string_view path, uint32_t line) {
    if (found.size() >= kMaxFrames) return;
    if (path.size() > tree_inside.size() && path.substr(0, tree_inside.size()) == tree_inside &&
        path[tree_inside.size()] == '/')
      path.remove_prefix(tree_inside.size() + 1);
    while (path.substr(0, 2) == "./") path.remove_prefix(2);
    if (!is_safe_relative_path(path)) return;
    auto place = known.find(path);
    if (place == known.end()) {
      std::error_code error;
      place =
          known.emplace(std::string(path), fs::is_regular_file(tree_on_host / path, error)).first;
    }
    if (place->second) found.push_back({std::string(path), line});
  };
  for (const std::string_view line : split_lines(output)) {
    if (const size_t quote = line.find("File \""); quote != std::string_view::npos) {
      const size_t begin = quote + 6, end = line.find("\", line ", begin);
      if (end != std::string_view::npos) {
        if (const auto number = number_at(line, end + 8))
          add(line.substr(begin, end - begin), *number);
        continue;
      }
    }
    for (size_t colon = line.find(':'); colon != std::string_view::npos;
         colon = line.find(':', colon + 1)) {
      if (colon + 1 >= line.size() || line[colon + 1] < '1' || line[colon + 1] > '9') continue;
      size_t begin = colon;
      while (begin > 0 && is_path_character(line[begin - 1])) --begin;
      std::string_view path = line.substr(begin, colon - begin);
      while (path.substr(0, 2) == "//") path.remove_prefix(1);  // file:///x
      if (path.find('.') == std::string_view::npos) continue;
      if (const auto number = number_at(line, colon + 1)) add(path, *number);
    }
  }
  std::reverse(found.begin(), found.end());
  return found;
}

}  // namespace engramd::agent
