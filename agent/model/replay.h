// agent/model/replay.h - a scripted model: the assistant turns of a recorded transcript, in order.
//
// For tests of the loop only; it thinks nothing. The file is JSON Lines, one assistant message a
// line in the form of message_json.h. Turn n is answered by line n, counted by the assistant
// messages already in the history, so that a resumed run continues where the killed one was.
#pragma once

#include <filesystem>
#include <memory>

#include "agent/model/chat_model.h"

namespace engramd::agent {

Result<std::unique_ptr<ChatModel>> open_replay_model(const std::filesystem::path& transcript);

}  // namespace engramd::agent
