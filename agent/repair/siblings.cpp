#include "agent/repair/siblings.h"

#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr uint32_t kWithin = 40;
constexpr size_t kMaxOthers = 4, kMinLength = 10, kMinParts = 3;

// Words, and runs of signs between them; brackets and separators say nothing. `return result` has
// two, and stands at the end of every other function.
size_t n_parts(std::string_view line) {
  size_t n = 0;
  char last = ' ';  // 'w' a word, 's' a sign, ' ' neither
  for (const char c : line) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || (c & 0x80) != 0;
    const bool nothing = std::string_view(" \t(){}[];,").find(c) != std::string_view::npos;
    const char now = word ? 'w' : nothing ? ' ' : 's';
    n += now != ' ' && now != last;
    last = now;
  }
  return n;
}

}  // namespace

std::optional<std::string> at_siblings(const std::string& text, const Candidate& candidate) {
  const LineIndex lines(text);
  const uint32_t line = lines.position(candidate.edit.range.begin).line;
  const ByteRange range = lines.line_range(line, text);
  if (candidate.edit.range.end > range.end) return std::nullopt;
  if (candidate.edit.replacement.find('\n') != std::string::npos) return std::nullopt;
  const std::string before(trim(std::string_view(text).substr(range.begin, range.size())));
  if (before.size() < kMinLength || n_parts(before) < kMinParts) return std::nullopt;
  const std::string whole = apply_edit(text, candidate.edit);
  const LineIndex after_lines(whole);
  const ByteRange after = after_lines.line_range(line, whole);
  const std::string now(trim(std::string_view(whole).substr(after.begin, after.size())));
  std::string out = text;
  size_t others = 0;
  const uint32_t first = line > kWithin ? line - kWithin : 0;
  // From the end, so that earlier places keep their offsets.
  for (uint32_t at = line + kWithin + 1; at-- > first;) {
    if (at >= lines.line_count()) continue;
    const ByteRange here = lines.line_range(at, text);
    const std::string_view found = std::string_view(text).substr(here.begin, here.size());
    if (trim(found) != before) continue;
    const size_t indent = found.find(before);
    out.replace(here.begin + indent, before.size(), now);
    others += at != line;
  }
  if (others == 0 || others > kMaxOthers) return std::nullopt;
  return out;
}

}  // namespace engramd::agent
