// daemon/net/http_client.h - the only outgoing sockets and the only TLS.
//
// Plain HTTP and HTTPS/1.1 with the system's certificate store (SSL_CERT_FILE and SSL_CERT_DIR are
// honoured, so a private CA works), through a proxy where the options or http(s)_proxy, all_proxy
// and no_proxy say so. One connection per request. Blocks the calling thread; a cancelled token is
// seen within 50 ms. Any thread.
#pragma once

#include <string>
#include <vector>

#include "agent/model/http_port.h"

namespace engramd::daemon::net {

struct NetworkOptions {
  std::string proxy;  // "http://[name:key@]host:port"; empty: the environment's
  bool no_proxy_at_all = false;
  std::vector<std::string> no_proxy;  // hosts and domains, besides the environment's
  std::string ca_file;                // PEM, besides the system's certificates
};

// Errors: invalid_input for a proxy or a file that cannot be used.
Result<agent::HttpSend> make_http_send(NetworkOptions options);

// With the environment alone. Errors: unavailable (cannot resolve, connect, handshake, or the
// server went away), exhausted (too large), cancelled, invalid_input (the URL).
Result<agent::HttpResponse> http_send(const agent::HttpRequest& request,
                                      const std::function<void(std::string_view)>& on_body,
                                      const CancelToken& cancel);

}  // namespace engramd::daemon::net
