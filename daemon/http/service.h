// daemon/http/service.h - `engramd serve`: the HTTP server, who may use it, and the model behind
// it.
//
// Listens before the model is loaded, and says 503 until it is. Whoever comes must show the key;
// without one (no_key) only loopback addresses are served, and neither a foreign Host (DNS
// rebinding) nor a foreign web page's Origin. start and set_model from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/thread_pool.h"
#include "daemon/http/call.h"
#include "daemon/http/server.h"

namespace engramd::daemon::http {

struct ServiceOptions {
  ServerOptions server;
  std::string key;      // what clients send as "Authorization: Bearer KEY"
  bool no_key = false;  // nobody needs one
};

// Whether a host, as in --host or a Host header without its port, can only mean this machine.
bool is_loopback(std::string_view host);
// 32 random bytes from the system, as hex.
Result<std::string> random_key();

class Service {
 public:
  // Errors: no key and not no_key; no key and a host that others can reach; the port.
  static Result<std::unique_ptr<Service>> start(ServiceOptions options);
  ~Service();

  uint16_t port() const { return server_->port(); }
  void set_model(std::shared_ptr<const ServedModel> model);
  // Accepts nothing more and gives what runs so long to finish. Blocks.
  void stop(std::chrono::milliseconds grace) { server_->stop(grace); }

 private:
  explicit Service(ServiceOptions options);
  void handle(Request request, std::shared_ptr<Exchange> exchange);
  std::string refusal(const Request& request, bool open, int& status) const;

  const ServiceOptions options_;
  const std::shared_ptr<Metrics> metrics_ = std::make_shared<Metrics>();  // exchanges hold it too
  std::mutex mutex_;  // guards the model: the loader sets it, every request reads it
  std::shared_ptr<const ServedModel> model_;
  std::unique_ptr<Server> server_;
  ThreadPool readers_;  // parsing and tokenizing; ends before the server does
};

}  // namespace engramd::daemon::http
