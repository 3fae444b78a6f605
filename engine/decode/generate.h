// engine/decode/generate.h - tokens from logits: sampling, guesses, forced prefix, constraint,
// stops. Built on Session::sync, append, look_ahead and logits only; Session::generate calls it.
//
// Runs on the session's thread. A cancel ends the text early with stop_reason "cancelled".
#pragma once

#include <span>

#include "base/cancel.h"
#include "base/result.h"
#include "engine/api/model.h"
#include "engine/api/session.h"

namespace engramd::engine::decode {

Result<GenerateResult> generate(Session& session, const Model& model,
                                std::span<const TokenId> prompt, const GenerateOptions& options,
                                const CancelToken& cancel = {});

}  // namespace engramd::engine::decode
