#include "repoindex/complete/rank.h"

#include <algorithm>
#include <cmath>

#include "repoindex/query/fuzzy.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

// Weights tried on pytest, click, requests and redis (tests/bench/complete_eval, and
// docs/benchmarks/completion-list.md); where two came out alike the simpler one stayed.
constexpr double kPrefix = 60, kPrefixOtherCase = 45, kFuzzyMost = 35;
constexpr double kUsed = 8, kUsedOther = 3, kHabit = 14, kFiles = 3;
constexpr double kWholeName = 12;

double of_source(CandidateSource source, int distance) {
  switch (source) {
    case CandidateSource::local:
      return 62 - 6 * std::min(distance, 6);
    case CandidateSource::member:
      return 60 - 2 * std::min(distance, 8);
    case CandidateSource::argument:
      return 50;
    case CandidateSource::file:
      return 42;
    case CandidateSource::imported:
      return 42;
    case CandidateSource::habit:
      return 30;
    case CandidateSource::package:
      return 28;
    case CandidateSource::predefined:
      return 34;
    case CandidateSource::keyword:
      return 30;
    case CandidateSource::path:
      return 40;
    case CandidateSource::project:
      return 6;
  }
  return 0;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return tolower(static_cast<unsigned char>(x)) == tolower(static_cast<unsigned char>(y));
  });
}

}  // namespace

Ranker::Ranker(const View& view, const std::string& path, const FileFacts& facts, size_t offset,
               const Wanted& wanted, bool behind_receiver)
    : view_(view), path_(path), wanted_(wanted) {
  for (const Occurrence& o : facts.occurrences) {
    if (o.begin <= offset && offset <= o.end) continue;  // what is being typed
    Use& use = uses_[facts.names[o.name]];
    const bool behind = o.receiver != kNone;
    if (behind == behind_receiver && o.role != Role::definition) {
      ++use.n;
    } else {
      ++use.n_other;
    }
    if (o.end <= offset) use.nearest = static_cast<uint32_t>(offset) - o.end;
  }
}

double Ranker::fit(std::string_view name) const {
  const std::string_view typed = wanted_.typed;
  if (typed.empty()) return 1;
  double whole = name.size() == typed.size() ? kWholeName : 0;
  if (name.substr(0, typed.size()) == typed) return kPrefix + whole;
  if (name.size() >= typed.size() && same_letters(name.substr(0, typed.size()), typed)) {
    return kPrefixOtherCase + whole;
  }
  // The first letter has to begin a word: else two letters typed fit nearly every name.
  const int score = fuzzy_match(name, typed);
  if (score == 0) return 0;
  const double most = 23.0 * static_cast<double>(typed.size());
  const double part = static_cast<double>(score) / most;
  return typed.size() < 3 && part < 0.6 ? 0 : std::clamp(part * kFuzzyMost, 1.0, kFuzzyMost);
}

double Ranker::score(const Candidate& candidate, int distance, double habit) const {
  double score = fit(candidate.name);
  if (score <= 0) return 0;
  score += of_source(candidate.source, distance);
  if (const auto use = uses_.find(candidate.name); use != uses_.end()) {
    score += std::min(40.0, kUsed * std::log2(1.0 + use->second.n));
    score += std::min(12.0, kUsedOther * std::log2(1.0 + use->second.n_other));
    const uint32_t nearest = use->second.nearest;
    if (nearest < 4000) score += 10.0 * (1.0 - nearest / 4000.0);
  }
  score += std::min(60.0, kHabit * std::log2(1.0 + habit));
  const bool class_like = is_class_like(candidate.kind) || candidate.kind == SymbolKind::type_alias;
  if (wanted_.call_follows) score += candidate.is_callable || class_like ? 14 : -6;
  if (wanted_.type)
    score += class_like ? 18 : candidate.source == CandidateSource::imported ? 4 : -10;
  if (wanted_.decorator) score += candidate.is_callable ? 8 : 0;
  if (candidate.source == CandidateSource::keyword && !wanted_.line_start) score -= 6;
  const std::string_view name = candidate.name;
  const bool typed_mark = !wanted_.typed.empty() && wanted_.typed[0] == '_';
  if (!typed_mark && name.substr(0, 2) == "__") {
    score -= 45;
  } else if (!typed_mark && name.substr(0, 1) == "_") {
    score -= wanted_.own_receiver ? 0 : 14;
  }
  if (candidate.is_deprecated) score -= 20;
  return std::max(score, 0.5);
}

bool Ranker::is_used(std::string_view name) const {
  return uses_.count(name) != 0;
}

double Ranker::of_files(std::string_view name) const {
  if (view_.snapshot == nullptr) return 0;
  constexpr size_t kMaxFiles = 64;
  size_t n_files = 0;
  view_.snapshot->files_with_name(name, [&](const FileEntry& file) {
    n_files += file.path != path_;
    return n_files < kMaxFiles;
  });
  return kFiles * std::log2(1.0 + static_cast<double>(n_files));
}

void Ranker::refine(std::vector<Candidate>& candidates, size_t n) const {
  for (size_t i = 0; i < std::min(n, candidates.size()); ++i) {
    Candidate& candidate = candidates[i];
    if (candidate.source != CandidateSource::path) candidate.score += of_files(candidate.name);
  }
}

}  // namespace engramd::repoindex
