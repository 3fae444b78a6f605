#include "daemon/shim/shim.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <future>
#include <map>
#include <set>

#include "base/cancel.h"
#include "base/log.h"
#include "daemon/server/services.h"
#include "daemon/session/connection.h"
#include "lsp/framing.h"
#include "lsp/json_rpc.h"

namespace engramd::daemon {
namespace {

// Reading from one side stops while this much waits for the other.
constexpr size_t kMaxWaitingBytes = 4u << 20;
// After exit the daemon closes; it gets this long.
constexpr std::chrono::seconds kExitTime{3};

// One direction: bytes in, messages checked, bytes out.
struct Direction {
  int from = -1, to = -1;
  lsp::FrameParser parser;
  std::string waiting;  // framed bytes that `to` has not taken yet
  size_t sent = 0;
  bool ended = false;  // no more input
  size_t n_waiting() const { return waiting.size() - sent; }
};

class Relay {
 public:
  Relay(DaemonLink link, int input_fd, int output_fd) : link_(std::move(link)) {
    up_.from = input_fd;
    up_.to = down_.from = link_.fd();
    down_.to = output_fd;
    down_.parser.feed(link_.rest);
  }

  Result<int> run() {
    set_nonblocking(link_.fd());
    if (Status greeted = take_messages(down_, false); !greeted)
      return lost(greeted.error().message);
    while (true) {
      pollfd fds[4] = {
          {up_.ended || up_.n_waiting() > kMaxWaitingBytes ? -1 : up_.from, POLLIN, 0},
          {down_.n_waiting() > kMaxWaitingBytes ? -1 : down_.from, POLLIN, 0},
          {up_.n_waiting() > 0 ? up_.to : -1, POLLOUT, 0},
          {down_.n_waiting() > 0 ? down_.to : -1, POLLOUT, 0},
      };
      const int timeout = exit_deadline_ ? 50 : -1;
      if (::poll(fds, 4, timeout) < 0 && errno != EINTR)
        return fail(errno_error("cannot poll", errno));
      if (fds[2].revents != 0 && !write_some(up_)) return lost("the daemon closed the connection");
      if (fds[3].revents != 0 && !write_some(down_)) return exit_code();  // the editor is gone
      if (fds[0].revents != 0) {
        if (Status read = read_some(up_); !read) return bad_input(read.error());
        if (Status taken = take_messages(up_, true); !taken) return bad_input(taken.error());
        if (up_.ended) {
          if (Status whole = up_.parser.finish(); !whole) return bad_input(whole.error());
          // The editor died or closed the pipe; nobody is left to answer to.
          return exit_code();
        }
      }
      if (fds[1].revents != 0) {
        const Status read = read_some(down_);
        if (Status taken = take_messages(down_, false); !taken) return lost(taken.error().message);
        if (!read || down_.ended) {
          flush(down_);
          if (saw_exit_) return exit_code();
          return lost(read ? "it closed the connection" : read.error().message);
        }
      }
      if (exit_deadline_ && Clock::now() > *exit_deadline_) return exit_code();
    }
  }

 private:
  static void set_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

