// daemon/wiring/model_server.h - one `engramd serve` beside us, so that many processes of this node
// share one copy of the weights.
//
// On loopback, on any free port, without a key (other users of the machine could ask it, too). Ends
// with the object, and with this process however that ends. alive() and reference() from any
// thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd::daemon {

class ModelServer {
 public:
  // Waits until the weights are loaded. n_slots: conversations side by side; above 64 they take
  // turns.
  static Result<std::unique_ptr<ModelServer>> start(const std::filesystem::path& model,
                                                    size_t n_slots, const CancelToken& cancel);
  virtual ~ModelServer() = default;
  virtual Status alive() const = 0;           // or why it ended
  virtual std::string reference() const = 0;  // "http://127.0.0.1:41231/v1#name"
};

}  // namespace engramd::daemon
