// engine/chat/prompt_writer.h - collects what a dialect writes and what it was given, apart.
#pragma once

#include <string_view>
#include <utility>

#include "engine/api/chat.h"

namespace engramd::engine::chat {

class PromptWriter {
 public:
  // The format's own words: markers in them are tokens.
  PromptWriter& mark(std::string_view text) { return add(text, true); }
  // Anything that came from outside.
  PromptWriter& data(std::string_view text) { return add(text, false); }
  void opens_reasoning() { prompt_.opens_reasoning = true; }
  Prompt take() { return std::move(prompt_); }

 private:
  PromptWriter& add(std::string_view text, bool trusted) {
    if (text.empty()) return *this;
    if (prompt_.parts.empty() || prompt_.parts.back().trusted != trusted)
      prompt_.parts.push_back({std::string(text), trusted});
    else
      prompt_.parts.back().text += text;
    return *this;
  }
  Prompt prompt_;
};

inline std::string_view trimmed(std::string_view text, std::string_view what = " \t\r\n\f\v") {
  const size_t begin = text.find_first_not_of(what);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(what) - begin + 1);
}
inline std::string_view without_leading(std::string_view text, char c) {
  const size_t begin = text.find_first_not_of(c);
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

// The index of the last message of this role, or npos.
inline size_t last_of(const Request& request, Role role) {
  for (size_t i = request.messages.size(); i > 0; --i)
    if (request.messages[i - 1].role == role) return i - 1;
  return static_cast<size_t>(-1);
}
inline bool is_at(const Request& request, size_t index, Role role) {
  return index < request.messages.size() && request.messages[index].role == role;
}

}  // namespace engramd::engine::chat
