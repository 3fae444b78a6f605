// daemon/wiring/ask.h - one question to a chat model, with the repository around it in sight.
//
// What a model is shown is the definition, the window around it (secrets are left out) and
// the instruction. Any thread.
#pragma once

#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "daemon/server/ports.h"
#include "daemon/wiring/chat_model.h"

namespace engramd::daemon {

Result<std::string> ask_model(ChatModelSource& models, const AskQuery& query,
                              const CancelToken& cancel);

}  // namespace engramd::daemon
