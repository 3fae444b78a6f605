// engine/core/session.cpp - the Session behind engine/api: a timeline, the blocks' state and the
// steps that extend it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <optional>
#include <utility>

#include "engine/api/session.h"
#include "engine/core/drafter.h"
#include "engine/core/loaded_model.h"
#include "engine/core/snapshot.h"
#include "engine/decode/generate.h"
#include "engine/memory/network_state.h"

namespace engramd::engine::core {
namespace {

// Tokens that go through the network together. More would read each expert's weights less often;
// 256 tokens already give every expert of a 64-expert top-8 layer 32 of them, and the intermediate
// rows stay within some tens of megabytes.
constexpr size_t kStepTokens = 256;

// Where a network with windows or recurrent state can be gone back to. Going back costs at most so
// many tokens, and a checkpoint of a recurrent network costs some tens of megabytes.
constexpr size_t kCheckpointTokens = 1024;
// Of the memory that is left for sessions, the part that one session's checkpoints may take.
constexpr uint64_t kCheckpointShare = 8;

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
        state_(block_states(*model_)),
        checkpoints_(model_->budget()->total() / kCheckpointShare, model_->budget()) {
    first_forgetful_ = model_->network().blocks.size();
    while (first_forgetful_ > 0 && state_.of_block(first_forgetful_ - 1) == nullptr)
      --first_forgetful_;
    if (model_->network().drafts)
      drafter_.emplace(model_->network(), model_->network().blocks.size());
  }

  void set_priority(Priority priority) override {
    priority_ = priority;
    if (priority == Priority::background)
      team_.set_gate([this](const CancelToken& cancel) { model_->turns().give_way(cancel); });
    else
      team_.set_gate({});
  }

  Result<SyncResult> sync(std::span<const TokenId> tokens, const CancelToken& cancel) override {
    ENGRAMD_CHECK(check_tokens(tokens, tokens.size()));
    ENGRAMD_CHECK(forget_ahead(cancel));
    size_t common = size_t(
        std::mismatch(timeline_.begin(), timeline_.end(), tokens.begin(), tokens.end()).first -
        timeline_.begin());
    // The last token's logits are only known right after its step, or from a checkpoint.
    if (common == tokens.size() && common > 0 && logits_after_ != common &&
        !checkpoints_.has_logits(common))
      --common;
    const size_t shared = common;
    ENGRAMD_TRY(common, go_back(shared));
    // Whoever parted here once will do so again: a text that is typed along, a conversation.
    ENGRAMD_CHECK(extend(tokens.subspan(common), nullptr, cancel, shared));
    if (state_.reach() == 0 && !tokens.empty())
      checkpoints_.add(tokens.size(), state_.save(tokens.size(), memory::Saved::tail), logits_);
    return SyncResult{common, tokens.size() - common};
  }

  std::span<const float> logits() const override {
    return logits_after_ == n_tokens() && logits_after_ > 0 ? std::span<const float>(logits_)
                                                            : std::span<const float>();
  }

  Result<std::vector<float>> all_logits(std::span<const TokenId> tokens,
                                        const CancelToken& cancel) override {
    const size_t n_vocab = model_->network().n_vocab;
    ENGRAMD_CHECK(check_tokens(tokens, tokens.size()));
    ENGRAMD_CHECK(forget_ahead(cancel));
    ENGRAMD_CHECK(check_room_for_logits(tokens.size()));
    std::vector<float> out(tokens.size() * n_vocab);
    clear();
    ENGRAMD_CHECK(extend(tokens, out.data(), cancel));
    if (!tokens.empty()) {
      logits_.assign(out.end() - std::ptrdiff_t(n_vocab), out.end());
      logits_after_ = tokens.size();
    }
    return out;
  }

  Status append(TokenId token, const CancelToken& cancel) override {
    if (ahead_.left() > 0 && token == timeline_[n_tokens()]) {
      ENGRAMD_CHECK(cancel.check());
      take_ahead();
      return {};
    }
    ENGRAMD_CHECK(forget_ahead(cancel));
    ENGRAMD_CHECK(check_tokens({&token, 1}, timeline_.size() + 1));
    return extend({&token, 1}, nullptr, cancel);
  }

