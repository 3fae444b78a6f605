// engine/api/session.h - one mutable token timeline, and what is done with it.
//
// The caller always hands the FULL token prefix; the session reuses, extends or rebuilds, and says
// how many tokens it reused. One thread at a time per session; compute workers sit below.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "engine/api/grammar.h"
#include "engine/api/model.h"

namespace engramd::engine {

struct SyncResult {
  size_t n_reused = 0;  // leading tokens whose state was still there
  size_t n_computed = 0;
};

// A guess at a token that comes next, and how probable it is once the guesses before it came true.
struct DraftToken {
  TokenId token = 0;
  float probability = 0;
};
// Where guesses come from: a repository memory behind an adapter, the text of the prompt itself.
// Called on the session's thread.
class DraftSource {
 public:
  virtual ~DraftSource() = default;
  // What goes on behind the timeline, at most `most` tokens; none where nothing is known.
  virtual std::vector<DraftToken> draft(std::span<const TokenId> timeline, size_t most) = 0;
};

class DraftControl;  // engine/api/speculation.h

struct SampleOptions {
  float temperature = 0;  // 0: greedy
  int top_k = 0;          // 0: off
  float top_p = 1;
  uint64_t seed = 0;
};

struct GenerateOptions {
  size_t max_tokens = 64;
  SampleOptions sample;
  std::vector<TokenId> stop_tokens;  // eos and the FIM markers are always stops
  // The text generated must start with this (a partial word left of the cursor): tokens are
  // constrained until it is covered.
  std::string forced_prefix;
  // Lossless speculation: guesses are computed many at a time, and those that the text would have
  // had anyhow are taken. Whatever is guessed, every token is the one that would have come without.
  DraftSource* drafts = nullptr;
  // What was learnt about the guesses' worth, kept from text to text; null: each learns anew.
  DraftControl* draft_control = nullptr;
  // The text generated must be one that it allows: every other token has probability zero, a stop
  // token too where the text may not end yet.
  grammar::SharedConstraint constraint;
  // Stop early on text: called with everything generated so far; true stops.
  std::function<bool(std::string_view)> stop_when;
  // Called with each token's bytes as it is decided.
  std::function<void(std::string_view)> on_text;
  // Called with each token as it is decided, before its state is computed: logits() are still
  // those it was drawn from.
  std::function<void(TokenId, float probability)> on_token;
};

struct GenerateResult {
  std::vector<TokenId> tokens;
  std::string text;                  // includes the forced prefix
  std::vector<float> probabilities;  // of each chosen token
  SyncResult prompt;
  double prompt_s = 0, generate_s = 0;
  size_t n_drafted = 0, n_accepted = 0;  // guesses computed, and those that came true
  // "eos", "stop", "length", "cancelled", or "grammar": the constraint allows nothing more.
  std::string stop_reason;
};

// Of the sessions of one model: while a foreground one computes, background ones stand aside
// between work items of about a millisecond.
enum class Priority { foreground, background };

class Session {
 public:
  virtual ~Session() = default;
  // Foreground at first. Between calls only.
  virtual void set_priority(Priority) {}

  // Makes the timeline equal to `tokens`. When cancelled, what was computed stays usable.
  virtual Result<SyncResult> sync(std::span<const TokenId> tokens, const CancelToken& = {}) = 0;
  // Logits of the next token, float32 [n_vocab]; valid until the next call.
  virtual std::span<const float> logits() const = 0;
  // Logits after every token of `tokens`, row-major [tokens.size(), n_vocab].
  virtual Result<std::vector<float>> all_logits(std::span<const TokenId> tokens,
                                                const CancelToken& = {}) = 0;
  // Appends one token and computes its state.
  virtual Status append(TokenId token, const CancelToken& = {}) = 0;
  // Computes what append() would compute for these tokens, one after the other, in one go. Timeline
  // and logits stay; an append() of the next of them then costs nothing and gives the same bits,
  // any other one forgets the rest. Empty: forgets. On an error nothing is ahead and the timeline
  // stays, unless the system's memory ran out: then it is empty. A session that cannot do this does
  // nothing. At most kMostAhead.
  static constexpr size_t kMostAhead = 64;
  virtual Status look_ahead(std::span<const TokenId> /*tokens*/, const CancelToken& = {}) {
    return {};
  }

  virtual Result<GenerateResult> generate(std::span<const TokenId> prompt, const GenerateOptions&,
                                          const CancelToken& = {}) = 0;
  // Natural-log probability of each candidate after the prefix (sum over its tokens).
  virtual Result<std::vector<double>> score(std::span<const TokenId> prefix,
                                            const std::vector<std::vector<TokenId>>& candidates,
                                            const CancelToken& = {}) = 0;
  // The n tokens that most likely follow the timeline and `next`, the token chosen behind it, as
  // the model's draft layer has it; the timeline stays. At most 64; invalid_input without
  // ModelInfo::drafts or for an empty timeline.
  virtual Result<std::vector<TokenId>> draft(TokenId /*next*/, size_t /*n*/,
                                             const CancelToken& = {}) {
    return fail(ErrorCode::invalid_input, "this session cannot draft");
  }
  // The logits that the last draft() chose from, [n, n_vocab]; valid until the next call.
  virtual std::span<const float> draft_logits() const { return {}; }

  // The whole timeline as bytes, for another session over the same weights, also of another
  // process. docs/formats/session-snapshot.md has the layout.
  virtual Result<std::string> snapshot() const = 0;
  // Makes the timeline that of the snapshot. One that was cut short, damaged or taken over other
  // weights is one clear error and leaves an empty timeline at worst.
  virtual Status restore(std::string_view snapshot) = 0;
  // A session of its own with the same timeline.
  virtual Result<std::unique_ptr<Session>> fork() const = 0;

  virtual size_t n_tokens() const = 0;
  virtual size_t memory_bytes() const = 0;
};

}  // namespace engramd::engine
