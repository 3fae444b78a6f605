#include "daemon/completion/suggestion_counts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

#include "base/environment.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/completion/calibration.h"
#include "lsp/json_writer.h"

namespace engramd::daemon {
namespace {

constexpr std::string_view kHead = "engramd suggestion counts 1";
constexpr size_t kMaxFileBytes = 64u << 10;
// After so many suggestions the older ones weigh half.
constexpr double kHalfLife = 500;
// The threshold moves by this share of the accepted share's distance from the usual one, of which
// everybody starts with so many suggestions: a bad hour moves it by a few hundredths.
constexpr double kPull = 0.75, kUsualShare = 0.30, kUsualWeight = 200;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 40 &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+#-_.") ==
             std::string_view::npos;
}

}  // namespace

SuggestionCounts::SuggestionCounts(std::filesystem::path file) : file_(std::move(file)) {
  read();
}

SuggestionCounts::~SuggestionCounts() {
  if (const Status saved = save(); !saved) log_warning(saved.error().message);
}

void SuggestionCounts::read() {
  if (file_.empty()) return;
  const auto text = read_file(file_, kMaxFileBytes);
  if (!text) return;
  std::istringstream lines(*text);
  std::string line;
  if (!std::getline(lines, line) || line != kHead) {
    log_warning(file_.string() + " is no list of suggestion counts; they start anew");
    return;
  }
  while (std::getline(lines, line) && rows_.size() < kMaxLanguages) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    if (name == "recent") {
      double shown = 0, accepted = 0;
      if (fields >> shown >> accepted && shown >= 0 && shown <= 1e6 && accepted >= 0 &&
          accepted <= shown) {
        recent_shown_ = shown;
        recent_accepted_ = accepted;
      }
    } else if (name == "language") {
      Row row;
      if (fields >> row.language >> row.shown >> row.accepted >> row.kept && is_name(row.language))
        rows_[row.language] = row;
    }
  }
}

SuggestionCounts::Row& SuggestionCounts::row(std::string_view language) {
  std::string_view name = is_name(language) ? language : "other";
  if (rows_.size() >= kMaxLanguages && rows_.find(name) == rows_.end()) name = "other";
  Row& row = rows_[std::string(name)];
  row.language = name;
  return row;
}

void SuggestionCounts::changed(std::unique_lock<std::mutex>& lock) {
  dirty_ = true;
  if (saved_ == Clock::time_point{}) saved_ = Clock::now();
  if (Clock::now() - saved_ < kSaveEvery) return;
  saved_ = Clock::now();
  lock.unlock();
  if (const Status saved = save(); !saved) log_warning(saved.error().message);
}

void SuggestionCounts::shown(std::string_view language) {
  std::unique_lock lock(mutex_);
  ++row(language).shown;
  const double keep = std::exp2(-1 / kHalfLife);
  recent_shown_ = recent_shown_ * keep + 1;
  recent_accepted_ *= keep;
  changed(lock);
}

void SuggestionCounts::accepted(std::string_view language) {
  std::unique_lock lock(mutex_);
  ++row(language).accepted;
  recent_accepted_ = std::min(recent_accepted_ + 1, recent_shown_);
  changed(lock);
}

void SuggestionCounts::kept(std::string_view language) {
  std::unique_lock lock(mutex_);
  ++row(language).kept;
  changed(lock);
}

Status SuggestionCounts::reset() {
  {
    const std::lock_guard lock(mutex_);
    rows_.clear();
    recent_shown_ = recent_accepted_ = 0;
    dirty_ = true;
  }
  return save();
}

std::vector<SuggestionCounts::Row> SuggestionCounts::rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> rows;
  for (const auto& [language, row] : rows_) rows.push_back(row);
  return rows;
}

SuggestionCounts::Row SuggestionCounts::total() const {
  Row total;
  for (const Row& row : rows()) {
    total.shown += row.shown;
    total.accepted += row.accepted;
    total.kept += row.kept;
  }
  return total;
}

double SuggestionCounts::threshold() const {
  const std::lock_guard lock(mutex_);
  const double share =
      (recent_accepted_ + kUsualShare * kUsualWeight) / (recent_shown_ + kUsualWeight);
  return std::clamp(kShownWhileTyping + kPull * (kUsualShare - share), kLowestThreshold,
                    kHighestThreshold);
}

std::string SuggestionCounts::text() const {
  std::string text(kHead);
  char recent[80];
  std::snprintf(recent, sizeof(recent), "\nrecent %.3f %.3f\n", recent_shown_, recent_accepted_);
  text += recent;
  for (const auto& [language, row] : rows_)
    text += "language " + language + ' ' + std::to_string(row.shown) + ' ' +
            std::to_string(row.accepted) + ' ' + std::to_string(row.kept) + '\n';
  return text;
}

Status SuggestionCounts::save() {
  std::string bytes;
  {
    const std::lock_guard lock(mutex_);
    if (!dirty_ || file_.empty()) return {};
    dirty_ = false;
    bytes = text();
  }
  ENGRAMD_CHECK(make_directories(file_.parent_path(), 0700));
  return write_file_atomic(file_, bytes);
}

std::string SuggestionCounts::status_json() const {
  lsp::JsonWriter json;
  const Row all = total();
  json.begin_object().field("shown", all.shown).field("accepted", all.accepted);
  json.field("kept", all.kept).key("threshold").real(threshold());
  json.key("languages").begin_array();
  for (const Row& row : rows())
    json.begin_object()
        .field("language", row.language)
        .field("shown", row.shown)
        .field("accepted", row.accepted)
        .field("kept", row.kept)
        .end_object();
  return json.end_array().end_object().take();
}

std::filesystem::path suggestion_counts_file() {
  return state_folder() / "suggestion-counts";
}

}  // namespace engramd::daemon
