#include "daemon/completion/prompt_window.h"

#include <algorithm>

#include "base/hash.h"

namespace engramd::daemon {
namespace {

constexpr size_t kBytesPerToken = 8;  // more than any text has, on average over a prompt
constexpr size_t kStepBytes = 192;    // about 64 tokens: how far the prefix's begin moves at once
constexpr size_t kMinPart = 16;

void append(PromptWindow::Tokens& out, const PromptWindow::Tokens& more) {
  out.insert(out.end(), more.begin(), more.end());
}

uint64_t key_of(std::string_view text, uint64_t seed) {
  return hash64(text, seed) | 1;  // 0 is "nothing yet"
}

}  // namespace

std::string_view without_line_end(std::string_view after) {
  size_t end = after.find_first_not_of(" \t\r\n\f");
  if (end == std::string_view::npos) end = after.size();
  const size_t last = after.substr(0, end).rfind('\n');
  return last == std::string_view::npos ? after : after.substr(last + 1);
}

PromptLimits PromptWindow::limits_within(size_t max_tokens) const {
  PromptLimits limits = limits_;
  constexpr size_t kMarkers = 8;
  const size_t room = std::max(max_tokens, kMarkers + 2 * kMinPart) - kMarkers;
  const size_t shown = limits.prefix_tokens + limits.suffix_tokens;
  if (shown + limits.excerpt_tokens <= room) return limits;
  limits.excerpt_tokens = room > shown ? room - shown : 0;
  if (shown <= room) return limits;
  limits.suffix_tokens = std::max(kMinPart, room * limits.suffix_tokens / shown);
  limits.prefix_tokens = room - limits.suffix_tokens;
  return limits;
}

// Begins at a line, and at the same one while the cursor moves within a step of it.
PromptWindow::Tokens PromptWindow::prefix_of(std::string_view prefix, size_t max_tokens) const {
  const size_t looked_at = std::min(prefix.size(), max_tokens * kBytesPerToken);
  const size_t first = prefix.size() - looked_at;
  Tokens tokens = tokenizer_.encode(prefix.substr(first));
  if (first == 0 && tokens.size() <= max_tokens) return tokens;
  size_t begin = prefix.size();
  for (size_t i = tokens.size(); i > 0 && tokens.size() - i < max_tokens; --i)
    begin -= std::min(begin, tokenizer_.bytes(tokens[i - 1]).size());
  const size_t step = (begin + kStepBytes - 1) / kStepBytes * kStepBytes;
  const size_t line = step < prefix.size() ? prefix.find('\n', step) : std::string_view::npos;
  // A last line longer than a step is cut anywhere rather than lost.
  if (line != std::string_view::npos && line + 1 < prefix.size()) begin = line + 1;
  tokens = tokenizer_.encode(prefix.substr(begin));
  if (tokens.size() > max_tokens)
    tokens.erase(tokens.begin(), tokens.end() - static_cast<std::ptrdiff_t>(max_tokens));
  return tokens;
}

PromptWindow::Tokens PromptWindow::suffix_of(std::string_view after, size_t max_tokens) const {
  Tokens tokens = tokenizer_.encode(without_line_end(after).substr(0, max_tokens * kBytesPerToken));
  if (tokens.size() > max_tokens) tokens.resize(max_tokens);
  return tokens;
}

PromptWindow::Tokens PromptWindow::build(const Place& place, const FindExcerpts& find,
                                         size_t max_tokens, size_t affordable) {
  const std::string_view above =
      place.prefix.substr(0, std::min(place.line_begin, place.prefix.size()));
  const uint64_t at = key_of(above, hash64(place.path));
  if (at != at_) {
    at_ = at;
    affordable_ = affordable;
  }
  max_tokens = std::min(max_tokens, affordable_);
  const engine::SpecialTokens& specials = tokenizer_.specials();
  const PromptLimits limits = limits_within(max_tokens);
  const Tokens prefix = prefix_of(place.prefix, limits.prefix_tokens);
  const uint64_t seed = hash64(place.path, max_tokens);
  const uint64_t behind = key_of(place.after, seed);
  if (behind != behind_) {
    suffix_ = suffix_of(place.after, limits.suffix_tokens);
    behind_ = behind;
  }
  const uint64_t line = key_of(above, seed);
  if (line != line_) {
    excerpts_.clear();
    line_ = line;
    if (limits.excerpt_tokens > 0 && find && specials.file_sep >= 0) {
      std::vector<Tokens> found = find(prefix, suffix_);
      // As many of the best as fit; the best stands last, next to the text.
      size_t n = 0, used = 0;
      while (n < found.size() && used + found[n].size() + 1 <= limits.excerpt_tokens)
        used += found[n++].size() + 1;
      for (size_t i = n; i-- > 0;) {
        excerpts_.push_back(specials.file_sep);
        append(excerpts_, found[i]);
      }
    }
  }
  Tokens prompt = excerpts_;
  prompt.push_back(specials.fim_suffix);
  append(prompt, suffix_);
  prompt.push_back(specials.fim_prefix);
  append(prompt, prefix);
  prompt.push_back(specials.fim_middle);
  return prompt;
}

}  // namespace engramd::daemon
