#include "repoindex/complete/rank.h"

#include <algorithm>
#include <cmath>

#include "repoindex/complete/standing.h"
#include "repoindex/query/fuzzy.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

// Weights tried on pytest, click, requests and redis (tests/bench/complete_eval, and
// docs/benchmarks/completion-list.md); where two came out alike the simpler one stayed.
constexpr double kPrefix = 60, kPrefixOtherCase = 45, kFuzzyMost = 35;
constexpr double kUsed = 8, kUsedOther = 3, kHabit = 14, kFiles = 3;
constexpr double kWholeName = 12;
constexpr double kSharedWord = 9, kSharedMost = 18;
constexpr size_t kMinWord = 3, kMaxWord = 40;

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

// Calls fn with each word of a name in lower case, in a buffer that is used again.
template <class Fn>
void each_word(std::string_view name, const Fn& fn) {
  char word[kMaxWord];
  size_t n = 0;
  const auto end = [&] {
    if (n >= kMinWord) fn(std::string_view(word, n));
    n = 0;
  };
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (isalpha(c) == 0 && c < 0x80) {
      end();
      continue;
    }
    const bool hump = isupper(c) != 0 && i > 0 && islower(static_cast<unsigned char>(name[i - 1]));
    if (hump) end();
    if (n < kMaxWord) word[n++] = static_cast<char>(tolower(c));
  }
  end();
}

}  // namespace

void want_by_word_before(std::string_view text, size_t expression_begin, std::string_view language,
                         Wanted& wanted) {
  const std::string_view bare = trim(line_before(text, expression_begin));
  wanted.line_start =
      bare.empty() || bare.back() == ';' || bare.back() == '{' || bare.back() == '}';
  wanted.decorator = !bare.empty() && bare.back() == '@';
  const bool arrow = ends_with(bare, "->") && (language == "python" || language == "rust");
  wanted.type = arrow;
  for (std::string_view keyword : {"new", "except", "raise", "extends", "implements", "instanceof",
                                   "throws", "struct", "class"}) {
    wanted.type = wanted.type || ends_with_word(bare, keyword);
  }
}

void add_name_words(std::string_view name, std::vector<std::string>& out) {
  each_word(name, [&](std::string_view word) {
    if (std::find(out.begin(), out.end(), word) == out.end()) out.emplace_back(word);
  });
}

double Ranker::shared_words(std::string_view name) const {
  if (wanted_.near_words.empty()) return 0;
  double sum = 0;
  each_word(name, [&](std::string_view word) {
    const auto& near = wanted_.near_words;
    const bool shared = std::any_of(near.begin(), near.end(), [&](const std::string& other) {
      // policy and policies, confirm and confirmation
      const size_t n = std::min(word.size(), other.size());
      return n >= 4 ? word.substr(0, n) == std::string_view(other).substr(0, n) : word == other;
    });
    if (shared) sum += kSharedWord;
  });
  return std::min(sum, kSharedMost);
}

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
  if (candidate.source != CandidateSource::keyword) score += shared_words(candidate.name);
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
