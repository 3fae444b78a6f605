// agent/model/endpoint_error.h - what an endpoint means when it does not answer with a reply.
//
// One of the named JSON edges. Pure functions: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/model/http_port.h"

namespace engramd::agent {

enum class EndpointTrouble {
  busy,      // try again later
  no_room,   // the conversation is longer than the model's context
  no_tools,  // the model is not offered with tools
  other,     // the request is wrong, or the server is
};
EndpointTrouble trouble_of(const HttpResponse& response);

bool is_busy(int status);  // 408, 409, 425, 429, most of 5xx
bool says_busy(std::string_view text);

// The server's own words, short; of a web page only that it is one.
std::string error_text(const std::string& body);

// How long the server asks to wait (Retry-After in seconds or as a date, retry-after-ms), 0 when it
// does not say.
int64_t retry_after_ms(const HttpResponse& response);

struct EndpointNames {
  std::string url, model, key_hint;
  bool has_key = false;
};
// One line: what is wrong and what to do about it.
std::string explained(const HttpResponse& response, const EndpointNames& names);

}  // namespace engramd::agent
