// agent/model/remote.h - a chat model behind an OpenAI-compatible endpoint: streaming, tools,
// usage.
//
// Busy servers and lost connections are tried again with growing waits (Retry-After is honoured); a
// reply of which text was shown already is not. A conversation that the server calls too long is
// shortened (fit_history.h) and sent again. What a server says it does not know of a request (a
// field, tools) is left out from then on, and said once in the log. Everything else is one error
// with the server's words and the remedy. The key is sent, never printed. Called from the loop's
// thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/model/chat_model.h"
#include "agent/model/http_port.h"

namespace engramd::agent {

struct RemoteOptions {
  std::string base_url;  // "http://127.0.0.1:8080/v1"
  std::string model;
  std::string api_key;                       // may be empty
  std::string key_hint = "$OPENAI_API_KEY";  // where the key comes from, for errors
  int max_attempts = 5;
  int64_t first_wait_ms = 500;
  int64_t idle_timeout_ms = 300'000;
  int64_t max_completion_tokens = 0;  // 0: the server's default
  std::optional<double> temperature;
  std::optional<uint64_t> seed;
};

std::unique_ptr<ChatModel> make_remote_model(RemoteOptions options, HttpSend send);

}  // namespace engramd::agent
