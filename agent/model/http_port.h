// agent/model/http_port.h - the port through which the agent reaches the network, if at all.
//
// The agent knows no socket and no TLS; daemon/net implements this. Any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

struct HttpRequest {
  std::string method = "POST";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int64_t idle_timeout_ms = 300'000;  // without a byte from the server
  size_t max_response_bytes = 64u << 20;
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // empty when on_body took it
};

// on_body, when set, gets the body's pieces as they come if the status is 200.
using HttpSend = std::function<Result<HttpResponse>(
    const HttpRequest&, const std::function<void(std::string_view)>& on_body, const CancelToken&)>;

}  // namespace engramd::agent
