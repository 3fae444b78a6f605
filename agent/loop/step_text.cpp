#include "agent/loop/step_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/edit/unified_diff.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

std::string text_of(const json& arguments, const char* name) {
  const auto found = arguments.find(name);
  if (found == arguments.end()) return {};
  return found->is_string()   ? found->get<std::string>()
         : found->is_number() ? found->dump()
                              : std::string();
}

size_t n_lines_of(std::string_view text) {
  return text.empty() ? 0
                      : static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) +
                            (text.back() == '\n' ? 0 : 1);
}

}  // namespace

std::string shortened_line(const std::string& text, size_t max_bytes) {
  const std::string_view trimmed = trim(text);
  std::string line(trimmed.substr(0, trimmed.find_first_of("\r\n")));
  bool cut = line.size() < trimmed.size();
  if (line.size() > max_bytes) {
    size_t end = max_bytes;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
    line.resize(end);
    cut = true;
  }
  return cut ? line + " …" : line;
}

std::string call_text(const std::string& tool, const std::string& arguments_json) {
  const json arguments = json::parse(arguments_json, nullptr, false);
  if (!arguments.is_object()) return {};
  std::string out = shortened_line(text_of(arguments, "path"), 80);
  if (const std::string symbol = text_of(arguments, "symbol"); !symbol.empty())
    out += ": " + shortened_line(symbol, 60);
  const std::string first = text_of(arguments, "first_line"),
                    last = text_of(arguments, "last_line");
  if (!first.empty()) out += " " + first + (last.empty() ? "-" : "-" + last);
  if (!out.empty()) return out;
  for (const char* name : {"command", "name", "summary", "pattern", "query", "text"})
    if (const std::string value = text_of(arguments, name); !value.empty())
      return tool == "search" || tool == "locate" ? "\"" + shortened_line(value, 60) + "\""
                                                  : shortened_line(value, 90);
  return {};
}

std::string change_text(const Changes& before, const Changes& after,
                        const std::map<std::string, std::string>& base) {
  std::string out;
  const auto text_in = [&](const Changes& texts, const std::string& path) -> std::string {
    const auto found = texts.find(path);
    if (found != texts.end()) return found->second.value_or("");
    const auto original = base.find(path);
    return original != base.end() ? original->second : std::string();
  };
  const auto add = [&](const std::string& path) {
    const std::string was = text_in(before, path), is = text_in(after, path);
    if (was == is) return;
    size_t n_added = 0, n_removed = 0;
    for (const TextEdit& block : changed_blocks(was, is)) {
      n_removed += n_lines_of(std::string_view(was).substr(block.range.begin, block.range.size()));
      n_added += n_lines_of(block.replacement);
    }
    out += (out.empty() ? "" : ", ") + path + " +" + std::to_string(n_added) + " -" +
           std::to_string(n_removed);
  };
  for (const auto& [path, text] : after) add(path);
  for (const auto& [path, text] : before)
    if (!after.contains(path)) add(path);
  return out;
}

DiffSize size_of_diff(const std::string& patch) {
  DiffSize size;
  bool in_hunk = false;
  for (const std::string_view line : split_lines(patch)) {
    if (line.starts_with("diff --git ")) in_hunk = false;
    if (line.starts_with("--- ") && !in_hunk) ++size.n_files;
    if (line.starts_with("@@")) {
      in_hunk = true;
      continue;
    }
    if (!in_hunk) continue;
    // "--- a/x" of the next file looks like a removed line that begins with "-- ".
    if (line.starts_with("--- a/") || line.starts_with("--- /dev/null")) {
      in_hunk = false;
      ++size.n_files;
      continue;
    }
    size.n_added += line.starts_with('+') ? 1 : 0;
    size.n_removed += line.starts_with('-') ? 1 : 0;
  }
  return size;
}

}  // namespace engramd::agent
