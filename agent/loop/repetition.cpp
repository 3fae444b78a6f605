#include "agent/loop/repetition.h"

#include "base/hash.h"

namespace engramd::agent {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Fractions are times as a rule: "in 0.12s", "(3.4 ms)".
std::string without_fractions(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (!is_digit(text[i])) {
      out += text[i++];
      continue;
    }
    size_t end = i;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
      ++end;
      while (end < text.size() && is_digit(text[end])) ++end;
      out += '#';
    } else {
      out.append(text, i, end - i);
    }
    i = end;
  }
  return out;
}

}  // namespace

Repetition::Finding Repetition::step(const std::string& tool, const std::string& arguments,
                                     const std::string& answer, const std::string& patch) {
  uint64_t key = hash64(tool);
  key = hash64(arguments, key);
  key = hash64(without_fractions(answer), key);
  key = hash64(patch, key);
  if (++counts_[key] < threshold_) return Finding::none;
  if (nudged_) return Finding::stuck;
  nudged_ = true;
  counts_.clear();
  return Finding::nudge;
}

}  // namespace engramd::agent
