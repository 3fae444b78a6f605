#include "agent/loop/clean_text.h"

#include <cstdio>

#include "base/text.h"

namespace engramd::agent {
namespace {

struct CodePoints {
  char32_t first, last;
};
// What takes no room on a screen, or changes the order of what does.
constexpr CodePoints kInvisible[] = {
    {0x00, 0x08},     {0x0B, 0x0C},     {0x0E, 0x1F},       {0x7F, 0x9F},       {0xAD, 0xAD},
    {0x034F, 0x034F}, {0x061C, 0x061C}, {0x115F, 0x1160},   {0x17B4, 0x17B5},   {0x180B, 0x180F},
    {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x206F},   {0x3164, 0x3164},   {0xFEFF, 0xFEFF},
    {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

bool is_invisible(char32_t c) {
  for (const CodePoints& range : kInvisible)
    if (range.first <= c && c <= range.last) return true;
  return false;
}

// Bytes of a terminal escape at text[at] (CSI, OSC, or two bytes); 0 when there is none.
size_t escape_length(std::string_view text, size_t at) {
  if (text[at] != '\x1b') return 0;
  if (at + 1 >= text.size()) return 1;
  size_t end = at + 2;
  if (text[at + 1] == '[') {
    while (end < text.size() && !(text[end] >= '@' && text[end] <= '~')) ++end;
    return std::min(end + 1, text.size()) - at;
  }
  if (text[at + 1] == ']') {
    // Bounded: an escape that never ends must not swallow the rest.
    const size_t limit = std::min(text.size(), at + 4096);
    while (end < limit && text[end] != '\x07' && text[end] != '\x1b') ++end;
    return end == limit ? 2 : end + (text[end] == '\x1b' ? 2 : 1) - at;
  }
  return 2;
}

template <class OnInvisible>
std::string filtered(std::string_view text, OnInvisible&& on_invisible) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (const size_t escape = byte == 0x1b ? escape_length(text, i) : 0; escape > 0) {
      i = std::min(i + escape, text.size());
      continue;
    }
    if (byte >= 0x20 && byte < 0x7f) {  // by far the most
      out += text[i++];
      continue;
    }
    const size_t length = utf8_length_at(text, i);
    const char32_t c = utf8_decode_at(text, i);
    if (is_invisible(c))
      on_invisible(out, c);
    else
      out.append(text, i, length);
    i += length;
  }
  return out;
}

std::string without_comments(const std::string& text, size_t& n_removed) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t begin = text.find("<!--", at);
    const size_t end = begin == std::string::npos ? begin : text.find("-->", begin + 4);
    if (end == std::string::npos) return out.append(text, at, std::string::npos);
    out.append(text, at, begin - at);
    ++n_removed;
    at = end + 3;
  }
}

}  // namespace

CleanedText cleaned_prose(std::string_view text) {
  CleanedText cleaned;
  const std::string visible =
      filtered(text, [&](std::string&, char32_t) { ++cleaned.n_invisible; });
  cleaned.text = without_comments(visible, cleaned.n_comments);
  return cleaned;
}

std::string with_visible_controls(std::string_view text) {
  return filtered(text, [](std::string& out, char32_t c) {
    char buffer[24];
    std::snprintf(buffer, sizeof buffer, "\u2039U+%04X\u203a", static_cast<unsigned>(c));
    out += buffer;
  });
}

}  // namespace engramd::agent