  Status look_ahead(std::span<const TokenId> tokens, const CancelToken& cancel) override {
    ENGRAMD_CHECK(forget_ahead(cancel));
    if (tokens.empty()) return {};
    if (tokens.size() > kMostAhead)
      return fail(ErrorCode::invalid_input, std::to_string(tokens.size()) +
                                                " tokens ahead, expected at most " +
                                                std::to_string(kMostAhead));
    const size_t begin = timeline_.size(), n_vocab = model_->network().n_vocab;
    ENGRAMD_CHECK(check_tokens(tokens, begin + tokens.size()));
    ENGRAMD_CHECK(check_room_for_logits(tokens.size()));
    // What cannot be cut behind a token that did not come true is kept.
    std::string tail;
    try {
      if (state_.reach() < tokens.size()) tail = state_.save(begin, memory::Saved::tail);
      ahead_.rows.resize(tokens.size() * n_vocab);
    } catch (const std::bad_alloc&) {
      return fail(ErrorCode::exhausted, "the system has no memory left to look ahead");
    }
    if (Status ran = extend(tokens, ahead_.rows.data(), cancel); !ran) {
      ENGRAMD_CHECK(shorten(begin, begin, tail, {}));
      return ran;
    }
    ahead_.begin = begin;
    ahead_.n = tokens.size();
    ahead_.n_taken = 0;
    ahead_.tail = std::move(tail);
    return {};
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
    const std::string tail = state_.save(prefix.size(), memory::Saved::tail);
    const std::vector<float> after_prefix = logits_;
    std::vector<double> out;
    std::vector<float> rows;
    for (const auto& candidate : candidates) {
      double sum = candidate.empty() ? 0 : log_probability(after_prefix, candidate[0]);
      if (candidate.size() > 1) {
        rows.resize((candidate.size() - 1) * n_vocab);
        const Status extended =
            extend({candidate.data(), candidate.size() - 1}, rows.data(), cancel);
        checkpoints_.cut(prefix.size());
        timeline_.resize(std::min(timeline_.size(), prefix.size()));
        logits_after_ = 0;
        if (timeline_.size() == prefix.size()) {
          if (Status back = state_.load(prefix.size(), memory::Saved::tail, tail); !back) {
            clear();
            return fail(back.error());
          }
        }
        if (!extended) return fail(extended.error());
        for (size_t i = 1; i < candidate.size(); ++i)
          sum += log_probability({rows.data() + (i - 1) * n_vocab, n_vocab}, candidate[i]);
      }
      out.push_back(sum);
    }
    logits_ = after_prefix;
    logits_after_ = prefix.size();
    return out;
  }

  Result<std::vector<TokenId>> draft(TokenId next, size_t n, const CancelToken& cancel) override {
    if (!drafter_)
      return fail(ErrorCode::invalid_input,
                  "this model was loaded without a layer that drafts, or has none");
    if (timeline_.empty() || n == 0 || n > kMostDraftTokens)
      return fail(ErrorCode::invalid_input,
                  "a draft of " + std::to_string(n) + " tokens behind " +
                      std::to_string(timeline_.size()) + ", expected 1 to " +
                      std::to_string(kMostDraftTokens) + " behind at least one");
    ENGRAMD_CHECK(forget_ahead(cancel));
    ENGRAMD_CHECK(check_tokens({&next, 1}, timeline_.size()));
    std::optional<schedule::Turns::Foreground> announced;
    if (priority_ == Priority::foreground) announced.emplace(model_->turns());
    try {
      return drafter_->draft(step_of(1, cancel), next, n);
    } catch (const std::bad_alloc&) {
      return fail(ErrorCode::exhausted, "the system has no memory left for a draft");
    }
  }

  std::span<const float> draft_logits() const override {
    return drafter_ ? drafter_->logits() : std::span<const float>();
  }

