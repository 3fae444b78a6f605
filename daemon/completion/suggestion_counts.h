// daemon/completion/suggestion_counts.h - how often suggestions were shown, accepted and kept.
//
// One row a language, in the user's state folder (docs/formats/suggestion-counts.md), never sent
// anywhere: no text, no path, only numbers. They move the confidence that a suggestion must have,
// slowly and within bounds: who takes few of them sees fewer. Two daemons at once: the last to
// write wins. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd::daemon {

class SuggestionCounts {
 public:
  struct Row {
    std::string language;
    uint64_t shown = 0, accepted = 0, kept = 0;
  };
  static constexpr double kLowestThreshold = 0.15, kHighestThreshold = 0.40;
  static constexpr size_t kMaxLanguages = 100;
  // How long an accepted suggestion must stay in the text to count as kept.
  static constexpr std::chrono::seconds kKeptFor{30};

  // Empty: nothing is read or written. A file that cannot be read counts as none.
  explicit SuggestionCounts(std::filesystem::path file = {});
  ~SuggestionCounts();  // saves
  SuggestionCounts(const SuggestionCounts&) = delete;

  void shown(std::string_view language);
  void accepted(std::string_view language);
  void kept(std::string_view language);
  // Forgets everything, on disk too.
  Status reset();

  Row total() const;
  std::vector<Row> rows() const;  // by language
  // The confidence that a suggestion made while typing must have for this user.
  double threshold() const;
  // Writes what is new; by itself at most once in kSaveEvery, and at the end.
  Status save();
  std::string status_json() const;

 private:
  static constexpr std::chrono::seconds kSaveEvery{60};
  Row& row(std::string_view language);  // with the mutex held
  void changed(std::unique_lock<std::mutex>& lock);
  std::string text() const;
  void read();

  const std::filesystem::path file_;
  mutable std::mutex mutex_;  // guards all below
  std::map<std::string, Row, std::less<>> rows_;
  // The same, each halved every so many suggestions: what the threshold follows.
  double recent_shown_ = 0, recent_accepted_ = 0;
  bool dirty_ = false;
  Clock::time_point saved_{};
};

// The user's own, in the state folder.
std::filesystem::path suggestion_counts_file();

}  // namespace engramd::daemon
