// daemon/net/http_client.h - the only outgoing sockets and the only TLS.
//
// Plain HTTP and HTTPS/1.1 with the system's certificate store (SSL_CERT_FILE and SSL_CERT_DIR are
// honoured, so a private CA works) and http(s)_proxy/no_proxy. One connection per request. Blocks
// the calling thread; a cancelled token is seen within 50 ms. Any thread.
#pragma once

#include "agent/model/http_port.h"

namespace engramd::daemon::net {

// Errors: unavailable (cannot resolve, connect, handshake, or the server went away), exhausted
// (too large, too slow), cancelled, invalid_input (the URL).
Result<agent::HttpResponse> http_send(const agent::HttpRequest& request,
                                      const std::function<void(std::string_view)>& on_body,
                                      const CancelToken& cancel);

}  // namespace engramd::daemon::net
