// daemon/wiring/ask.h - one question to a chat model, with the repository around it in sight.
//
// What is sent to an endpoint is the definition, the window around it (secrets are left out) and
// the instruction. Any thread.
#pragma once

#include <memory>
#include <string>

#include "agent/model/chat_model.h"
#include "base/cancel.h"
#include "base/result.h"
#include "daemon/config/settings.h"
#include "daemon/server/ports.h"

namespace engramd::daemon {

// Of the endpoint that is configured for the agent; unsupported when it is a local file.
Result<std::unique_ptr<agent::ChatModel>> configured_chat_model(const Settings& settings,
                                                                int64_t max_completion_tokens = 0);
// An endpoint is configured for the agent, so that ask_model can work.
bool can_ask(const Settings& settings);
Result<std::string> ask_model(const Settings& settings, const AskQuery& query,
                              const CancelToken& cancel);

}  // namespace engramd::daemon
