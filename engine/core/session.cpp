// engine/core/session.cpp - the Session behind engine/api: a timeline, its key-value cache and the
// steps that extend it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <new>

#include "engine/api/session.h"
#include "engine/core/loaded_model.h"
#include "engine/decode/generate.h"

namespace engramd::engine::core {
namespace {

// Tokens that go through the network together. More would read each expert's weights less often;
// 256 tokens already give every expert of a 64-expert top-8 layer 32 of them, and the intermediate
// rows stay within some tens of megabytes.
constexpr size_t kStepTokens = 256;

double log_probability(std::span<const float> logits, TokenId token) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double(logit) - largest);
  return double(logits[size_t(token)]) - largest - std::log(sum);
}

class LoadedSession final : public Session {
 public:
  LoadedSession(std::shared_ptr<const LoadedModel> model, size_t max_tokens)
      : model_(std::move(model)),
        max_tokens_(max_tokens),
        team_(model_->n_threads()),
        kv_(model_->network().kv, model_->budget()) {}

  Result<SyncResult> sync(std::span<const TokenId> tokens, const CancelToken& cancel) override {
    ENGRAMD_CHECK(check_tokens(tokens, tokens.size()));
    size_t common = size_t(
        std::mismatch(timeline_.begin(), timeline_.end(), tokens.begin(), tokens.end()).first -
        timeline_.begin());
    // The last token's logits are only known right after its step.
    if (common == tokens.size() && common > 0 && logits_after_ != common) --common;
    truncate(common);
    ENGRAMD_CHECK(extend(tokens.subspan(common), nullptr, cancel));
    ENGRAMD_CHECK(kv_.resize(timeline_.size()));
    return SyncResult{common, tokens.size() - common};
  }

  std::span<const float> logits() const override {
    return logits_after_ == timeline_.size() && logits_after_ > 0 ? std::span<const float>(logits_)
                                                                  : std::span<const float>();
  }

  Result<std::vector<float>> all_logits(std::span<const TokenId> tokens,
                                        const CancelToken& cancel) override {
    const size_t n_vocab = model_->network().n_vocab;
    ENGRAMD_CHECK(check_tokens(tokens, tokens.size()));
    if (!model_->budget()->take(tokens.size() * n_vocab * sizeof(float)))
      return fail(ErrorCode::exhausted, "the logits of " + std::to_string(tokens.size()) +
                                            " tokens need " +
                                            std::to_string(tokens.size() * n_vocab >> 18) +
                                            " MiB, more than is left of the memory budget");
    model_->budget()->give_back(tokens.size() * n_vocab * sizeof(float));
    std::vector<float> out(tokens.size() * n_vocab);
    truncate(0);
    ENGRAMD_CHECK(extend(tokens, out.data(), cancel));
    if (!tokens.empty()) {
      logits_.assign(out.end() - std::ptrdiff_t(n_vocab), out.end());
      logits_after_ = tokens.size();
    }
    return out;
  }

  Status append(TokenId token, const CancelToken& cancel) override {
    ENGRAMD_CHECK(check_tokens({&token, 1}, timeline_.size() + 1));
    return extend({&token, 1}, nullptr, cancel);
  }

  Result<GenerateResult> generate(std::span<const TokenId> prompt, const GenerateOptions& options,
                                  const CancelToken& cancel) override {
    return decode::generate(*this, *model_, prompt, options, cancel);
  }

  Result<std::vector<double>> score(std::span<const TokenId> prefix,
                                    const std::vector<std::vector<TokenId>>& candidates,
                                    const CancelToken& cancel) override {
    if (prefix.empty())
      return fail(ErrorCode::invalid_input, "scoring needs a prefix of at least one token");
    for (const auto& candidate : candidates)
      ENGRAMD_CHECK(check_tokens(candidate, prefix.size() + candidate.size()));
    ENGRAMD_CHECK(sync(prefix, cancel));
    const size_t n_vocab = model_->network().n_vocab;
    std::vector<double> out;
    std::vector<float> rows;
    for (const auto& candidate : candidates) {
      double sum = candidate.empty() ? 0 : log_probability(logits_, candidate[0]);
      if (candidate.size() > 1) {
        rows.resize((candidate.size() - 1) * n_vocab);
        const Status extended =
            extend({candidate.data(), candidate.size() - 1}, rows.data(), cancel);
        truncate(prefix.size());
        if (!extended) return fail(extended.error());
        for (size_t i = 1; i < candidate.size(); ++i)
          sum += log_probability({rows.data() + (i - 1) * n_vocab, n_vocab}, candidate[i]);
      }
      out.push_back(sum);
    }
    ENGRAMD_CHECK(kv_.resize(timeline_.size()));
    logits_after_ = prefix.size();  // logits_ were not touched since
    return out;
  }

