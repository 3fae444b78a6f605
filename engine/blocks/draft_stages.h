// engine/blocks/draft_stages.h - DSpark, the draft stages of DeepSeek-V4.1: a block of tokens
// drafted in one pass.
//
//   m_t = rms_norm(Wmain concat over the target layers of the mean of the streams that enter them)
// Every stage has a window attention that keeps one row for each token of the timeline, made of m_t
// (follow_draft_rows). A pass takes the rows (next token, noise, noise, ..) at the positions behind
// the timeline through the stages, lagged hyper-connections as in the network; they look at the
// window before them and at one another. Then token by token
//   x_i = the last collapse;  g_i = markov embedding of the token before
//   logits_i = Wout rms_norm(x_i) + Wmarkov g_i;  token_i = the largest
//   confidence_i = Wconfidence [x_i, g_i]        (the logit that the token is accepted)
// The pass's own rows are written behind the timeline's and again when it gets there.
// Source: descriptions of the vendor's reference; tests/oracles/README.md has the choices.
#pragma once

#include <memory>
#include <vector>

#include "engine/blocks/ends.h"
#include "engine/blocks/hybrid_attention.h"

namespace engramd::engine::blocks {

struct DraftStage {
  HybridAttentionWeights attention;  // with whole_step
  std::unique_ptr<Block> attention_site, mixture_site;
};

struct DraftStages {
  size_t n_targets = 0;    // layers of the network whose input is read
  Matrix main_projection;  // n_targets d_model to d_model
  NormWeights main_norm;
  std::vector<DraftStage> stages;
  Matrix embedding;
  HeadWeights head;         // with the lagged collapse
  Matrix markov_embedding;  // a row per token
  Matrix markov_output;     // to a logit per token
  Matrix confidence;        // one row, of [x, markov embedding]
  size_t n_block = 0;       // tokens of a pass
  TokenId noise = 0;
  cpu::KvType kv_type = cpu::KvType::f32;

  std::unique_ptr<memory::BlockState> make_state(size_t stage,
                                                 const std::shared_ptr<memory::Budget>&) const;
};

// The mean of each token's streams, to the part of a row that belongs to a target:
// entered[t * n_targets d_model + target d_model ..]. To be called before that layer runs.
bool collect_draft_input(Step& step, const DraftStages& stages, size_t target, float* entered);

// The stages' rows of the step's tokens. states: one per stage. Both are false when cancelled.
bool follow_draft_rows(Step& step, const DraftStages& stages, const float* entered,
                       std::span<memory::BlockState* const> states);

struct DraftBlock {
  std::vector<TokenId> tokens;
  std::vector<float> logits;      // [n_block, n_vocab]
  std::vector<float> confidence;  // [n_block]
};
// step: the n_block positions behind the timeline; its tokens are the next one and noise
// (draft_tokens), h and carry have room for them. On return step.h holds the last stage's streams.
bool draft_block(Step& step, const DraftStages& stages, std::span<memory::BlockState* const> states,
                 DraftBlock& out);
std::vector<TokenId> draft_tokens(const DraftStages& stages, std::span<const TokenId> timeline,
                                  TokenId next);

}  // namespace engramd::engine::blocks