  Status read_some(Direction& way) {
    char buffer[64u << 10];
    const ssize_t n = ::read(way.from, buffer, sizeof buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
    if (n < 0) return fail(errno_error("cannot read", errno));
    if (n == 0) way.ended = true;
    way.parser.feed({buffer, static_cast<size_t>(n)});
    return {};
  }

  Status take_messages(Direction& way, bool from_editor) {
    for (;;) {
      ENGRAMD_TRY(auto message, way.parser.next());
      if (!message) return {};
      note(lsp::outline_message(*message), from_editor);
      way.waiting += lsp::framed(*message);
    }
  }

  // Keeps pending_ and what decides the exit code.
  void note(const lsp::MessageOutline& outline, bool from_editor) {
    if (from_editor && outline.has_method && outline.id) {
      // More open requests than the daemon accepts: it refuses the rest itself.
      if (pending_.size() < 8192) pending_.insert(lsp::id_text(outline.id));
      if (outline.method == "shutdown") saw_shutdown_ = true;
    } else if (from_editor && outline.method == "exit") {
      saw_exit_ = true;
      exit_deadline_ = Clock::now() + kExitTime;
    } else if (!from_editor && !outline.has_method && outline.id) {
      pending_.erase(lsp::id_text(outline.id));
    }
  }

  // False when the other side has gone.
  bool write_some(Direction& way) {
    const char* bytes = way.waiting.data() + way.sent;
    ssize_t n = ::send(way.to, bytes, way.n_waiting(), MSG_DONTWAIT | MSG_NOSIGNAL);
    // The editor's pipe is not ours to make non-blocking (its other end of the description may be
    // shared), but poll promises room for PIPE_BUF bytes: a write of that much does not wait, and
    // an editor that writes to us before it reads cannot lock us up.
    if (n < 0 && errno == ENOTSOCK)
      n = ::write(way.to, bytes, std::min<size_t>(way.n_waiting(), PIPE_BUF));
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    way.sent += static_cast<size_t>(n);
    if (way.n_waiting() == 0) {
      way.waiting.clear();
      way.sent = 0;
      if (way.waiting.capacity() > kMaxWaitingBytes) way.waiting.shrink_to_fit();
    }
    return true;
  }

  // To the editor, for at most a second: it may have stopped reading.
  void flush(Direction& way) {
    const auto deadline = Clock::now() + std::chrono::seconds(1);
    while (way.n_waiting() > 0 && Clock::now() < deadline) {
      pollfd ready{way.to, POLLOUT, 0};
      if (::poll(&ready, 1, 100) > 0 && !write_some(way)) return;
    }
  }

  int exit_code() const { return saw_shutdown_ ? 0 : 1; }

  int lost(const std::string& how) {
    log_error("lost the daemon: " + how);
    for (const std::string& id : pending_)
      down_.waiting += lsp::framed(
          R"({"jsonrpc":"2.0","id":)" + id +
          R"(,"error":{"code":-32603,"message":"the engramd daemon ended before it answered; restart the language server"}})");
    flush(down_);
    return 1;
  }

  int bad_input(const Error& error) {
    log_error("cannot understand the editor: " + error.message);
    down_.waiting +=
        lsp::framed(lsp::error_text(std::nullopt, lsp::RpcError::parse_error, error.message));
    flush(down_);
    return 1;
  }

  DaemonLink link_;
  Direction up_, down_;
  std::set<std::string> pending_;  // ids of the editor's open requests, as JSON
  bool saw_shutdown_ = false, saw_exit_ = false;
  std::optional<Clock::time_point> exit_deadline_;
};

Result<int> run_standalone(const ShimOptions& options) {
  Services::Options services_options;
  if (options.make_ports) services_options.ports = options.make_ports();
  services_options.index = options.index;
  services_options.build = this_build().build;
  services_options.suggestion_counts = suggestion_counts_file();
  Services services(std::move(services_options));
  std::promise<int> ended;
  ClientInfo client;
  client.environment = selected_environment();
  std::error_code ignored;
  client.cwd = std::filesystem::current_path(ignored).string();
  int code = 1;
  {
    auto transport = lsp::make_fd_transport(options.input_fd, options.output_fd);
    const auto connection =
        Connection::serve(services, transport, client, [&ended](int how) { ended.set_value(how); });
    code = ended.get_future().get();
    services.stop();
  }
  return code;
}

}  // namespace

Result<int> run_lsp_shim(const ShimOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  if (options.standalone) return run_standalone(options);
  ENGRAMD_TRY(DaemonLink link, connect_or_start("lsp", options.connect));
  return Relay(std::move(link), options.input_fd, options.output_fd).run();
}

Result<std::string> control_request(const std::string& method, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  ENGRAMD_TRY(DaemonLink link, connect_running("control", timeout));
  ENGRAMD_CHECK(link.send(control_text(method)));
  ENGRAMD_TRY(const std::string answer, link.receive(timeout));
  if (method == "stop") {
    // The process is gone when nothing of that id is left; its connection closes a little before.
    while (Clock::now() < deadline && ::kill(static_cast<pid_t>(link.welcome.pid), 0) == 0)
      ::poll(nullptr, 0, 20);
  }
  return answer;
}

}  // namespace engramd::daemon
