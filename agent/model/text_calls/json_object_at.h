// agent/model/text_calls/json_object_at.h - JSON objects inside other text, and calls as objects.
//
// One of the named JSON edges. Pure functions: any thread.
#pragma once

#include <string>

#include "agent/model/chat_model.h"

namespace engramd::agent::text_calls {

// The length of the object that begins at this brace, 0 when it is none or has no end.
size_t json_object_at(const std::string& text, size_t at);

// {"name": "f", "arguments": {...}} in the spellings there are: parameters, args or input, an
// object or its text, the pair inside "function". False when it is no call.
bool call_of_object(const std::string& object, ToolCall& call);

}  // namespace engramd::agent::text_calls
