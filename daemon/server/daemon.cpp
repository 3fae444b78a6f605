#include "daemon/server/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <optional>
#include <thread>

#include "base/environment.h"
#include "base/log.h"
#include "daemon/server/endpoint.h"
#include "daemon/server/event_loop.h"
#include "daemon/server/handshake.h"
#include "daemon/server/services.h"
#include "daemon/session/connection.h"

namespace engramd::daemon {
namespace {

constexpr size_t kMaxConnections = 256;
constexpr std::chrono::seconds kGreetingTime{10};
// What jobs get to notice their cancelled tokens before the process ends anyway.
constexpr std::chrono::seconds kStopTime{5};

class Daemon;

// One accepted connection: greets, then is an LSP attachment or a control request. io thread,
// but for connection_'s own strand.
class Attachment : public std::enable_shared_from_this<Attachment> {
 public:
  Attachment(Daemon& daemon, std::shared_ptr<lsp::Transport> transport, uint64_t id)
      : daemon_(daemon), transport_(std::move(transport)), id_(id) {}

  void start();
  void close() { transport_->close(); }
  bool is_lsp() const { return connection_ != nullptr; }
  bool greeted() const { return greeted_; }

 private:
  bool receive(std::string message);
  bool greet(const std::string& message);
  void control(const std::string& message);

  Daemon& daemon_;
  const std::shared_ptr<lsp::Transport> transport_;
  const uint64_t id_;
  bool greeted_ = false, refused_ = false;
  std::shared_ptr<Connection> connection_;
};

// Owns the endpoint and the attachments. io thread.
class Daemon {
 public:
  Daemon(const DaemonOptions& options, Endpoint endpoint, FileLock lock)
      : options_(options), endpoint_(std::move(endpoint)), lock_(std::move(lock)) {}

  Status run() {
    ENGRAMD_TRY(const int listening, endpoint_.bind());
    // The lock is held and the socket exists: editors may connect and wait in the backlog.
    Services::Options services;
    if (options_.make_ports) services.ports = options_.make_ports();
    services.index = options_.index;
    services.build = identity_.build;
    services.suggestion_counts = suggestion_counts_file();
    services_.emplace(std::move(services));
    loop_.on_termination_signal([this](int signal) {
      log_info("stopping on signal " + std::to_string(signal));
      stop();
    });
    loop_.listen(listening, [this](std::shared_ptr<lsp::Transport> transport) {
      accept(std::move(transport));
    });
    watch_idle();
    log_info("daemon " + identity_.version + " build " + identity_.build + " listens on " +
             endpoint_.socket_path().string());
    loop_.run();
    end();
    return {};
  }

  Services& services() { return *services_; }
  EventLoop& loop() { return loop_; }
  const BuildIdentity& identity() const { return identity_; }
  bool retired() const { return !lock_; }

  void gone(uint64_t id) {
    attachments_.erase(id);
    watch_idle();
  }

  // No new attachments; the name and the lock are free for a successor at once.
  void retire() {
    if (!lock_) return;
    log_info("retiring: a newer build takes over");
    loop_.stop_listening();
    endpoint_.unlink();
    lock_.reset();
    watch_idle();
  }

  void stop() {
    if (stopping_) return;
    stopping_ = true;
    if (lock_) endpoint_.unlink();
    loop_.stop_listening();
    const auto attachments = attachments_;  // closing changes the map
    for (const auto& [id, attachment] : attachments) attachment->close();
    // Enough for the answers that are queued to be written.
    loop_.after("stop", std::chrono::milliseconds(200), [this] { loop_.stop(); });
  }

  // Only LSP attachments keep the daemon: somebody who asks for the status every minute does not.
  void watch_idle() {
    for (const auto& [id, attachment] : attachments_) {
      if (!attachment->is_lsp()) continue;
      idle_since_.reset();
      return loop_.cancel_timer("idle");
    }
    const auto now = Clock::now();
    if (!idle_since_) idle_since_ = now;
    const auto due =
        *idle_since_ + (retired() ? std::chrono::milliseconds(50) : options_.idle_exit);
    // A connection that has not greeted yet may be about to attach.
    const bool greeting = std::any_of(attachments_.begin(), attachments_.end(),
                                      [](const auto& entry) { return !entry.second->greeted(); });
    if (now >= due && !greeting) {
      log_info(retired() ? "retired and idle: ending" : "idle: ending");
      return stop();
    }
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(due - now);
    loop_.after("idle", std::max(wait, std::chrono::milliseconds(50)), [this] { watch_idle(); });
  }

 private:
  void accept(std::shared_ptr<lsp::Transport> transport) {
    if (attachments_.size() >= kMaxConnections) {
      log_warning("refused a connection: " + std::to_string(kMaxConnections) + " are open");
      Welcome welcome{false,      "too many connections", identity_,
                      ::getpid(), kProtocolOldest,        kProtocolNewest};
      transport->send(welcome_text(welcome));
      transport->close();
      return;
    }
    const uint64_t id = next_id_++;
    auto attachment = std::make_shared<Attachment>(*this, std::move(transport), id);
    attachments_[id] = attachment;
    attachment->start();
    const std::string timer = "greeting " + std::to_string(id);
    loop_.after(timer, kGreetingTime, [this, id, timer] {
      loop_.cancel_timer(timer);
      const auto at = attachments_.find(id);
      if (at != attachments_.end() && !at->second->greeted()) at->second->close();
    });
  }

