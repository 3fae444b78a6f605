#include "engine/blocks/draft_stages.h"

#include <algorithm>

namespace engramd::engine::blocks {

std::unique_ptr<memory::BlockState> DraftStages::make_state(
    size_t stage, const std::shared_ptr<memory::Budget>& budget) const {
  return stages[stage].attention_site->make_state(budget);
}

bool collect_draft_input(Step& step, const DraftStages& stages, size_t target, float* entered) {
  const size_t d = step.d_model, s = step.n_streams;
  return for_each_row(step, step.n_tokens, [&](size_t t, size_t) {
    float* out = entered + (t * stages.n_targets + target) * d;
    std::fill_n(out, d, 0.0f);
    for (size_t i = 0; i < s; ++i)
      step.kernels.add_scaled(out, step.h + (t * s + i) * d, 1 / float(s), d);
  });
}

bool follow_draft_rows(Step& step, const DraftStages& stages, const float* entered,
                       std::span<memory::BlockState* const> states) {
  const size_t n = step.n_tokens, d = step.d_model;
  step.scratch.reset();
  float* main = step.scratch.floats(n * d);
  Activations rows(step, entered, n, stages.n_targets * d);
  if (!project(step, rows, {{&stages.main_projection, main}})) return false;
  if (!for_each_row(step, n, [&](size_t t, size_t) {
        step.kernels.rms_norm(main + t * d, stages.main_norm.weight, d, stages.main_norm.epsilon,
                              main + t * d);
      }))
    return false;
  for (size_t i = 0; i < stages.stages.size(); ++i) {
    step.state = states[i];
    if (!make_window_rows(step, stages.stages[i].attention, stages.kv_type, main)) return false;
  }
  step.state = nullptr;
  return true;
}

std::vector<TokenId> draft_tokens(const DraftStages& stages, std::span<const TokenId> timeline,
                                  TokenId next) {
  std::vector<TokenId> out(timeline.begin(), timeline.end());
  out.push_back(next);
  out.resize(timeline.size() + stages.n_block, stages.noise);
  return out;
}

bool draft_block(Step& step, const DraftStages& stages, std::span<memory::BlockState* const> states,
                 DraftBlock& out) {
  const size_t n = stages.n_block, d = step.d_model, n_vocab = stages.head.output.rows;
  const size_t rank = stages.markov_embedding.columns;
  step.scratch.reset();
  if (!embed(step, stages.embedding)) return false;
  for (size_t i = 0; i < stages.stages.size(); ++i) {
    step.scratch.reset();
    step.state = states[i];
    if (!stages.stages[i].attention_site->run(step)) return false;
    step.scratch.reset();
    step.state = nullptr;
    if (!stages.stages[i].mixture_site->run(step)) return false;
  }
  step.scratch.reset();
  out.tokens.clear();
  out.logits.resize(n * n_vocab);
  out.confidence.resize(n);
  if (!run_head(step, stages.head, n, out.logits.data())) return false;
  float* x = step.scratch.floats(n * d);
  if (!stages.head.collapse->run(step, 0, n, x)) return false;

  // One token after the other: each choice moves the logits of the next.
  const auto to_float = quant::info(stages.markov_embedding.type).to_float;
  float* bias = step.scratch.floats(n_vocab);
  float* judged = step.scratch.floats(n * (d + rank));
  TokenId before = step.timeline[step.first_position];
  for (size_t i = 0; i < n; ++i) {
    float* row = judged + i * (d + rank);
    std::copy_n(x + i * d, d, row);
    to_float(stages.markov_embedding.data + size_t(before) * stages.markov_embedding.row_bytes,
             row + d, rank);
    Activations given(step, row + d, 1, rank);
    if (!project(step, given, {{&stages.markov_output, bias}})) return false;
    float* logits = out.logits.data() + i * n_vocab;
    step.kernels.add_scaled(logits, bias, 1, n_vocab);
    before = TokenId(std::max_element(logits, logits + n_vocab) - logits);
    out.tokens.push_back(before);
  }
  Activations rows(step, judged, n, d + rank);
  return project(step, rows, {{&stages.confidence, out.confidence.data()}});
}

}  // namespace engramd::engine::blocks