  Result<std::string> snapshot() const override {
    if (ahead_.left() > 0)
      return fail(ErrorCode::invalid_input, "a session that has looked ahead has no snapshot");
    SnapshotHeader header;
    header.weights = model_->fingerprint();
    header.n_tokens = timeline_.size();
    const bool known = logits_after_ == timeline_.size() && !timeline_.empty();
    header.n_logits = known ? logits_.size() : 0;
    return write_snapshot(
        header, timeline_, {logits_.data(), size_t(header.n_logits)},
        timeline_.empty() ? std::string() : state_.save(timeline_.size(), memory::Saved::all));
  }

  Status restore(std::string_view bytes) override {
    ENGRAMD_TRY(const Snapshot read, read_snapshot(bytes, model_->fingerprint()));
    ENGRAMD_CHECK(check_tokens(read.tokens, read.tokens.size()));
    if (!read.logits.empty() && read.logits.size() != model_->network().n_vocab)
      return fail(ErrorCode::corrupt, "a snapshot with " + std::to_string(read.logits.size()) +
                                          " logits, the vocabulary has " +
                                          std::to_string(model_->network().n_vocab));
    clear();
    if (read.tokens.empty()) return {};
    ENGRAMD_CHECK(state_.load(read.tokens.size(), memory::Saved::all, read.state));
    timeline_ = read.tokens;
    if (!read.logits.empty()) {
      logits_ = read.logits;
      logits_after_ = timeline_.size();
    }
    return {};
  }

  Result<std::unique_ptr<Session>> fork() const override {
    auto forked = std::make_unique<LoadedSession>(model_, max_tokens_);
    ENGRAMD_TRY(const std::string bytes, snapshot());
    ENGRAMD_CHECK(forked->restore(bytes));
    return std::unique_ptr<Session>(std::move(forked));
  }

