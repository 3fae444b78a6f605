// agent/model/remote.h - a chat model behind an OpenAI-compatible endpoint: streaming, tools,
// usage.
//
// 429 and 5xx and lost connections are tried again with growing waits (Retry-After is honoured);
// every other status is an error that quotes the server's own message. The key is sent, never
// printed. Called from the loop's thread.
#pragma once

#include <memory>
#include <string>

#include "agent/model/chat_model.h"
#include "agent/model/http_port.h"

namespace engramd::agent {

struct RemoteOptions {
  std::string base_url;  // "http://127.0.0.1:8080/v1"
  std::string model;
  std::string api_key;  // may be empty
  int max_attempts = 5;
  int64_t first_wait_ms = 500;
  int64_t max_completion_tokens = 0;  // 0: the server's default
};

std::unique_ptr<ChatModel> make_remote_model(RemoteOptions options, HttpSend send);

}  // namespace engramd::agent
