// daemon/completion/suggestion_tracker.h - what became of the suggestions of one editor.
//
// The protocol has no word for "accepted", so it is read off the text: a suggestion is accepted
// when all of it stands at its place and at least half of it came in jumps of several bytes, which
// no typing makes; it is kept when it still stands near there some time later. Works with every
// editor. The caller says what time it is. Bounded: kMaxShown documents, kMaxWaiting accepted ones.
// Any thread, a mutex inside; counts are told while it is held.
#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "daemon/completion/suggestion_counts.h"

namespace engramd::daemon {

class SuggestionTracker {
 public:
  static constexpr size_t kMaxShown = 16, kMaxWaiting = 256;
  // How far an accepted text may have moved, in bytes.
  static constexpr size_t kNear = 16u << 10;

  explicit SuggestionTracker(SuggestionCounts& counts) : counts_(counts) {}

  // Put in front of the user at the offset of the document's text.
  void shown(const std::string& uri, const std::string& language, std::string_view text,
             size_t offset, const std::string& suggestion);
  // The document is this now. True: a suggestion was accepted with this change.
  bool changed(const std::string& uri, std::string_view text, Clock::time_point now);
  // Looks at the accepted ones of the document whose time has come.
  void look(const std::string& uri, std::string_view text, Clock::time_point now);
  void closed(const std::string& uri);

 private:
  struct Shown {
    std::string uri, language, suggestion;
    size_t offset = 0;
    size_t typed = 0;     // bytes of it that stand there
    size_t jumped = 0;    // of these, those that came several at once
    uint64_t before = 0;  // hash of the text left of it
  };
  struct Accepted {
    std::string uri, language, text;
    size_t offset = 0;
    Clock::time_point due;
  };
  void look_locked(const std::string& uri, std::string_view text, Clock::time_point now);

  SuggestionCounts& counts_;
  std::mutex mutex_;        // guards all below
  std::list<Shown> shown_;  // the newest first, one a document
  std::list<Accepted> accepted_;
};

}  // namespace engramd::daemon
