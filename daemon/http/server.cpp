#include "daemon/http/server.h"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "base/log.h"

namespace engramd::daemon::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using Code = boost::system::error_code;
using asio::ip::tcp;

auto with(Code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

std::string error_body(std::string_view message, std::string_view type) {
  // The messages of this file hold nothing that JSON would escape.
  return "{\"error\":{\"message\":\"" + std::string(message) + "\",\"type\":\"" +
         std::string(type) + "\",\"param\":null,\"code\":null}}";
}

// The two ends of one exchange: the handler's, on any thread, and the connection's, on the io
// thread. `changed` wakes the connection.
class ExchangeState {
 public:
  ExchangeState(std::shared_ptr<asio::io_context> io, size_t max_unsent)
      : io_(std::move(io)), max_unsent_(max_unsent), changed(*io_) {
    changed.expires_at(std::chrono::steady_clock::time_point::max());
  }

  struct Outgoing {
    std::optional<Reply> head;  // whole, or what a stream begins with
    bool streams = false, ended = false, broken = false;
    std::string bytes, idle;
  };

  // --- handler's end
  void begin(Reply reply, bool streams, std::string_view idle = {}) {
    std::lock_guard lock(mutex_);
    if (begun_) return;
    begun_ = true;
    ended_ = !streams;
    next_.idle = idle;
    next_.head = std::move(reply);
    next_.streams = streams;
    wake();
  }
  bool write(std::string piece) {
    std::lock_guard lock(mutex_);
    if (!begun_ || ended_ || gone_) return false;
    if (next_.bytes.size() + piece.size() > max_unsent_) {
      gone_ = true;
      ended_ = broken_ = true;
      cancel.cancel();
      wake();
      return false;
    }
    next_.bytes += piece;
    wake();
    return true;
  }
  void end(bool broken) {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    broken_ = broken;
    wake();
  }
  bool begun() const {
    std::lock_guard lock(mutex_);
    return begun_;
  }

  // --- io thread
  Outgoing take() {
    std::lock_guard lock(mutex_);
    Outgoing out = std::move(next_);
    next_ = {};
    next_.streams = out.streams;
    out.ended = ended_;
    out.broken = broken_;
    return out;
  }
  bool empty() const {
    std::lock_guard lock(mutex_);
    return !next_.head && next_.bytes.empty() && !ended_;
  }
  void peer_gone() {
    cancel.cancel();  // first: who sees that it is gone sees that too
    {
      std::lock_guard lock(mutex_);
      gone_ = true;
    }
    changed.cancel();
  }
  bool gone() const {
    std::lock_guard lock(mutex_);
    return gone_;
  }

  CancelSource cancel;
  std::weak_ptr<ExchangeState> self;

 private:
  // The state keeps itself alive until the io thread has been told.
  void wake() {
    asio::post(*io_, [state = self.lock()] {
      if (state) state->changed.cancel();
    });
  }

  const std::shared_ptr<asio::io_context> io_;
  const size_t max_unsent_;
  mutable std::mutex mutex_;  // guards what follows: handlers answer from any thread
  Outgoing next_;
  bool begun_ = false, ended_ = false, broken_ = false, gone_ = false;

 public:
  asio::steady_timer changed;  // io thread; after io_, which must outlive it
};

class ExchangeEnd final : public Exchange {
 public:
  explicit ExchangeEnd(std::shared_ptr<ExchangeState> state) : state_(std::move(state)) {}
  ~ExchangeEnd() override {
    if (!state_->begun()) {
      Reply lost;
      lost.status = 500;
      lost.body = error_body("the request was dropped without an answer", "server_error");
      state_->begin(std::move(lost), false);
    }
    state_->end(true);
  }
  void reply(Reply reply) override { state_->begin(std::move(reply), false); }
  void begin_stream(std::string_view content_type, std::string_view idle) override {
    Reply head;
    head.content_type = content_type;
    state_->begin(std::move(head), true, idle);
  }
  bool write(std::string piece) override { return state_->write(std::move(piece)); }
  void end() override { state_->end(false); }
  CancelToken cancel() const override { return state_->cancel.token(); }

 private:
  const std::shared_ptr<ExchangeState> state_;
};

}  // namespace

