// What V8 counted: NODE_V8_COVERAGE names a folder, and each process of node leaves a file there.
// Files that are compiled before they run (TypeScript) are left out: their places are not those of
// the sources.
#include "agent/repair/coverage.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kMaxReports = 200, kMaxReportBytes = 64u << 20;

// V8's offsets count UTF-16 units.
std::vector<size_t> byte_offsets(const std::string& source) {
  std::vector<size_t> offsets;
  for (size_t at = 0; at < source.size();) {
    const size_t length = utf8_length_at(source, at);
    offsets.push_back(at);
    if (utf8_decode_at(source, at) > 0xFFFF) offsets.push_back(at);
    at += length;
  }
  offsets.push_back(source.size());
  return offsets;
}

std::vector<uint64_t> counts_of(const json& functions, const std::string& source) {
  const std::vector<size_t> offsets = byte_offsets(source);
  const LineIndex lines(source);
  // Inner ranges come after outer ones: each overwrites what it covers.
  std::vector<uint64_t> per_line(lines.line_count(), 0);
  std::vector<size_t> first_byte(lines.line_count());
  for (size_t line = 0; line < lines.line_count(); ++line) {
    const ByteRange range = lines.line_range(line, source);
    first_byte[line] = std::min(source.find_first_not_of(" \t", range.begin), range.end);
  }
  if (!functions.is_array()) return per_line;
  for (const json& function : functions) {
    if (!function.is_object()) continue;
    const json ranges = function.value("ranges", json::array());
    for (const json& range : ranges) {
      if (!range.is_object()) continue;
      const auto place = [&](const char* key) {
        const json value = range.value(key, json(0));
        const size_t unit = value.is_number_unsigned() ? value.get<size_t>() : 0;
        return offsets[std::min(unit, offsets.size() - 1)];
      };
      const size_t begin = place("startOffset"), end = place("endOffset");
      const json count = range.value("count", json(0));
      if (begin >= end || !count.is_number_unsigned()) continue;
      for (size_t line = lines.position(begin).line;
           line < lines.line_count() && first_byte[line] < end; ++line)
        if (first_byte[line] >= begin) per_line[line] = count.get<uint64_t>();
    }
  }
  return per_line;
}

}  // namespace

std::optional<LineCounts> count_v8(const Workplace& place, const TestCommand& command,
                                   double wall_s, const CancelToken& cancel) {
  const std::string name = "v8-coverage";
  const fs::path folder = place.sandbox->report_file(name);
  std::error_code error;
  fs::remove_all(folder, error);
  fs::create_directories(folder, error);
  TestCommand counted = command;
  counted.text =
      "export NODE_V8_COVERAGE='" + place.sandbox->report_path(name) + "'; " + command.text;
  TestRunOptions options;
  options.detailed = false;
  options.limits.wall_ms = static_cast<int64_t>(1000 * wall_s);
  const auto ran = run_tests(*place.sandbox, counted, options, cancel);
  if (!ran) return std::nullopt;
  LineCounts counts;
  std::map<std::string, std::string> sources;
  size_t n = 0;
  const std::string inside = "file://" + place.sandbox->tree_path() + "/";
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (++n > kMaxReports || cancel.cancelled()) break;
    const auto text = read_file(entry.path(), kMaxReportBytes);
    if (!text) continue;
    const json report = json::parse(*text, nullptr, false);
    if (!report.is_object() || !report.contains("result") || !report["result"].is_array()) continue;
    for (const json& script : report["result"]) {
      if (!script.is_object() || !script.contains("url") || !script["url"].is_string()) continue;
      const std::string url = script["url"].get<std::string>();
      if (url.rfind(inside, 0) != 0) continue;
      const std::string path = url.substr(inside.size());
      if (path.find("node_modules/") != std::string::npos || !is_safe_relative_path(path)) continue;
      if (!path.ends_with(".js") && !path.ends_with(".cjs") && !path.ends_with(".mjs")) continue;
      if (sources.count(path) == 0) {
        const auto source = place.tree->read(path);
        sources[path] = source ? *source : "";
      }
      if (sources[path].empty()) continue;
      const auto more = counts_of(script.value("functions", json::array()), sources[path]);
      std::vector<uint64_t>& all = counts[path];
      all.resize(std::max(all.size(), more.size()), 0);
      for (size_t line = 0; line < more.size(); ++line) all[line] += more[line];
    }
  }
  fs::remove_all(folder, error);
  return counts;
}

std::vector<uint64_t> v8_line_counts(const std::string& functions_json, const std::string& source) {
  return counts_of(json::parse(functions_json, nullptr, false), source);
}

}  // namespace engramd::agent
