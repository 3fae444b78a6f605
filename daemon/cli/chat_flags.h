// daemon/cli/chat_flags.h - how a model is to answer, for the commands that let one talk.
#pragma once

#include "daemon/wiring/chat_model.h"

namespace CLI {
class App;
}

namespace engramd::daemon::cli {

// --temperature, --seed, --max-completion-tokens, --context
void add_chat_flags(CLI::App& app, ChatModelOptions& options);

}  // namespace engramd::daemon::cli