  size_t n_tokens() const override { return timeline_.size() - ahead_.left(); }
  size_t memory_bytes() const override {
    return state_.memory_bytes() + checkpoints_.memory_bytes() + scratch_.memory_bytes() +
           (drafter_ ? drafter_->memory_bytes() : 0) +
           (logits_.capacity() + h_.capacity() + carry_.capacity() + ahead_.rows.capacity()) *
               sizeof(float) +
           ahead_.tail.capacity();
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

  Status check_room_for_logits(size_t n_rows) const {
    const uint64_t bytes = n_rows * model_->network().n_vocab * sizeof(float);
    if (!model_->budget()->take(bytes))
      return fail(ErrorCode::exhausted, "the logits of " + std::to_string(n_rows) +
                                            " tokens need " + std::to_string(bytes >> 20) +
                                            " MiB, more than is left of the memory budget");
    model_->budget()->give_back(bytes);
    return {};
  }

  // What look_ahead computed: the last n tokens of timeline_ from `begin` on, of which n_taken have
  // been appended since.
  struct Ahead {
    size_t begin = 0, n = 0, n_taken = 0;
    std::vector<float> rows;  // logits after each, [n, n_vocab]
    std::string tail;         // of the state before them, where it cannot be cut
    size_t left() const { return n - n_taken; }
  };

  void take_ahead() {
    const size_t n_vocab = model_->network().n_vocab;
    const auto row = ahead_.rows.begin() + std::ptrdiff_t(ahead_.n_taken * n_vocab);
    logits_.assign(row, row + std::ptrdiff_t(n_vocab));
    ++ahead_.n_taken;
    logits_after_ = n_tokens();
    if (ahead_.left() == 0) keep_checkpoint(timeline_.size(), false);
  }

  // The timeline ends where it seems to.
  Status forget_ahead(const CancelToken& cancel) {
    if (ahead_.left() == 0) return {};
    const size_t begin = ahead_.begin, end = n_tokens();
    ahead_.n = ahead_.n_taken = 0;
    return shorten(end, begin, std::exchange(ahead_.tail, {}), cancel);
  }

  // Back to n tokens, with the state's tail of `begin` <= n tokens where it cannot be cut.
  Status shorten(size_t n, size_t begin, const std::string& tail, const CancelToken& cancel) {
    if (n >= timeline_.size()) return {};
    const std::vector<TokenId> kept(timeline_.begin(), timeline_.begin() + std::ptrdiff_t(n));
    const bool known = logits_after_ == n;
    size_t there = begin;
    if (tail.empty()) {
      ENGRAMD_TRY(there, go_back(n));
    } else {
      if (Status loaded = state_.load(begin, memory::Saved::tail, tail); !loaded) {
        clear();
        return loaded;
      }
      timeline_.resize(begin);
    }
    logits_after_ = there == n && known ? n : 0;
    return extend(std::span(kept).subspan(there), nullptr, cancel);
  }

  void clear() {
    ahead_.n = ahead_.n_taken = 0;
    timeline_.clear();
    checkpoints_.cut(0);
    state_.truncate(0);
    logits_after_ = 0;
  }

  // Shortens the timeline to at most n tokens, as few shorter as the state allows; the new length.
  Result<size_t> go_back(size_t n) {
    if (n >= timeline_.size() && (logits_after_ == n || !checkpoints_.has_logits(n))) return n;
    const auto found = checkpoints_.last_within(n);
    if (found && (found->n_tokens == n || n < state_.earliest(timeline_.size()))) {
      n = found->n_tokens;
      if (Status loaded = state_.load(n, memory::Saved::tail, found->tail); !loaded) {
        clear();
        return fail(loaded.error());
      }
      logits_after_ = 0;
      if (!found->logits.empty()) {
        logits_.assign(found->logits.begin(), found->logits.end());
        logits_after_ = n;
      }
    } else {
      if (n < state_.earliest(timeline_.size())) n = 0;
      state_.truncate(n);
      if (logits_after_ != n) logits_after_ = 0;
    }
    checkpoints_.cut(n);
    timeline_.resize(n);
    return n;
  }

  // Runs `added` through the network. Logits of every token go to all_rows; without it those of
  // the last token to logits_. On failure the timeline ends after the last complete step.
  // A network that cannot go back everywhere gets checkpoints: every so many tokens, and at
  // `parted`, where this timeline left the one before.
  Status extend(std::span<const TokenId> added, float* all_rows, const CancelToken& cancel,
                size_t parted = 0) {
    if (added.empty()) return {};
    std::optional<schedule::Turns::Foreground> announced;
    if (priority_ == Priority::foreground) announced.emplace(model_->turns());
    try {
      const size_t begin = timeline_.size(), end = begin + added.size();
      if (Status room = state_.reserve(end); !room) {
        state_.truncate(begin);  // the layers that did get room give it back
        return room;
      }
      const size_t n_vocab = model_->network().n_vocab;
      for (size_t at = begin; at < end;) {
        size_t n = std::min(kStepTokens, end - at);
        if (at < parted) n = std::min(n, parted - at);
        const bool last = at + n == end;
        float* rows = all_rows == nullptr ? nullptr : all_rows + (at - begin) * n_vocab;
        if (rows == nullptr && last) {
          logits_.resize(n_vocab);
          logits_after_ = 0;
          rows = logits_.data();
        }
        const auto first = added.begin() + std::ptrdiff_t(at - begin);
        timeline_.insert(timeline_.end(), first, first + std::ptrdiff_t(n));
        if (!run_step(n, rows, all_rows != nullptr ? n : last ? 1 : 0, cancel)) {
          timeline_.resize(at);
          ENGRAMD_CHECK(cancel.check());
          return fail(ErrorCode::cancelled, "cancelled");
        }
        at += n;
        state_.commit(at);
        if (all_rows == nullptr) keep_checkpoint(at, at == parted);
      }
      if (all_rows == nullptr) logits_after_ = timeline_.size();
      return {};
    } catch (const std::bad_alloc&) {
      clear();
      return fail(ErrorCode::exhausted, "the system has no memory left for this step");
    }
  }

  void keep_checkpoint(size_t n_tokens, bool wanted) {
    if (state_.reach() == SIZE_MAX) return;  // can be cut anywhere
    const auto last = checkpoints_.last_within(n_tokens);
    if (!wanted && n_tokens - (last ? last->n_tokens : 0) < kCheckpointTokens) return;
    checkpoints_.add(n_tokens, state_.save(n_tokens, memory::Saved::tail), {});
  }

  // The last n tokens of the timeline as a step.
  blocks::Step step_of(size_t n, const CancelToken& cancel) {
    const arch::Network& network = model_->network();
    h_.resize(std::max(h_.size(), n * network.n_streams * network.d_model));
    carry_.resize(std::max(carry_.size(), n * network.n_streams));
    return {.kernels = model_->kernels(),
            .team = team_,
            .cancel = cancel,
            .scratch = scratch_,
            .rope = rope_,
            .timeline = timeline_,
            .first_position = timeline_.size() - n,
            .n_tokens = n,
            .d_model = network.d_model,
            .n_streams = network.n_streams,
            .h = h_.data(),
            .carry = carry_.data(),
            .board = board_,
            .states = state_,
            .placement = model_->placement()};
  }

  bool run_step(size_t n, float* logits, size_t n_logit_rows, const CancelToken& cancel) {
    const arch::Network& network = model_->network();
    rope_.begin(timeline_.size() - n, n);
    blocks::Step step = step_of(n, cancel);
    scratch_.reset();
    if (!blocks::embed(step, network.embedding)) return false;
    for (size_t i = 0; i < network.blocks.size(); ++i) {
      scratch_.reset();
      // From the last block that remembers something on, tokens whose logits nobody asks for are of
      // no use any more: in a prompt that is all but the last. A drafter follows all of them.
      const size_t n_unread = drafter_ ? 0 : step.n_tokens - n_logit_rows;
      if (i + 1 == first_forgetful_) step.n_unread = n_unread;
      if (i == first_forgetful_ && n_unread > 0) {
        if (n_logit_rows == 0) break;
        step.first_position += n_unread;
        step.n_tokens = n_logit_rows;
        step.n_unread = 0;
        step.h += n_unread * step.n_streams * step.d_model;
        step.carry += n_unread * step.n_streams;
      }
      step.state = state_.of_block(i);
      if (!network.blocks[i]->run(step)) return false;
    }
    scratch_.reset();
    step.state = nullptr;
    if (n_logit_rows > 0 && !blocks::run_head(step, network.head, n_logit_rows, logits))
      return false;
    return !drafter_ || drafter_->follow(step);
  }

  static std::vector<std::unique_ptr<memory::BlockState>> block_states(const LoadedModel& model) {
    std::vector<std::unique_ptr<memory::BlockState>> out;
    for (const auto& block : model.network().blocks)
      out.push_back(block->make_state(model.budget()));
    if (model.network().drafts) Drafter::add_states(model.network(), model.budget(), out);
    return out;
  }

  const std::shared_ptr<const LoadedModel> model_;
  const size_t max_tokens_;
  Priority priority_ = Priority::foreground;
  cpu::WorkerTeam team_;
  memory::NetworkState state_;
  memory::Checkpoints checkpoints_;  // of the present timeline
  blocks::Scratch scratch_;
  blocks::RopeTables rope_;
  blocks::StepBoard board_;
  size_t first_forgetful_ = 0;      // the first of the last blocks, which have no state
  std::optional<Drafter> drafter_;  // when the model has a layer for it
  std::vector<TokenId> timeline_;
  std::vector<float> h_, carry_, logits_;
  Ahead ahead_;
  size_t logits_after_ = 0;  // logits_ follow the first so many tokens; 0: they are worthless
};

}  // namespace

std::unique_ptr<Session> make_session(std::shared_ptr<const LoadedModel> model, size_t max_tokens) {
  return std::make_unique<LoadedSession>(std::move(model), max_tokens);
}

}  // namespace engramd::engine::core
