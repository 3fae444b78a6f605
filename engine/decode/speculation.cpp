#include "engine/api/speculation.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace engramd::engine {
namespace {

constexpr double kCost = 0.5, kLowestCost = 0.05, kHighestCost = 2;
constexpr double kFading = 0.97;      // of what guesses came to, with each step that had some
constexpr double kForgetting = 0.01;  // of what was learnt, at each step without a guess

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double between(double low, double value, double high) {
  return std::clamp(value, low, high);
}

}  // namespace

double RecentMedian::value() const {
  auto sorted = last_;
  const auto end = sorted.begin() + std::ptrdiff_t(std::min(n_, sorted.size()));
  if (end == sorted.begin()) return 0;
  const auto middle = sorted.begin() + (end - sorted.begin()) / 2;
  std::nth_element(sorted.begin(), middle, end);
  return *middle;
}

double DraftControl::trust() const {
  return accepted_ / expected_;
}

size_t DraftControl::worth(std::span<const DraftToken> drafts) const {
  double product = trust();
  for (size_t n = 0; n < drafts.size(); ++n) {
    product *= between(0, double(drafts[n].probability), 1);
    if (product < cost_) return n;
  }
  return drafts.size();
}

void DraftControl::took_single(double seconds) {
  singles_.add(seconds);
  // Guesses that were not worth it are tried again some time.
  if (!is_fixed_) cost_ += kForgetting * (kCost - cost_);
  accepted_ += kForgetting * (expected_ - accepted_);
}

void DraftControl::took(std::span<const DraftToken> drafts, size_t n_accepted, double seconds) {
  if (drafts.empty()) return;
  if (const double single = singles_.value(); single > 0 && !is_fixed_) {
    costs_.add((seconds / single - 1) / double(drafts.size()));
    cost_ = between(kLowestCost, costs_.value(), kHighestCost);
  }
  double product = 1, expected = 0;
  for (const DraftToken& draft : drafts)
    expected += product *= between(0, double(draft.probability), 1);
  expected_ = kFading * expected_ + expected;
  accepted_ = kFading * accepted_ + double(n_accepted);
}

std::vector<DraftToken> LayerDrafts::draft(std::span<const TokenId> timeline, size_t most) {
  std::vector<DraftToken> drafts;
  if (first_ != nullptr) drafts = first_->draft(timeline, most);
  most = std::min(most, most_);
  if (!drafts.empty() || most == 0 || timeline.empty()) return drafts;
  // The last token of the timeline is not computed yet: it is the one behind which is drafted.
  const auto tokens = session_.draft(timeline.back(), most);
  if (!tokens || tokens->empty()) return drafts;
  const std::span<const float> logits = session_.draft_logits();
  const size_t n_vocab = logits.size() / tokens->size();
  for (size_t i = 0; i < tokens->size(); ++i) {
    const auto row = logits.subspan(i * n_vocab, n_vocab);
    const auto token = static_cast<size_t>((*tokens)[i]);
    if (token >= row.size()) break;
    double sum = 0;
    for (const float logit : row) sum += std::exp(double(logit) - double(row[token]));
    drafts.push_back({(*tokens)[i], static_cast<float>(1 / sum)});
  }
  return drafts;
}

void Speculation::settle() {
  if (!ahead_.empty()) control_.took(ahead_, next_, step_s_);
  ahead_.clear();
  next_ = 0;
}

Status Speculation::append(TokenId token, std::span<const TokenId> timeline, size_t most,
                           const CancelToken& cancel) {
  if (drafts_ == nullptr) return session_.append(token, cancel);
  if (next_ < ahead_.size() && ahead_[next_].token == token) {
    ++next_;
    ++n_accepted_;
    return session_.append(token, cancel);
  }
  settle();
  most = std::min(most, Session::kMostAhead - 1);
  std::vector<DraftToken> drafts;
  if (most > 0 && control_.is_measured()) drafts = drafts_->draft(timeline, most);
  if (drafts.size() > most) drafts.resize(most);
  drafts.resize(control_.worth(drafts));
  const auto start = Clock::now();
  if (!drafts.empty()) {
    std::vector<TokenId> tokens{token};
    for (const DraftToken& draft : drafts) tokens.push_back(draft.token);
    const size_t n_before = session_.n_tokens();
    if (Status looked = session_.look_ahead(tokens, cancel); looked) {
      ahead_ = std::move(drafts);
      n_drafted_ += ahead_.size();
    } else if (session_.n_tokens() != n_before) {
      return looked;  // the timeline went with it
    }                 // else there is no room for guesses, and the text goes on without
  }
  ENGRAMD_CHECK(session_.append(token, cancel));
  step_s_ = seconds_since(start);
  if (ahead_.empty()) control_.took_single(step_s_);
  return {};
}

Status Speculation::finish() {
  if (ahead_.empty()) return {};
  settle();
  return session_.look_ahead({});
}

}  // namespace engramd::engine
