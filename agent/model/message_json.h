// agent/model/message_json.h - messages as JSON, in the wire form of OpenAI chat completions.
//
// One of the named JSON edges: remote replies, recorded transcripts and saved trajectories use the
// same form, so each can be read as another. Pure functions: any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "agent/model/chat_model.h"

namespace engramd::agent {

nlohmann::json to_json(const Message& message);
Result<Message> message_from_json(const nlohmann::json& value);

nlohmann::json to_json(const ToolDescription& tool);
nlohmann::json to_json(const Usage& usage);
Usage usage_from_json(const nlohmann::json& value);  // absent or odd fields count as 0

}  // namespace engramd::agent
