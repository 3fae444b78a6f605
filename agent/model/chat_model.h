// agent/model/chat_model.h - the port through which the loop talks to any chat model.
//
// One interface, several carriers: weights in this process (resident.h), a remote
// OpenAI-compatible endpoint (remote.h), a recorded transcript for tests (replay.h). Called from
// the loop's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/view.h"

namespace engramd::agent {

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments_json;  // an object, as the model wrote it; tools read it
};

struct Message {
  enum class Role { system, user, assistant, tool } role = Role::user;
  std::string text;
  std::vector<ToolCall> calls;  // of an assistant
  std::string call_id;          // of a tool: which call it answers
  // Of an assistant that thinks aloud: formats that show it again within a task need it back.
  std::string reasoning = {};
};
std::string_view to_string(Message::Role role);

// What a tool looks like to a model.
struct ToolDescription {
  std::string name, description;
  std::string parameters_json;  // JSON Schema of the arguments object
};

struct Usage {
  int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  bool estimated = false;  // the endpoint counts nothing: bytes, roughly
};

struct ChatReply {
  Message message;
  Usage usage;
  std::string finish_reason;  // "stop", "tool_calls", "length"
};

class ChatModel {
 public:
  virtual ~ChatModel() = default;
  virtual std::string name() const = 0;
  // The repository that the replies will be about, told once before the first. A model that can
  // use it (to guess ahead: its replies stay the same) calls open; errors are its own business.
  virtual void know_repository(const std::function<Result<repoindex::View>()>& /*open*/) {}
  // on_text gets pieces of the reply's text as they come, when the carrier streams.
  virtual Result<ChatReply> reply(const std::vector<Message>& history,
                                  const std::vector<ToolDescription>& tools,
                                  const std::function<void(std::string_view)>& on_text,
                                  const CancelToken& cancel) = 0;
};

}  // namespace engramd::agent
