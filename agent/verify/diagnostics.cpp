#include "agent/verify/diagnostics.h"

#include <algorithm>
#include <map>

#include "agent/edit/line_diff.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr size_t kMessageBytes = 400;

// Messages name places that move: "redefinition of line 12".
std::string without_numbers(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c < '0' || c > '9') out += c;
  return out;
}

}  // namespace

std::string_view to_string(Severity severity) {
  constexpr std::string_view kNames[] = {"error", "warning", "information", "hint"};
  return kNames[static_cast<size_t>(severity)];
}

std::vector<Diagnostic> new_diagnostics(std::string_view base_text,
                                        const std::vector<Diagnostic>& base,
                                        std::string_view new_text,
                                        const std::vector<Diagnostic>& now) {
  std::map<size_t, size_t> old_line_of;  // of the new text's lines that stayed
  std::map<size_t, bool> stayed;         // lines of the base
  for (const auto& [a, b] : common_lines(whole_lines(base_text), whole_lines(new_text))) {
    old_line_of[b] = a;
    stayed[a] = true;
  }
  // Messages of the base: by line where the line stayed, else by what they say alone.
  std::map<std::pair<size_t, std::string>, size_t> on_line;
  std::map<std::string, size_t> on_gone;
  for (const Diagnostic& old : base) {
    const std::string said = without_numbers(old.message);
    if (stayed.contains(old.line))
      ++on_line[{old.line, said}];
    else
      ++on_gone[said];
  }
  std::vector<Diagnostic> out;
  for (const Diagnostic& diagnostic : now) {
    const std::string said = without_numbers(diagnostic.message);
    if (const auto line = old_line_of.find(diagnostic.line); line != old_line_of.end()) {
      if (const auto old = on_line.find({line->second, said});
          old != on_line.end() && old->second > 0) {
        --old->second;
        continue;
      }
    } else if (const auto old = on_gone.find(said); old != on_gone.end() && old->second > 0) {
      --old->second;
      continue;
    }
    out.push_back(diagnostic);
  }
  return out;
}

std::vector<Diagnostic> on_changed_lines(std::string_view base_text, std::string_view new_text,
                                         const std::vector<Diagnostic>& now) {
  std::map<size_t, bool> stayed;
  for (const auto& [a, b] : common_lines(whole_lines(base_text), whole_lines(new_text)))
    stayed[b] = true;
  std::vector<Diagnostic> out;
  for (const Diagnostic& one : now)
    if (!stayed.contains(one.line)) out.push_back(one);
  return out;
}

std::string readable(std::vector<Diagnostic> diagnostics, size_t max_bytes) {
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [](const Diagnostic& a, const Diagnostic& b) {
                     if (a.severity != b.severity) return a.severity < b.severity;
                     return a.path != b.path ? a.path < b.path : a.line < b.line;
                   });
  std::string out, last;
  size_t left_out = 0;
  for (const Diagnostic& diagnostic : diagnostics) {
    std::string line = diagnostic.path + ":" + std::to_string(diagnostic.line + 1) + ": " +
                       std::string(to_string(diagnostic.severity)) + ": " +
                       utf8_sanitized(diagnostic.message.substr(0, kMessageBytes));
    std::replace(line.begin(), line.end(), '\n', ' ');
    if (!diagnostic.source.empty() || !diagnostic.code.empty())
      line += " (" + diagnostic.source +
              (diagnostic.code.empty() || diagnostic.source.empty() ? "" : " ") + diagnostic.code +
              ")";
    if (line == last) continue;  // several programs, or one twice
    if (out.size() + line.size() + 1 > max_bytes) {
      ++left_out;
      continue;
    }
    out += line + "\n";
    last = std::move(line);
  }
  if (left_out > 0) out += "(" + std::to_string(left_out) + " more)\n";
  return out;
}

}  // namespace engramd::agent
