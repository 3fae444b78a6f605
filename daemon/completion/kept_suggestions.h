// daemon/completion/kept_suggestions.h - ghost text that is still right after more was typed.
//
// A suggestion was made for a cursor in a text. Where the text is now the same but for the
// beginning of that suggestion typed (or accepted, by word or line) at that cursor, the rest of it
// is what the model would have gone on with, and it is there at once. Bounded: kMaxDocuments, the
// last suggestions of each. Any thread, a mutex inside.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::daemon {

class KeptSuggestions {
 public:
  static constexpr size_t kMaxDocuments = 16;
  static constexpr size_t kMaxTyped = 4096;  // bytes of a suggestion

  // Suggestions to be put in at the offset, the best first; none: nothing is kept.
  void keep(const std::string& uri, std::string_view text, size_t offset,
            std::vector<std::string> suggestions);
  // What is left of those that go on as it was typed; empty: ask the model. A suggestion that was
  // typed to its end is none.
  std::vector<std::string> rest(const std::string& uri, std::string_view text, size_t offset);
  void forget(const std::string& uri);

 private:
  struct Kept {
    std::string uri;
    size_t offset = 0, n_behind = 0;
    uint64_t before = 0, behind = 0;  // hashes of the text around the cursor
    std::vector<std::string> suggestions;
  };
  std::mutex mutex_;      // guards kept_: workers keep, the strand asks
  std::list<Kept> kept_;  // the last used first
};

}  // namespace engramd::daemon
