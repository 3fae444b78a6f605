// lsp/transport.h - a stream of whole messages in both directions.
//
// on_message is called by one thread at a time, in order. When it returns false the transport
// stops reading until resume(): that is how a slow consumer bounds memory. on_end is called once,
// after the last on_message, with success for a clean end of input. send, resume and close may be
// called from any thread; send never waits.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"

namespace engramd::lsp {

// Unsent output above this ends the stream: the other side has stopped reading.
constexpr size_t kMaxUnsentBytes = 256u << 20;

class Transport {
 public:
  struct Events {
    std::function<bool(std::string)> on_message;
    std::function<void(Status)> on_end;
  };
  virtual ~Transport() = default;
  virtual void start(Events events) = 0;
  virtual void resume() = 0;
  // False when the stream has ended or the message does not fit behind what is unsent.
  virtual bool send(std::string message) = 0;
  // Sends what is queued, then ends both directions.
  virtual void close() = 0;
};

// Blocking file descriptors with a thread for each direction: stdin and stdout. The descriptors
// are not closed. Destroying it waits for the writer, not for a reader that is blocked in read(2);
// that one ends with the process or the descriptor.
std::shared_ptr<Transport> make_fd_transport(int input_fd, int output_fd);

// Two connected ends in memory, for tests; each end delivers on a thread of its own.
std::pair<std::shared_ptr<Transport>, std::shared_ptr<Transport>> make_memory_transport();

}  // namespace engramd::lsp
