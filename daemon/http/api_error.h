// daemon/http/api_error.h - what a client is told when its request cannot be served, in the shape
// of OpenAI's API: {"error": {"message", "type", "param", "code"}}. Pure functions: any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "daemon/http/exchange.h"

namespace engramd::daemon::http {

struct ApiError {
  int status = 400;
  std::string message;
  std::string param;  // the field it is about, empty: none
  std::string code;
  int retry_after_s = 0;
};

// The status of an engine's or a reader's error.
ApiError to_api_error(const Error& error);
Reply to_reply(const ApiError& error);
std::string to_json_text(const ApiError& error);

}  // namespace engramd::daemon::http
