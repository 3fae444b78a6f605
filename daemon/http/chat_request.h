// daemon/http/chat_request.h - the body of POST /v1/chat/completions, read once into structs.
//
// Errors name the field ("messages[3].tool_calls[0].function.name"). Pure functions: any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "daemon/http/generation.h"
#include "engine/api/chat.h"

namespace engramd::daemon::http {

struct ToolChoice {
  enum class Kind { none, automatic, required, named } kind = Kind::automatic;
  std::string name;  // of a named one
};

struct AnswerFormat {
  enum class Kind { text, json_object, json_schema } kind = Kind::text;
  std::string schema;  // a JSON schema as text
};

struct ChatQuestion {
  engine::chat::Request chat;  // without the tools when none may be called
  Sampling sampling;
  ToolChoice tool_choice;
  bool parallel_calls = true;
  AnswerFormat format;
  int64_t n_chances = -1;  // log probabilities of so many other tokens; -1: none at all
};

// What is wrong is in `fields` afterwards.
ChatQuestion read_chat_question(FieldReader& fields);

}  // namespace engramd::daemon::http
