// daemon/session/connection.h - runs one session over one transport.
//
// Messages come from the transport's thread, are decoded and applied on the connection's strand,
// and reading stops while more than kMaxQueuedBytes wait there. Any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "daemon/server/serial_queue.h"
#include "daemon/session/session.h"
#include "lsp/transport.h"

namespace engramd::daemon {

constexpr size_t kMaxQueuedBytes = 64u << 20;
constexpr size_t kMaxQueuedMessages = 4096;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // on_end is called once, on the strand: the exit code of the exit notification, or 1 without one.
  static std::shared_ptr<Connection> make(Services& services,
                                          std::shared_ptr<lsp::Transport> transport,
                                          ClientInfo client, std::function<void(int)> on_end);
  // A whole connection that reads the transport itself: --standalone and tests.
  static std::shared_ptr<Connection> serve(Services& services,
                                           std::shared_ptr<lsp::Transport> transport,
                                           ClientInfo client, std::function<void(int)> on_end);

  // From the transport: false asks it to wait for our resume().
  bool receive(std::string message);
  void transport_ended(const Status& how);

 private:
  Connection(Services& services, std::shared_ptr<lsp::Transport> transport,
             std::function<void(int)> on_end)
      : services_(services),
        transport_(std::move(transport)),
        on_end_(std::move(on_end)),
        strand_(std::make_shared<SerialQueue>(services.strands)) {}
  void finish(int exit_code);

  Services& services_;
  const std::shared_ptr<lsp::Transport> transport_;
  std::function<void(int)> on_end_;
  const std::shared_ptr<SerialQueue> strand_;
  std::shared_ptr<Session> session_;  // strand; null after the end
  uint64_t announced_ = 0;
  std::atomic<size_t> queued_bytes_{0}, queued_messages_{0};
  std::atomic<bool> waiting_{false};  // the transport was told to stop reading
};

}  // namespace engramd::daemon
