#include "daemon/session/connection.h"

#include <utility>

#include "base/log.h"

namespace engramd::daemon {

std::shared_ptr<Connection> Connection::make(Services& services,
                                             std::shared_ptr<lsp::Transport> transport,
                                             ClientInfo client, std::function<void(int)> on_end) {
  std::shared_ptr<Connection> connection(
      new Connection(services, std::move(transport), std::move(on_end)));
  SessionHooks hooks;
  hooks.send = [weak = connection->weak_from_this()](std::string message) {
    const auto self = weak.lock();
    if (!self) return false;
    if (self->transport_->send(std::move(message))) return true;
    // An editor that does not read for this long is gone or wedged; holding more helps nobody.
    self->transport_->close();
    return false;
  };
  hooks.on_exit = [weak = connection->weak_from_this()](int code) {
    if (const auto self = weak.lock()) self->finish(code);
  };
  hooks.post = [strand = connection->strand_](std::function<void()> job) {
    strand->push(std::move(job));
  };
  connection->session_ = Session::make(services, std::move(client), std::move(hooks));
  connection->announced_ =
      services.announce([session = std::weak_ptr<Session>(connection->session_)] {
        const auto alive = session.lock();
        return alive ? alive->status() : AttachmentStatus{};
      });
  return connection;
}

std::shared_ptr<Connection> Connection::serve(Services& services,
                                              std::shared_ptr<lsp::Transport> transport,
                                              ClientInfo client, std::function<void(int)> on_end) {
  auto connection = make(services, transport, std::move(client), std::move(on_end));
  transport->start(
      {[connection](std::string message) { return connection->receive(std::move(message)); },
       [connection](const Status& how) { connection->transport_ended(how); }});
  return connection;
}

bool Connection::receive(std::string message) {
  const size_t n = message.size();
  const size_t bytes = queued_bytes_ += n;
  const size_t messages = ++queued_messages_;
  const bool full = bytes > kMaxQueuedBytes || messages > kMaxQueuedMessages;
  // Before the push: the job that empties the queue must see that somebody waits.
  if (full) waiting_ = true;
  strand_->push([self = shared_from_this(), n, text = std::move(message)] {
    // A copy: an exit notification ends session_ while receive is still running.
    if (const std::shared_ptr<Session> session = self->session_) session->receive(text);
    const size_t bytes_left = self->queued_bytes_ -= n;
    const size_t messages_left = --self->queued_messages_;
    if (bytes_left <= kMaxQueuedBytes / 2 && messages_left <= kMaxQueuedMessages / 2 &&
        self->waiting_.exchange(false))
      self->transport_->resume();
  });
  return !full;
}

void Connection::transport_ended(const Status& how) {
  strand_->push([self = shared_from_this(), how] {
    if (!how && self->session_) {
      log_warning("a connection ended: " + how.error().message);
      // What was sent is no message, so there is no id to answer; the client still learns why.
      self->transport_->send(
          lsp::error_text(std::nullopt, lsp::RpcError::parse_error, how.error().message));
    }
    self->finish(1);
  });
}

void Connection::finish(int exit_code) {
  if (!session_) return;
  const std::shared_ptr<Session> session = std::exchange(session_, nullptr);
  session->end();
  services_.forget(announced_);
  transport_->close();
  if (on_end_) std::exchange(on_end_, nullptr)(exit_code);
}

}  // namespace engramd::daemon