  void end() {
    // A job that ignores its token (a stuck system call, say) must not keep the process.
    std::thread([] {
      std::this_thread::sleep_for(kStopTime);
      log_warning("some work did not stop in time, ending without it");
      ::_exit(0);
    }).detach();
    attachments_.clear();
    services_->stop();
    services_.reset();
    log_info("ended");
  }

  const DaemonOptions& options_;
  const Endpoint endpoint_;
  std::optional<FileLock> lock_;  // nothing once retired
  const BuildIdentity identity_ = this_build();
  EventLoop loop_;
  std::optional<Services> services_;
  std::map<uint64_t, std::shared_ptr<Attachment>> attachments_;
  uint64_t next_id_ = 1;
  bool stopping_ = false;
  std::optional<Clock::time_point> idle_since_;  // when the last attachment went
};

void Attachment::start() {
  transport_->start({[self = shared_from_this()](std::string message) {
                       return self->receive(std::move(message));
                     },
                     [self = shared_from_this()](const Status& how) {
                       if (self->connection_) {
                         self->connection_->transport_ended(how);  // its strand reports us gone
                       } else {
                         self->daemon_.gone(self->id_);
                       }
                     }});
}

bool Attachment::receive(std::string message) {
  if (!greeted_) return greet(message);
  if (refused_) return true;
  if (connection_) return connection_->receive(std::move(message));
  control(message);
  return true;
}

bool Attachment::greet(const std::string& message) {
  Welcome welcome{true, {}, daemon_.identity(), ::getpid(), kProtocolOldest, kProtocolNewest};
  const auto hello = read_hello(message);
  if (!hello) {
    welcome.error = hello.error().message;
  } else if (hello->protocol < kProtocolOldest || hello->protocol > kProtocolNewest) {
    welcome.error = "protocol " + std::to_string(hello->protocol) + ", expected " +
                    std::to_string(kProtocolOldest) + " to " + std::to_string(kProtocolNewest);
    // A newer shim must still be able to ask us to go.
    if (hello->kind == "control") welcome.error.clear();
  } else if (hello->kind != "lsp" && hello->kind != "control") {
    welcome.error = "kind '" + hello->kind.substr(0, 40) + "', expected lsp or control";
  }
  welcome.ok = welcome.error.empty();
  greeted_ = true;
  if (welcome.ok && hello->kind == "lsp") {
    connection_ =
        Connection::make(daemon_.services(), transport_, {hello->environment, hello->cwd},
                         [self = shared_from_this()](int) {
                           self->daemon_.loop().post([self] { self->daemon_.gone(self->id_); });
                         });
  }
  transport_->send(welcome_text(welcome));
  if (!welcome.ok) {
    log_warning("refused a connection: " + welcome.error);
    transport_->close();
  }
  refused_ = !welcome.ok;
  daemon_.watch_idle();
  return true;
}

void Attachment::control(const std::string& message) {
  const auto method = read_control(message);
  std::string answer = R"({"ok":true})";
  if (method && *method == "status") {
    answer = daemon_.services().status_json();
  } else if (method && *method == "retire") {
    daemon_.retire();
  } else if (method && *method == "reset-suggestions") {
    if (const Status done = daemon_.services().suggestions.reset(); !done) {
      log_warning(done.error().message);
      answer = R"({"ok":false,"error":"the counts of suggestions cannot be written"})";
    }
  } else if (!method || *method != "stop") {
    answer = R"({"ok":false,"error":"expected method status, stop, retire or reset-suggestions"})";
  }
  transport_->send(answer);
  if (method && *method == "stop") {
    daemon_.stop();
  } else {
    transport_->close();
  }
}

}  // namespace

Result<int> run_daemon(const DaemonOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  if (options.log_to_file) {
    const auto folder = state_folder();
    ENGRAMD_CHECK(make_directories(folder, 0700));
    if (!set_log_file((folder / "daemon.log").string()))
      return fail(ErrorCode::unavailable, "cannot write " + (folder / "daemon.log").string());
    if (!environment("ENGRAMD_LOG")) set_log_level(LogLevel::info);
  }
  ENGRAMD_TRY(const Endpoint endpoint, Endpoint::open());
  auto lock = endpoint.lock_daemon();
  if (!lock) {
    if (lock.error().code != ErrorCode::unavailable) return fail(lock.error());
    log_info("another daemon runs already");
    return 0;
  }
  Daemon daemon(options, endpoint, std::move(*lock));
  ENGRAMD_CHECK(daemon.run());
  return 0;
}

}  // namespace engramd::daemon
