// daemon/http/server.h - HTTP/1.1 on a TCP port: listener, connections, limits (Boost.Beast,
// hidden).
//
// What may cost something has a bound: connections, header and body bytes, the time a request may
// take to arrive, the time a reply may take to leave, bytes waiting for a slow reader. One io
// thread of its own; handlers are called on it and must not block. Pipelined requests are answered
// in order. start, stop and port may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "daemon/http/exchange.h"

namespace engramd::daemon::http {

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address, or a name that resolves to one
  uint16_t port = 0;               // 0: any free one
  size_t max_connections = 128;
  size_t max_header_bytes = 32u << 10;
  size_t max_body_bytes = 32u << 20;
  size_t max_unsent_bytes = 8u << 20;         // of one reply that streams
  std::chrono::milliseconds receive{30'000};  // for a whole request, once it has begun
  std::chrono::milliseconds idle{75'000};     // between two requests of a connection
  std::chrono::milliseconds send{30'000};     // for one piece of a reply
  std::chrono::milliseconds quiet{10'000};    // of a stream, before its idle piece is sent
};

using Handler = std::function<void(Request, std::shared_ptr<Exchange>)>;

class Server {
 public:
  // Listens when it returns. Errors: the address is not ours, or the port is taken.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler);
  // As stop({}).
  ~Server();
  Server(const Server&) = delete;

  uint16_t port() const;
  // Accepts nothing more, lets running requests go on for so long, then breaks them off. Blocks.
  void stop(std::chrono::milliseconds grace);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace engramd::daemon::http
