#include "repoindex/complete/typing_cache.h"

#include <algorithm>

namespace engramd::repoindex {

std::shared_ptr<const OpenDocument> TypingCache::with_name(const std::string& path,
                                                           std::string_view language,
                                                           std::string_view text, size_t offset) {
  if (text.size() > kMaxBytes || offset > text.size()) return nullptr;
  std::lock_guard lock(mutex_);
  auto at =
      std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.path == path; });
  if (at == kept_.end()) {
    if (kept_.size() >= kMaxDocuments) kept_.pop_back();
    kept_.push_front({path, Document::open(path, std::string(text), 0, std::string(language))});
  } else {
    kept_.splice(kept_.begin(), kept_, at);
  }
  Document& document = *kept_.front().document;
  // One edit makes the one text of the other: what lies between the common ends.
  const std::string& old = document.text();
  const size_t shorter = std::min(old.size(), text.size());
  const size_t begin = static_cast<size_t>(
      std::mismatch(old.begin(), old.begin() + static_cast<ptrdiff_t>(shorter), text.begin())
          .first -
      old.begin());
  size_t behind = 0;
  while (behind < shorter - begin && old[old.size() - 1 - behind] == text[text.size() - 1 - behind])
    ++behind;
  if (begin != old.size() || old.size() != text.size()) {
    document.edit({begin, old.size() - behind}, text.substr(begin, text.size() - behind - begin));
  }
  document.edit({offset, offset}, kName);
  auto named = std::make_shared<const OpenDocument>(document.publish());
  // Taken out again at once: the next text then differs where somebody typed and nowhere else.
  document.edit({offset, offset + kName.size()}, {});
  return named;
}

}  // namespace engramd::repoindex
