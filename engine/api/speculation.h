// engine/api/speculation.h - appends the tokens of a text to a session, guesses first.
//
// Lossless: the tokens that append() is given are decided by others; a guess only decides what is
// computed together with them (Session::look_ahead). A guess is worth computing while
//
//   product of the probabilities up to it * how often such products came true >= what it costs,
//
// the cost being the time that one more token adds to a step, in steps of one token. Both are
// measured as the text grows: a network whose experts differ by token pays more for a guess than a
// dense one, and a device that reads its weights slowly pays less.
// One text each, one thread: the session's.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "engine/api/session.h"

namespace engramd::engine {

// The middle one of the last measurements: a machine that others use too has many a long one.
class RecentMedian {
 public:
  void add(double value) { last_[n_++ % last_.size()] = value; }
  size_t n() const { return n_; }
  double value() const;  // 0 without any

 private:
  std::array<double, 9> last_{};
  size_t n_ = 0;
};

// Which guesses are worth their price. Pure arithmetic; of one model on one machine, one thread.
class DraftControl {
 public:
  DraftControl() = default;
  // The cost of one more token is known, and not measured.
  explicit DraftControl(double cost) : cost_(cost), is_fixed_(true) {}
  // How many of the guesses, counted from the first.
  size_t worth(std::span<const DraftToken> drafts) const;
  // A step of one token took so long.
  void took_single(double seconds);
  // One of 1 + drafts.size() tokens; the first n_accepted guesses came true.
  void took(std::span<const DraftToken> drafts, size_t n_accepted, double seconds);
  double cost() const { return cost_; }  // of one more token
  double trust() const;                  // accepted / expected
  // The time of a single step is known, so that the price of a guess can be.
  bool is_measured() const { return is_fixed_ || singles_.n() >= 2; }

 private:
  RecentMedian singles_, costs_;
  double cost_ = 0.5;
  bool is_fixed_ = false;
  double expected_ = 4, accepted_ = 4;  // fading sums; at first a guess is believed
};

// Guesses of the model's own layer for them, where it was loaded with one (ModelInfo::drafts), when
// another source has none.
class LayerDrafts final : public DraftSource {
 public:
  // The session that the text grows in. first: asked before the layer; may be null. Both outlive
  // this. A layer sees its own guesses for what it does not know, so that later ones are worse.
  explicit LayerDrafts(Session& session, DraftSource* first = nullptr, size_t most = 3)
      : session_(session), first_(first), most_(most) {}
  std::vector<DraftToken> draft(std::span<const TokenId> timeline, size_t most) override;

 private:
  Session& session_;
  DraftSource* const first_;
  const size_t most_;
};

class Speculation {
 public:
  // drafts may be null: every token is appended by itself. All outlive this.
  Speculation(Session& session, DraftSource* drafts, DraftControl* control = nullptr)
      : session_(session), drafts_(drafts), control_(control != nullptr ? *control : own_) {}
  ~Speculation() { (void)finish(); }
  Speculation(const Speculation&) = delete;

  // timeline: with `token` as its last. most: guesses at most, 0 where the text ends behind token.
  Status append(TokenId token, std::span<const TokenId> timeline, size_t most,
                const CancelToken& cancel);
  // Forgets what is ahead. An error only when the session could not go back.
  Status finish();

  size_t n_drafted() const { return n_drafted_; }
  size_t n_accepted() const { return n_accepted_; }

 private:
  void settle();

  Session& session_;
  DraftSource* const drafts_;
  DraftControl own_;
  DraftControl& control_;
  std::vector<DraftToken> ahead_;  // computed, the first next_ of them taken
  size_t next_ = 0;
  double step_s_ = 0;
  size_t n_drafted_ = 0, n_accepted_ = 0;
};

}  // namespace engramd::engine