struct Server::Impl {
  explicit Impl(const ServerOptions& given, Handler handle)
      : options(given), handler(std::move(handle)), acceptor(*io) {}

  class Connection;

  ServerOptions options;
  Handler handler;
  // Shared with the exchanges, whose timers need it as long as they live.
  std::shared_ptr<asio::io_context> io = std::make_shared<asio::io_context>(1);
  tcp::acceptor acceptor;
  uint16_t port = 0;
  // io thread. Shared with the connections, which leave it when they end.
  std::shared_ptr<std::set<Connection*>> connections = std::make_shared<std::set<Connection*>>();
  bool stopping = false;  // io thread
  std::mutex stop_mutex;  // one stop() at a time
  std::thread thread;

  asio::awaitable<void> accept();
  asio::awaitable<void> refuse(tcp::socket socket);
};

class Server::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Server::Impl& server, tcp::socket socket)
      : server_(server), connections_(server.connections), stream_(std::move(socket)) {
    connections_->insert(this);
    Code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
  }
  ~Connection() { connections_->erase(this); }

  asio::awaitable<void> run() {
    const auto self = shared_from_this();
    while (co_await one_request()) {
    }
    Code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    // What the client still sends after a refusal is read away for a moment: closing on it would
    // reset the connection and could take the answer with it.
    if (linger_) co_await drain();
    stream_.close();
  }

  // Ends at once when it waits for a request, else after the one that runs.
  void finish() {
    if (exchange_ == nullptr) stream_.close();
  }
  void break_off() {
    if (exchange_ != nullptr) exchange_->peer_gone();
    stream_.close();
  }

 private:
  using Parser = wire::request_parser<wire::string_body>;

  // False when the connection is over.
  asio::awaitable<bool> one_request() {
    const ServerOptions& options = server_.options;
    Parser parser;
    parser.header_limit(uint32_t(options.max_header_bytes));
    parser.body_limit(options.max_body_bytes);
    Code error;
    if (buffer_.size() == 0) {
      // The wait for a first byte and the time for a whole request are two limits.
      stream_.expires_after(options.idle);
      const size_t n = co_await stream_.async_read_some(buffer_.prepare(4096), with(error));
      if (error) co_return false;
      buffer_.commit(n);
    }
    stream_.expires_after(options.receive);
    co_await wire::async_read_header(stream_, buffer_, parser, with(error));
    if (!error && beast::iequals(parser.get()[wire::field::expect], "100-continue") &&
        !parser.is_done()) {
      const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(stream_, asio::buffer(go_on), with(error));
    }
    if (!error && !parser.is_done())
      co_await wire::async_read(stream_, buffer_, parser, with(error));
    if (error) co_return co_await refuse(error);

    const unsigned version = parser.get().version();
    const bool keep_alive = parser.keep_alive();
    Request request;
    const auto message = parser.release();
    request.method = std::string(message.method_string());
    const std::string_view target(message.target().data(), message.target().size());
    request.path = std::string(target.substr(0, target.find('?')));
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
      request.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    request.body = message.body();

    exchange_ = std::make_shared<ExchangeState>(server_.io, options.max_unsent_bytes);
    exchange_->self = exchange_;
    watch();
    {
      auto end = std::make_shared<ExchangeEnd>(exchange_);
      try {
        server_.handler(std::move(request), end);
      } catch (const std::exception& problem) {
        log_error(std::string("a request handler failed: ") + problem.what());
      }
    }
    const bool sent = co_await send(version, keep_alive && !server_.stopping);
    exchange_->peer_gone();  // whoever still works for it works for nobody
    exchange_.reset();
    ++watch_;
    Code ignored;
    stream_.socket().cancel(ignored);  // the watch
    co_return sent&& keep_alive && !server_.stopping;
  }

  // Answers a request that could not be read.
  asio::awaitable<bool> refuse(Code error) {
    Reply reply;
    if (error == wire::error::body_limit) {
      reply.status = 413;
      reply.body = error_body(
          "the request body is over " + std::to_string(server_.options.max_body_bytes) + " bytes",
          "invalid_request_error");
    } else if (error == wire::error::header_limit) {
      reply.status = 431;
      reply.body = error_body("the request header is over " +
                                  std::to_string(server_.options.max_header_bytes) + " bytes",
                              "invalid_request_error");
    } else if (error == beast::error::timeout) {
      // tcp_stream has closed the socket: nothing can be said any more.
      co_return false;
    } else if (error.category() == wire::make_error_code(wire::error::bad_method).category() &&
               error != wire::error::end_of_stream && error != wire::error::partial_message) {
      reply.status = 400;
      reply.body = error_body("this is not an HTTP request", "invalid_request_error");
    } else {
      co_return false;
    }
    linger_ = true;
    stream_.expires_after(server_.options.send);
    co_await write_whole(reply, 11, false);
    co_return false;
  }

  asio::awaitable<void> drain() {
    std::array<char, 16384> sink;
    size_t left = 4 * server_.options.max_body_bytes;
    stream_.expires_after(std::chrono::seconds(2));
    for (Code error; !error && left > 0;) {
      const size_t n = co_await stream_.async_read_some(asio::buffer(sink), with(error));
      left -= std::min(left, n);
    }
  }

  // Sees the peer close while the answer is being made. Bytes that come are the next request:
  // they end the watch, and a peer that goes then is noticed by writing to it.
  void watch() {
    stream_.socket().async_wait(
        tcp::socket::wait_read, [self = shared_from_this(), number = watch_](Code error) {
          if (error || number != self->watch_ || !self->exchange_) return;
          char byte;
          const ssize_t n =
              ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
          if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            self->exchange_->peer_gone();
          else if (n < 0)
            self->watch();
        });
  }

  // Writes the answer as it is made; true when it was complete.
  asio::awaitable<bool> send(unsigned version, bool keep_alive) {
    const auto exchange = exchange_;
    bool chunked = false;
    std::string idle;
    Code error;
    for (;;) {
      bool quiet = false;
      while (exchange->empty() && !exchange->gone() && !quiet) {
        stream_.expires_never();
        if (idle.empty())
          exchange->changed.expires_at(std::chrono::steady_clock::time_point::max());
        else
          exchange->changed.expires_after(server_.options.quiet);
        Code woken;
        co_await exchange->changed.async_wait(with(woken));
        quiet = !woken;
      }
      if (exchange->gone()) co_return false;
      ExchangeState::Outgoing out = exchange->take();
      if (quiet && out.bytes.empty()) out.bytes = idle;
      if (out.head) idle = out.idle;
      stream_.expires_after(server_.options.send);
      if (out.head && !out.streams) co_return co_await write_whole(*out.head, version, keep_alive);
      if (out.head) {
        chunked = version >= 11;
        co_await write_stream_head(*out.head, version, keep_alive && chunked, error);
      }
      if (!error && !out.bytes.empty()) {
        if (chunked)
          co_await asio::async_write(stream_, wire::make_chunk(asio::buffer(out.bytes)),
                                     with(error));
        else
          co_await asio::async_write(stream_, asio::buffer(out.bytes), with(error));
      }
      if (error || out.broken) co_return false;
      if (!out.ended) continue;
      if (!chunked) co_return false;  // without chunks the end of the connection is the end
      co_await asio::async_write(stream_, wire::make_chunk_last(), with(error));
      co_return !error;
    }
  }

  template <class Message>
  void put_headers(Message& message, const Reply& reply, bool keep_alive) {
    message.set(wire::field::server, "engramd/" ENGRAMD_VERSION);
    message.set(wire::field::content_type, reply.content_type);
    message.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : reply.headers) message.set(name, value);
    message.keep_alive(keep_alive);
  }

  asio::awaitable<bool> write_whole(const Reply& reply, unsigned version, bool keep_alive) {
    wire::response<wire::string_body> message(wire::int_to_status(unsigned(reply.status)), version);
    put_headers(message, reply, keep_alive);
    message.body() = reply.body;
    message.prepare_payload();
    Code error;
    co_await wire::async_write(stream_, message, with(error));
    co_return !error;
  }

  asio::awaitable<void> write_stream_head(const Reply& reply, unsigned version, bool keep_alive,
                                          Code& error) {
    wire::response<wire::empty_body> message(wire::int_to_status(unsigned(reply.status)), version);
    put_headers(message, reply, keep_alive);
    message.set(wire::field::cache_control, "no-cache");
    if (version >= 11) message.chunked(true);
    wire::response_serializer<wire::empty_body> serializer(message);
    co_await wire::async_write_header(stream_, serializer, with(error));
  }

  Server::Impl& server_;
  const std::shared_ptr<std::set<Connection*>> connections_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::shared_ptr<ExchangeState> exchange_;  // of the request that runs
  uint64_t watch_ = 0;                       // which request the watch belongs to
  bool linger_ = false;
};

