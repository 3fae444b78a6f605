#include "daemon/completion/suggestion_tracker.h"

#include <algorithm>

#include "base/hash.h"

namespace engramd::daemon {
namespace {

// Editors write a suggestion's line ends as the document has them.
std::string without_returns(std::string_view text) {
  std::string out(text);
  std::erase(out, '\r');
  return out;
}

size_t common_prefix(std::string_view a, std::string_view b) {
  size_t n = 0;
  while (n < a.size() && n < b.size() && a[n] == b[n]) ++n;
  return n;
}

}  // namespace

void SuggestionTracker::shown(const std::string& uri, const std::string& language,
                              std::string_view text, size_t offset, const std::string& suggestion) {
  if (suggestion.empty() || offset > text.size()) return;
  const std::lock_guard lock(mutex_);
  const auto old =
      std::find_if(shown_.begin(), shown_.end(), [&](const Shown& one) { return one.uri == uri; });
  if (old != shown_.end()) {
    // The same text asked for again, or what is left of it.
    const bool goes_on =
        old->offset + old->typed == offset && old->suggestion.substr(old->typed) == suggestion;
    if (goes_on) return;
    shown_.erase(old);
  }
  if (shown_.size() >= kMaxShown) shown_.pop_back();
  shown_.push_front(
      {uri, language, without_returns(suggestion), offset, 0, 0, hash64(text.substr(0, offset))});
  counts_.shown(language);
}

bool SuggestionTracker::changed(const std::string& uri, std::string_view text,
                                Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  look_locked(uri, text, now);
  const auto at =
      std::find_if(shown_.begin(), shown_.end(), [&](const Shown& one) { return one.uri == uri; });
  if (at == shown_.end()) return false;
  Shown& one = *at;
  if (one.offset > text.size() || hash64(text.substr(0, one.offset)) != one.before) {
    shown_.erase(at);
    return false;
  }
  const std::string here = without_returns(text.substr(one.offset, 2 * one.suggestion.size() + 1));
  const size_t stands = common_prefix(here, one.suggestion);
  if (stands <= one.typed) {
    // Nothing new of it: something else was typed, or it was taken back.
    if (stands < one.typed || stands == 0) shown_.erase(at);
    return false;
  }
  const size_t step = stands - one.typed;
  if (step > 1) one.jumped += step;
  one.typed = stands;
  if (stands < one.suggestion.size()) return false;
  const bool taken = one.jumped * 2 >= one.suggestion.size();
  if (taken) {
    counts_.accepted(one.language);
    if (accepted_.size() >= kMaxWaiting) accepted_.pop_front();
    accepted_.push_back({uri, one.language, std::move(one.suggestion), one.offset,
                         now + SuggestionCounts::kKeptFor});
  }
  shown_.erase(at);
  return taken;
}

void SuggestionTracker::look(const std::string& uri, std::string_view text, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  look_locked(uri, text, now);
}

void SuggestionTracker::look_locked(const std::string& uri, std::string_view text,
                                    Clock::time_point now) {
  accepted_.remove_if([&](const Accepted& one) {
    if (one.uri != uri || now < one.due) return false;
    const size_t begin = one.offset > kNear ? one.offset - kNear : 0;
    const std::string near =
        without_returns(text.substr(std::min(begin, text.size()), 2 * kNear + 2 * one.text.size()));
    if (near.find(one.text) != std::string::npos) counts_.kept(one.language);
    return true;
  });
}

void SuggestionTracker::closed(const std::string& uri) {
  const std::lock_guard lock(mutex_);
  shown_.remove_if([&](const Shown& one) { return one.uri == uri; });
  // Whether it would have stayed nobody knows.
  accepted_.remove_if([&](const Accepted& one) { return one.uri == uri; });
}

}  // namespace engramd::daemon
