// The only file that includes Boost.Asio: it costs many seconds of compile time.
#include "daemon/server/event_loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <deque>
#include <map>
#include <mutex>

#include "base/log.h"
#include "lsp/framing.h"

namespace engramd::daemon {
namespace {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;
using Code = boost::system::error_code;

class SocketTransport : public lsp::Transport,
                        public std::enable_shared_from_this<SocketTransport> {
 public:
  SocketTransport(std::shared_ptr<asio::io_context> io, Socket socket)
      : io_(std::move(io)), socket_(std::move(socket)) {}

  void start(Events events) override {
    asio::post(*io_, [self = shared_from_this(), events = std::move(events)]() mutable {
      self->events_ = std::move(events);
      self->read();
    });
  }

  void resume() override {
    asio::post(*io_, [self = shared_from_this()] {
      if (!self->paused_) return;
      self->paused_ = false;
      self->deliver();
    });
  }

  bool send(std::string message) override {
    {
      std::lock_guard lock(mutex_);
      if (closing_ || unsent_bytes_ + message.size() > lsp::kMaxUnsentBytes) return false;
      unsent_bytes_ += message.size();
      unsent_.push_back(std::move(message));
    }
    asio::post(*io_, [self = shared_from_this()] { self->write(); });
    return true;
  }

  void close() override {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    asio::post(*io_, [self = shared_from_this()] { self->write(); });
  }

 private:
  void read() {
    if (ended_) return;
    socket_.async_read_some(
        asio::buffer(buffer_), [self = shared_from_this()](Code error, size_t n) {
          if (error == asio::error::eof) return self->end(self->parser_.finish());
          if (error)
            return self->end(fail(ErrorCode::io, "cannot read the socket: " + error.message()));
          self->parser_.feed({self->buffer_.data(), n});
          self->deliver();
        });
  }

  void deliver() {
    while (!ended_) {
      auto message = parser_.next();
      if (!message) return end(fail(message.error()));
      if (!*message) return read();
      if (events_.on_message && !events_.on_message(std::move(**message))) {
        paused_ = true;
        return;
      }
    }
  }

  void write() {
    if (writing_) return;
    {
      std::lock_guard lock(mutex_);
      if (unsent_.empty()) {
        if (closing_) shut_down();
        return;
      }
      outgoing_ = lsp::framed(unsent_.front());
      unsent_bytes_ -= unsent_.front().size();
      unsent_.pop_front();
    }
    writing_ = true;
    asio::async_write(socket_, asio::buffer(outgoing_),
                      [self = shared_from_this()](Code error, size_t) {
                        self->writing_ = false;
                        if (!error) return self->write();
                        {
                          std::lock_guard lock(self->mutex_);
                          self->closing_ = true;
                          self->unsent_.clear();
                        }
                        self->shut_down();
                      });
  }

  void shut_down() {
    Code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);  // a pending read ends with an error, and so does the stream
  }

  void end(const Status& how) {
    if (ended_) return;
    ended_ = true;
    // Moved out, because the events hold our owner and the owner holds us.
    const Events events = std::move(events_);
    events_ = {};
    bool ours = false;
    {
      std::lock_guard lock(mutex_);
      ours = closing_;
    }
    if (events.on_end) events.on_end(ours ? Status() : how);
  }

  const std::shared_ptr<asio::io_context> io_;
  // io thread
  Socket socket_;
  Events events_;
  lsp::FrameParser parser_;
  std::array<char, 64u << 10> buffer_;
  std::string outgoing_;
  bool paused_ = false, writing_ = false, ended_ = false;

  std::mutex mutex_;  // guards the three below: workers send
  std::deque<std::string> unsent_;
  size_t unsent_bytes_ = 0;
  bool closing_ = false;
};

bool same_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

}  // namespace

struct EventLoop::Impl {
  // Shared with the transports, whose sockets need it as long as they live.
  std::shared_ptr<asio::io_context> io = std::make_shared<asio::io_context>(1);
  asio::signal_set signals{*io};
  std::map<std::string, asio::steady_timer> timers;
  std::optional<asio::local::stream_protocol::acceptor> acceptor;
  std::function<void(std::shared_ptr<lsp::Transport>)> on_accept;

  void accept() {
    if (!acceptor) return;
    acceptor->async_accept([this](Code error, Socket socket) {
      if (error == asio::error::operation_aborted || !acceptor) return;
      if (error) {
        // Out of descriptors, say: trying again at once would spin.
        log_warning("cannot accept a connection: " + error.message());
        auto [at, fresh] = timers.try_emplace("accept again", *io);
        at->second.expires_after(std::chrono::milliseconds(200));
        at->second.async_wait([this](Code stopped) {
          if (!stopped) accept();
        });
        return;
      }
      if (same_user(socket.native_handle())) {
        on_accept(std::make_shared<SocketTransport>(io, std::move(socket)));
      } else {
        log_warning("refused a connection of another user");
      }
      accept();
    });
  }
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  const auto work = asio::make_work_guard(*impl_->io);
  for (;;) {
    try {
      impl_->io->run();
      return;
    } catch (const std::exception& error) {
      log_error(std::string("an io callback failed: ") + error.what());
    }
  }
}

void EventLoop::stop() {
  impl_->io->stop();
}

void EventLoop::post(std::function<void()> job) {
  asio::post(*impl_->io, std::move(job));
}

void EventLoop::after(const std::string& name, std::chrono::milliseconds delay,
                      std::function<void()> job) {
  auto [at, fresh] = impl_->timers.try_emplace(name, *impl_->io);
  at->second.expires_after(delay);
  at->second.async_wait([job = std::move(job)](Code error) {
    if (!error) job();
  });
}

void EventLoop::cancel_timer(const std::string& name) {
  impl_->timers.erase(name);
}

void EventLoop::on_termination_signal(std::function<void(int)> job) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) impl_->signals.add(signal);
  impl_->signals.async_wait([job = std::move(job)](Code error, int signal) {
    if (!error) job(signal);
  });
}

void EventLoop::listen(int listening_fd,
                       std::function<void(std::shared_ptr<lsp::Transport>)> on_accept) {
  impl_->on_accept = std::move(on_accept);
  impl_->acceptor.emplace(*impl_->io, asio::local::stream_protocol(), listening_fd);
  impl_->accept();
}

void EventLoop::stop_listening() {
  if (!impl_->acceptor) return;
  Code ignored;
  impl_->acceptor->close(ignored);
  impl_->acceptor.reset();
}

}  // namespace engramd::daemon
