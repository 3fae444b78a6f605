#include "agent/repair/text_changes.h"

#include <algorithm>

#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxChanges = 16, kMaxTexts = 400, kMaxLength = 400, kMaxMiddle = 24;
constexpr size_t kContext = 8, kNear = 4;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Quoted texts in their order, and what stands behind a - or + at the head of a line. An apostrophe
// inside a word opens nothing.
std::vector<std::string> texts_of(std::string_view failure) {
  std::vector<std::string> texts;
  for (std::string_view line : split_lines(failure)) {
    if (texts.size() >= kMaxTexts) break;
    std::string_view marked = trim(line);
    if (marked.rfind("E ", 0) == 0) marked = trim(marked.substr(2));  // pytest's margin
    if (marked.size() > 3 && (marked[0] == '-' || marked[0] == '+') && marked[1] == ' ' &&
        marked.size() < kMaxLength) {
      std::string_view text = trim(marked.substr(2));
      if (text.size() > 2 && text.front() == text.back() &&
          std::string_view("'\"`").find(text.front()) != std::string_view::npos)
        text = text.substr(1, text.size() - 2);
      texts.emplace_back(text);
      continue;
    }
    for (size_t i = 0; i < line.size(); ++i) {
      const char quote = line[i];
      if (quote != '\'' && quote != '"' && quote != '`') continue;
      if (i > 0 && is_word(line[i - 1]) && line[i - 1] != 'b' && line[i - 1] != 'u' &&
          line[i - 1] != 'r')
        continue;
      size_t end = i + 1;
      while (end < line.size() && line[end] != quote) end += line[end] == '\\' ? 2 : 1;
      if (end >= line.size() || end - i > kMaxLength) continue;
      if (end > i + 2) texts.emplace_back(line.substr(i + 1, end - i - 1));
      i = end;
    }
  }
  return texts;
}

bool has_end(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

void apply(const std::string& text, const TextChange& change, const std::string& from,
           const std::string& to, std::vector<std::string>& out) {
  // What is short stands everywhere: then the text around it decides.
  const auto fits = [&](size_t at) {
    const std::string_view head = std::string_view(text).substr(0, at),
                           tail = std::string_view(text).substr(at + from.size());
    const std::string_view before = change.before, after = change.after;
    const size_t near_before = std::min({before.size(), head.size(), kNear}),
                 near_after = std::min({after.size(), tail.size(), kNear});
    const bool is_before =
        near_before > 0 && has_end(before, head.substr(head.size() - near_before));
    const bool is_after =
        near_after > 0 && after.substr(0, near_after) == tail.substr(0, near_after);
    if (from.size() >= kNear) return true;
    if (from.empty()) return (is_before && near_before >= 3) || (is_after && near_after >= 3);
    return is_before || is_after;
  };
  for (size_t at = 0; at <= text.size() && out.size() < 6; ++at) {
    if (text.compare(at, from.size(), from) != 0 || !fits(at)) continue;
    std::string changed = text;
    changed.replace(at, from.size(), to);
    if (changed != text && std::find(out.begin(), out.end(), changed) == out.end())
      out.push_back(std::move(changed));
  }
}

}  // namespace

std::vector<TextChange> text_changes(std::string_view failure) {
  std::vector<TextChange> changes;
  const std::vector<std::string> texts = texts_of(failure);
  for (size_t a = 0; a < texts.size(); ++a)
    for (size_t b = a + 1; b < std::min(texts.size(), a + 5) && changes.size() < kMaxChanges; ++b) {
      const std::string &one = texts[a], &other = texts[b];
      const size_t shorter = std::min(one.size(), other.size());
      size_t head = 0, tail = 0;
      while (head < shorter && one[head] == other[head]) ++head;
      while (tail < shorter - head && one[one.size() - 1 - tail] == other[other.size() - 1 - tail])
        ++tail;
      if (one == other || head + tail < 3) continue;
      if (3 * (head + tail) < std::max(one.size(), other.size())) continue;
      if (std::max(one.size(), other.size()) - head - tail > kMaxMiddle) continue;
      TextChange change;
      const size_t from = head > kContext ? head - kContext : 0;
      change.before = one.substr(from, head - from);
      change.one = one.substr(head, one.size() - head - tail);
      change.other = other.substr(head, other.size() - head - tail);
      change.after = one.substr(one.size() - tail, kContext);
      const bool known = std::any_of(changes.begin(), changes.end(), [&](const TextChange& seen) {
        return (seen.one == change.one && seen.other == change.other) ||
               (seen.one == change.other && seen.other == change.one);
      });
      if (!known) changes.push_back(std::move(change));
    }
  return changes;
}

std::vector<std::string> changed_texts(const std::string& text, const TextChange& change) {
  std::vector<std::string> out;
  // What is there is likelier to be too much than to be missing a second time.
  const bool is_first = !change.one.empty();
  const std::string &from = is_first ? change.one : change.other,
                    &to = is_first ? change.other : change.one;
  apply(text, change, from, to, out);
  if (out.empty()) apply(text, change, to, from, out);
  return out;
}

}  // namespace engramd::agent