asio::awaitable<void> Server::Impl::accept() {
  while (acceptor.is_open()) {
    Code error;
    tcp::socket socket = co_await acceptor.async_accept(with(error));
    if (!acceptor.is_open() || error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors, say: trying again at once would spin.
      log_warning("cannot accept a connection: " + error.message());
      asio::steady_timer pause(*io, std::chrono::milliseconds(200));
      Code ignored;
      co_await pause.async_wait(with(ignored));
      continue;
    }
    if (connections->size() >= options.max_connections) {
      asio::co_spawn(*io, refuse(std::move(socket)), asio::detached);
      continue;
    }
    auto connection = std::make_shared<Connection>(*this, std::move(socket));
    asio::co_spawn(
        *io, [connection] { return connection->run(); }, asio::detached);
  }
}

asio::awaitable<void> Server::Impl::refuse(tcp::socket socket) {
  const std::string body = error_body("too many connections", "server_error");
  const std::string answer =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: "
      "1\r\nConnection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  // One write into an empty send buffer: it never waits.
  Code ignored;
  socket.write_some(asio::buffer(answer), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  asio::steady_timer moment(*io, std::chrono::milliseconds(100));
  co_await moment.async_wait(with(ignored));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler handler) {
  auto impl = std::make_unique<Impl>(options, std::move(handler));
  const std::string what = options.host + ":" + std::to_string(options.port);
  Code error;
  tcp::resolver resolver(*impl->io);
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
  if (error || found.empty())
    return fail(ErrorCode::invalid_input,
                options.host + " is not an address of this machine: " + error.message());
  const tcp::endpoint endpoint = *found.begin();
  impl->acceptor.open(endpoint.protocol(), error);
  if (!error) impl->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) impl->acceptor.bind(endpoint, error);
  if (!error) impl->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return fail(ErrorCode::unavailable, "cannot listen on " + what + ": " + error.message());
  impl->port = impl->acceptor.local_endpoint(error).port();
  asio::co_spawn(*impl->io, impl->accept(), asio::detached);
  impl->thread = std::thread([raw = impl.get()] {
    for (;;) {
      try {
        raw->io->run();
        return;
      } catch (const std::exception& problem) {
        log_error(std::string("an io callback failed: ") + problem.what());
      }
    }
  });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

uint16_t Server::port() const {
  return impl_->port;
}

void Server::stop(std::chrono::milliseconds grace) {
  std::lock_guard lock(impl_->stop_mutex);
  if (!impl_->thread.joinable()) return;
  const auto until = std::chrono::steady_clock::now() + grace;
  auto timer = std::make_shared<asio::steady_timer>(*impl_->io);
  Impl* impl = impl_.get();
  asio::post(*impl->io, [impl, timer, until] {
    impl->stopping = true;
    Code ignored;
    impl->acceptor.close(ignored);
    for (auto* connection : *impl->connections) connection->finish();
    // A short tick instead of counting the ends: stopping is rare.
    asio::co_spawn(
        *impl->io,
        [impl, timer, until]() -> asio::awaitable<void> {
          Code none;
          while (!impl->connections->empty() && std::chrono::steady_clock::now() < until) {
            timer->expires_after(std::chrono::milliseconds(10));
            co_await timer->async_wait(with(none));
          }
          for (auto* connection : *impl->connections) connection->break_off();
          // One turn for the coroutines to see it.
          for (int i = 0; i < 100 && !impl->connections->empty(); ++i) {
            timer->expires_after(std::chrono::milliseconds(5));
            co_await timer->async_wait(with(none));
          }
          impl->io->stop();
        },
        asio::detached);
  });
  impl_->thread.join();
}

Server::~Server() {
  stop({});
}

}  // namespace engramd::daemon::http
