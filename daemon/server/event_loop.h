// daemon/server/event_loop.h - the io thread: sockets, timers and signals (Boost.Asio, hidden).
//
// run() makes the calling thread the io thread; every callback comes on it. post and stop may be
// called from any thread, the others from the io thread or before run(). The Transports of accepted
// connections may be used from any thread, and outlive the loop harmlessly.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/result.h"
#include "lsp/transport.h"

namespace engramd::daemon {

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;

  void run();
  void stop();
  void post(std::function<void()> job);

  // At most one timer of each name; setting it again moves it.
  void after(const std::string& name, std::chrono::milliseconds delay, std::function<void()> job);
  void cancel_timer(const std::string& name);

  void on_termination_signal(std::function<void(int)> job);  // SIGTERM, SIGINT, SIGHUP

  // Takes ownership of a listening Unix socket. Connections of other users are refused.
  void listen(int listening_fd, std::function<void(std::shared_ptr<lsp::Transport>)> on_accept);
  void stop_listening();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace engramd::daemon
