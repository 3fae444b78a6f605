// daemon/completion/judge.h - of a decoded text, what may be shown and how probably it is right.
//
// Pure functions over one request: any thread.
#pragma once

#include <string>
#include <vector>

#include "daemon/completion/decode.h"
#include "daemon/completion/gate.h"
#include "daemon/completion/stop_rules.h"

namespace engramd::daemon {

struct JudgeSettings {
  size_t n_forced = 0;      // bytes of the text that stand left of the cursor already
  bool whole_line = false;  // the cursor's line is blank left of the cursor
  bool mixed = false;       // a network had a say
  double wanted = 0;        // what the whole text must reach for lines below the first to stay
};

struct Judged {
  std::string text;                 // empty: nothing to show
  double confidence = 0;            // that all of it is right
  std::vector<LineEvidence> lines;  // of the text before lines were cut off
  std::vector<double> confidences;  // of each of them
  double from_memory = 0;           // share of tokens that were the memory's first choice
};

// A first line whose tokens are together less probable than this, in nats, is not shown, so it need
// not be finished. Minus infinity where everything is shown.
float least_log_probability(const JudgeSettings& settings);

// The lines of the text that is decoded so far, the unfinished last one included.
std::vector<LineEvidence> evidence_of(const engine::Tokenizer& tokenizer, const Decoded& decoded,
                                      const JudgeSettings& settings);

Judged judge(const engine::Tokenizer& tokenizer, const Gate& gate, const StopRules& rules,
             const Decoded& decoded, const JudgeSettings& settings);

}  // namespace engramd::daemon
