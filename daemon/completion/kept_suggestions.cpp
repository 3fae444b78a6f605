#include "daemon/completion/kept_suggestions.h"

#include <algorithm>

#include "base/hash.h"

namespace engramd::daemon {

void KeptSuggestions::keep(const std::string& uri, std::string_view text, size_t offset,
                           std::vector<std::string> suggestions) {
  std::erase_if(suggestions,
                [](const std::string& s) { return s.empty() || s.size() > kMaxTyped; });
  std::lock_guard lock(mutex_);
  kept_.remove_if([&](const Kept& kept) { return kept.uri == uri; });
  if (suggestions.empty() || offset > text.size()) return;
  if (kept_.size() >= kMaxDocuments) kept_.pop_back();
  kept_.push_front({uri, offset, text.size() - offset, hash64(text.substr(0, offset)),
                    hash64(text.substr(offset)), std::move(suggestions)});
}

std::vector<std::string> KeptSuggestions::rest(const std::string& uri, std::string_view text,
                                               size_t offset) {
  std::lock_guard lock(mutex_);
  const auto at =
      std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.uri == uri; });
  if (at == kept_.end()) return {};
  kept_.splice(kept_.begin(), kept_, at);
  const Kept& kept = kept_.front();
  const bool same_place = offset >= kept.offset && offset <= text.size() &&
                          offset - kept.offset <= kMaxTyped &&
                          text.size() - offset == kept.n_behind;
  if (!same_place) return {};
  const std::string_view typed = text.substr(kept.offset, offset - kept.offset);
  std::vector<std::string> out;
  for (const std::string& one : kept.suggestions) {
    const bool goes_on =
        one.size() > typed.size() && std::string_view(one).substr(0, typed.size()) == typed;
    if (goes_on) out.push_back(one.substr(typed.size()));
  }
  // The hashes last: most keystrokes are told apart without them.
  const bool same_text = !out.empty() && hash64(text.substr(0, kept.offset)) == kept.before &&
                         hash64(text.substr(offset)) == kept.behind;
  return same_text ? out : std::vector<std::string>();
}

void KeptSuggestions::forget(const std::string& uri) {
  std::lock_guard lock(mutex_);
  kept_.remove_if([&](const Kept& kept) { return kept.uri == uri; });
}

}  // namespace engramd::daemon
