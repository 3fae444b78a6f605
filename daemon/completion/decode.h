// daemon/completion/decode.h - the text of a suggestion, token by token, out of a network, the
// repository memory, or both mixed by a gate.
//
// Greedy over what will be shown: tokens that differ only behind the line's end count as one
// (line_ends.h), and a text of nothing is no suggestion. One request each, one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "daemon/completion/gate.h"
#include "daemon/completion/line_ends.h"
#include "engine/api/session.h"
#include "engine/api/speculation.h"
#include "repoindex/memory/memory.h"

namespace engramd::daemon {

struct DecodeSources {
  engine::Session* network = nullptr;  // synced to the prompt; its timeline grows
  const repoindex::RepositoryMemory* memory = nullptr;
  std::vector<engine::TokenId> tail;  // left of the text, as the memory is to see it
  // With both sources: what the memory expects is computed several tokens at a time, as far as it
  // pays. The text is the same without; null: one at a time.
  engine::DraftControl* draft_control = nullptr;
};

struct DecodedToken {
  engine::TokenId token = -1;
  // Of its line-end group where it has one; under the forced text, among what agrees with it.
  float probability = 0, memory_probability = 0, network_probability = 0;
  StepEvidence evidence;
  bool memory_choice = false;  // the memory's own best
};

struct Decoded {
  std::vector<DecodedToken> tokens;  // one that ends the text is in it too
  std::string text;                  // includes the forced part
  double seconds = 0;
  // "stop", "eos", "length", "cancelled", "unknown": nobody has a token that agrees.
  std::string stop_reason;
};

struct DecodeOptions {
  size_t max_tokens = 48;
  // The text must start with this (a partial word left of the cursor).
  std::string_view forced;
  // Called with everything decided so far; true stops.
  std::function<bool(const Decoded&)> stop_when;
  // A line end may come first: the suggestion begins on the next line.
  bool may_start_below = false;
  // Of the memory alone so many texts are followed at once, and the most probable one is given. A
  // network has one timeline and is followed greedily.
  size_t width = 1;
  // Instead of the most probable tokens these: what would the sources have said to them?
  std::span<const engine::TokenId> given;
};

Result<Decoded> decode(const engine::Tokenizer& tokenizer, const LineEnds& ends, const Gate& gate,
                       DecodeSources sources, const DecodeOptions& options,
                       const CancelToken& cancel = {});

}  // namespace engramd::daemon
