// engine/core/drafter.h - multi-token prediction in a session: keeps the draft layer up with the
// timeline, and drafts behind it.
//
// After every step of the network the streams of its tokens are kept (a window of them, to go back)
// and the draft layer runs the rows whose next token is known; the row of the last token waits for
// the one that is chosen behind it. All of that is block state, which goes back, is saved and
// loaded with the network's.
// A draft of more than one token feeds the layer with its own streams, token by token; those rows
// are written behind the timeline's and again when it gets there.
// One thread: the session's.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/arch/family.h"
#include "engine/memory/network_state.h"

namespace engramd::engine::core {

// The most tokens one draft may have.
inline constexpr size_t kMostDraftTokens = 64;

class Drafter {
 public:
  // network.drafts is there. first_state: the index of add_states' first state.
  Drafter(const arch::Network& network, size_t first_state)
      : network_(network), drafts_(*network.drafts), first_state_(first_state) {}

  static void add_states(const arch::Network& network,
                         const std::shared_ptr<memory::Budget>& budget,
                         std::vector<std::unique_ptr<memory::BlockState>>& states);

  // step: just run by the network. False when cancelled.
  bool follow(const blocks::Step& step);
  // The n tokens that most likely follow timeline and `next`. step: its last one. An error over
  // the budget or when cancelled.
  Result<std::vector<TokenId>> draft(const blocks::Step& step, TokenId next, size_t n);

  // What the last draft chose from, [n, n_vocab].
  std::span<const float> logits() const { return logits_; }
  // The streams behind the layer of the rows that ran last, [rows, n_streams, d_model].
  std::span<const float> streams() const { return h_; }
  size_t memory_bytes() const {
    return (h_.capacity() + carry_.capacity() + logits_.capacity()) * sizeof(float);
  }

 private:
  // Rows [first, first + n) over `behind`, the timeline without its first token.
  bool run_rows(const blocks::Step& like, std::span<const TokenId> behind, size_t first, size_t n,
                const float* const* hidden, float* logits);
  float* kept_streams(const blocks::Step& step, size_t position) const;
  size_t row_size() const { return network_.n_streams * network_.d_model; }

  const arch::Network& network_;
  const arch::DraftLayer& drafts_;
  const size_t first_state_;
  std::vector<float> h_, carry_, logits_;
};

}  // namespace engramd::engine::core
