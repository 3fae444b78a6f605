// What `go test -coverprofile` counted: one line a block, "module/path/file.go:3.10,5.2 2 7", from
// line and column to line and column, with the number of statements and how often they ran.
#include <charconv>

#include "agent/repair/coverage.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxProfileBytes = 32u << 20, kMaxLines = 200000;

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::string module_of(const Workplace& place) {
  const auto text = place.tree->read("go.mod");
  if (text)
    for (const std::string_view line : split_lines(*text))
      if (line.rfind("module ", 0) == 0) return std::string(trim(line.substr(7)));
  return "";
}

}  // namespace

LineCounts go_line_counts(const std::string& profile, const std::string& module) {
  LineCounts counts;
  for (const std::string_view line : split_lines(profile)) {
    const size_t colon = line.rfind(':');
    if (colon == std::string_view::npos || colon + 1 >= line.size()) continue;
    std::string path(line.substr(0, colon));
    if (!module.empty()) {
      if (path.rfind(module + "/", 0) != 0) continue;
      path = path.substr(module.size() + 1);
    } else if (path.find('/') != std::string::npos) {
      path = path.substr(path.rfind('/') + 1);  // a package outside any module: its own folder
    }
    if (!is_safe_relative_path(path)) continue;
    const std::string_view rest = line.substr(colon + 1);
    const size_t comma = rest.find(','), space = rest.rfind(' ');
    if (comma == std::string_view::npos || space == std::string_view::npos || space < comma)
      continue;
    const auto first = number(rest), last = number(rest.substr(comma + 1)),
               count = number(rest.substr(space + 1));
    if (!first || !last || !count || *first == 0 || *last < *first || *last > kMaxLines) continue;
    std::vector<uint64_t>& lines = counts[path];
    if (lines.size() < *last) lines.resize(*last, 0);
    for (uint64_t at = *first; at <= *last; ++at) lines[at - 1] = std::max(lines[at - 1], *count);
  }
  return counts;
}

std::optional<LineCounts> count_go(const Workplace& place, const TestCommand& command,
                                   double wall_s, const CancelToken& cancel) {
  const size_t at = command.text.find("go test");
  if (at == std::string::npos) return std::nullopt;
  const fs::path report = place.sandbox->report_file("go.cover");
  std::error_code error;
  fs::remove(report, error);
  TestCommand counted = command;
  counted.text.insert(
      at + 7, " -covermode=count -coverprofile='" + place.sandbox->report_path("go.cover") + "'");
  TestRunOptions options;
  options.detailed = false;
  options.limits.wall_ms = static_cast<int64_t>(1000 * wall_s);
  const auto ran = run_tests(*place.sandbox, counted, options, cancel);
  if (!ran) return std::nullopt;
  const auto text = read_file(report, kMaxProfileBytes);
  if (!text) return std::nullopt;
  return go_line_counts(*text, module_of(place));
}

}  // namespace engramd::agent
