// agent/model/tool_schema.h - the JSON schemas of tools, narrowed so that a call has an end, and
// shortened for models that have no room to read them.
//
// One of the named JSON edges. Pure functions: any thread.
#pragma once

#include <string>

#include "agent/model/chat_model.h"

namespace engramd::agent {

struct SchemaBounds {
  // Strings without a length of their own: at most so many characters, each of them one byte and
  // without escapes, so that a call takes at most so many tokens. 0: as long as the model likes.
  size_t plain_characters = 0;
};
// Whole numbers always get bounds, lists always an end. What is no JSON object comes back as it is.
std::string bounded_schema(const std::string& schema, const SchemaBounds& bounds);

// "open(path, first_line?, last_line?): Read a file ..." with at most `max_bytes` of description.
std::string signature_line(const ToolDescription& tool, size_t max_bytes);

// Whether a text is one JSON object.
bool is_json_object(const std::string& text);

}  // namespace engramd::agent
