#include "agent/tests/output_text.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "agent/sandbox/work_tree.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFrames = 200;

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

std::string plain_text(std::string_view output) {
  std::string out;
  out.reserve(output.size());
  for (size_t i = 0; i < output.size(); ++i) {
    const char c = output[i];
    if (c == '\x1b') {
      // CSI … letter; OSC … BEL or ESC \\; otherwise two bytes.
      if (i + 1 < output.size() && output[i + 1] == '[') {
        i += 2;
        while (i < output.size() && !(output[i] >= '@' && output[i] <= '~')) ++i;
      } else if (i + 1 < output.size() && output[i + 1] == ']') {
        i += 2;
        while (i < output.size() && output[i] != '\a' && output[i] != '\x1b' && output[i] != '\n')
          ++i;
        if (i < output.size() && output[i] == '\x1b') ++i;
      } else {
        ++i;
      }
    } else if (c == '\r') {
      // "\r\n" is a line end of Windows; a lone one starts the line anew, as a progress bar does.
      if (i + 1 < output.size() && output[i + 1] != '\n') out += '\n';
    } else if (c != '\0' && c != '\x16') {
      out += c;
    }
  }
  return utf8_valid(out) ? out : utf8_sanitized(out);
}

std::vector<Frame> find_frames(std::string_view output, const fs::path& tree_on_host,
                               std::string_view tree_inside,
                               const std::vector<std::string>& folders) {
  std::vector<Frame> found;
  std::map<std::string, std::string, std::less<>> known;  // path -> where it is; empty: nowhere
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
      std::string at;
      if (fs::is_regular_file(tree_on_host / path, error)) at = std::string(path);
      for (const std::string& folder : folders) {
        const std::string below = (fs::path(folder) / path).string();
        if (at.empty() && is_safe_relative_path(below) &&
            fs::is_regular_file(tree_on_host / below, error))
          at = below;
      }
      place = known.emplace(std::string(path), at).first;
    }
    if (!place->second.empty()) found.push_back({place->second, line});
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