  size_t n_tokens() const override { return timeline_.size(); }
  size_t memory_bytes() const override {
    return kv_.memory_bytes() + scratch_.memory_bytes() +
           (logits_.capacity() + h_.capacity()) * sizeof(float);
  }

 private:
  Status check_tokens(std::span<const TokenId> tokens, size_t n_in_timeline) const {
    if (n_in_timeline > max_tokens_)
      return fail(ErrorCode::exhausted, "a timeline of " + std::to_string(n_in_timeline) +
                                            " tokens, this session holds at most " +
                                            std::to_string(max_tokens_));
    for (const TokenId token : tokens)
      if (token < 0 || size_t(token) >= model_->network().n_vocab)
        return fail(ErrorCode::invalid_input, "token " + std::to_string(token) +
                                                  ", the vocabulary has " +
                                                  std::to_string(model_->network().n_vocab));
    return {};
  }

  void truncate(size_t n) {
    if (n >= timeline_.size()) return;
    timeline_.resize(n);
    if (logits_after_ > n) logits_after_ = 0;
  }

  // Runs `added` through the network. Logits of every token go to all_rows; without it those of
  // the last token to logits_. On failure the timeline ends after the last complete step.
  Status extend(std::span<const TokenId> added, float* all_rows, const CancelToken& cancel) {
    if (added.empty()) return {};
    try {
      const size_t total = timeline_.size() + added.size();
      if (kv_.n_tokens() < total) ENGRAMD_CHECK(kv_.resize(total));
      for (size_t begin = 0; begin < added.size(); begin += kStepTokens) {
        const size_t n = std::min(kStepTokens, added.size() - begin);
        const bool last = begin + n == added.size();
        const size_t n_vocab = model_->network().n_vocab;
        float* rows = all_rows == nullptr ? nullptr : all_rows + begin * n_vocab;
        if (rows == nullptr && last) {
          logits_.resize(n_vocab);
          logits_after_ = 0;
          rows = logits_.data();
        }
        const size_t n_rows = all_rows != nullptr ? n : last ? 1 : 0;
        timeline_.insert(timeline_.end(), added.begin() + std::ptrdiff_t(begin),
                         added.begin() + std::ptrdiff_t(begin + n));
        if (!run_step(n, rows, n_rows, cancel)) {
          timeline_.resize(timeline_.size() - n);
          ENGRAMD_CHECK(cancel.check());
          return fail(ErrorCode::cancelled, "cancelled");
        }
      }
      if (all_rows == nullptr) logits_after_ = timeline_.size();
      return {};
    } catch (const std::bad_alloc&) {
      timeline_.clear();
      logits_after_ = 0;
      return fail(ErrorCode::exhausted, "the system has no memory left for this step");
    }
  }

  // One step over the last n tokens of the timeline.
  bool run_step(size_t n, float* logits, size_t n_logit_rows, const CancelToken& cancel) {
    const arch::Network& network = model_->network();
    h_.resize(std::max(h_.size(), n * network.d_model));
    const size_t first = timeline_.size() - n;
    rope_.begin(first, n);
    blocks::Step step{model_->kernels(), team_, cancel, scratch_,        kv_,      rope_,
                      timeline_,         first, n,      network.d_model, h_.data()};
    scratch_.reset();
    if (!blocks::embed(step, network.embedding)) return false;
    for (const auto& block : network.blocks) {
      scratch_.reset();
      if (!block->run(step)) return false;
    }
    scratch_.reset();
    return n_logit_rows == 0 || blocks::run_head(step, network.head, n_logit_rows, logits);
  }

  const std::shared_ptr<const LoadedModel> model_;
  const size_t max_tokens_;
  cpu::WorkerTeam team_;
  memory::KvCache kv_;
  blocks::Scratch scratch_;
  blocks::RopeTables rope_;
  std::vector<TokenId> timeline_;
  std::vector<float> h_, logits_;
  size_t logits_after_ = 0;  // logits_ follow the first so many tokens; 0: they are worthless
};

}  // namespace

std::unique_ptr<Session> make_session(std::shared_ptr<const LoadedModel> model, size_t max_tokens) {
  return std::make_unique<LoadedSession>(std::move(model), max_tokens);
}

}  // namespace engramd::engine::core
