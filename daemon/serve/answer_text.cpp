#include "daemon/serve/answer_text.h"

#include <algorithm>

#include "base/text.h"

namespace engramd::daemon::serve {
namespace {

// Bytes at the end that begin a character without finishing it.
size_t unfinished_tail(std::string_view text) {
  for (size_t n = 1; n <= std::min<size_t>(3, text.size()); ++n) {
    const auto byte = static_cast<unsigned char>(text[text.size() - n]);
    if ((byte & 0xC0) == 0x80) continue;
    const size_t wanted = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1;
    return wanted > n ? n : 0;
  }
  return 0;
}

}  // namespace

std::string WholeCharacters::feed(std::string_view bytes) {
  unfinished_ += bytes;
  const size_t tail = unfinished_tail(unfinished_);
  std::string whole = unfinished_.substr(0, unfinished_.size() - tail);
  unfinished_.erase(0, whole.size());
  return utf8_valid(whole) ? whole : utf8_sanitized(whole);
}

std::string WholeCharacters::finish() {
  std::string rest = utf8_sanitized(unfinished_);
  unfinished_.clear();
  return rest;
}

StopStrings::StopStrings(std::vector<std::string> stops)
    : stops_([&] {
        std::erase_if(stops, [](const std::string& stop) { return stop.empty(); });
        return std::move(stops);
      }()) {}

std::string StopStrings::feed(std::string_view text) {
  if (stopped()) return {};
  held_ += text;
  // The earliest one wins; of those that start together the first in the list.
  size_t at = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t here = held_.find(stop);
    if (here >= at) continue;
    at = here;
    found_ = stop;
  }
  size_t shown = at;
  if (at == std::string::npos) {
    shown = held_.size();
    for (const std::string& stop : stops_)
      for (size_t n = std::min(stop.size() - 1, held_.size()); n > 0; --n)
        if (held_.ends_with(std::string_view(stop).substr(0, n))) {
          shown = std::min(shown, held_.size() - n);
          break;
        }
  }
  std::string out = held_.substr(0, shown);
  held_.erase(0, shown);
  if (stopped()) held_.clear();
  return out;
}

std::string StopStrings::finish() {
  std::string rest = std::move(held_);
  held_.clear();
  return rest;
}

}  // namespace engramd::daemon::serve
