#include "lsp/binder.h"

#include <exception>

#include "base/log.h"

namespace engramd::lsp {
namespace {

// Enough to recognise a message in the log, not enough to fill it.
std::string shortened(std::string_view text) {
  return std::string(text.substr(0, 200)) + (text.size() > 200 ? "..." : "");
}

}  // namespace

OpenRequest::~OpenRequest() {
  answer_error(RpcError::internal_error, method_ + " ended without an answer");
}

void OpenRequest::finish(std::string message, bool ok) {
  if (answered_.exchange(true)) return;
  const std::shared_ptr<Binder> binder = binder_.lock();
  if (!binder) return;
  {
    std::lock_guard lock(binder->mutex_);
    binder->inbound_.erase(id_text(id_));
  }
  if (method_ == "initialize")
    binder->phase_.store(ok ? Binder::Phase::running : Binder::Phase::fresh);
  // Counted first: who has the answer finds it in the figures.
  if (binder->hooks_.on_answered) binder->hooks_.on_answered(method_, Clock::now() - started_, ok);
  binder->send(std::move(message));
}

void OpenRequest::answer(std::string_view result_json) {
  finish(result_text(id_, result_json), true);
}

void OpenRequest::answer_error(RpcError code, std::string_view message) {
  if (!answered()) finish(error_text(id_, code, message), false);
}

void OpenRequest::cancel() {
  cancel_.cancel();
  answer_error(RpcError::request_cancelled, "cancelled");
}

std::shared_ptr<Binder> Binder::make(Hooks hooks) {
  return std::shared_ptr<Binder>(new Binder(std::move(hooks)));
}

size_t Binder::n_open() const {
  std::lock_guard lock(mutex_);
  return inbound_.size();
}

void Binder::send(std::string message) {
  if (phase_.load() == Phase::ended) return;
  if (!hooks_.send(std::move(message)))
    log_debug("a message was dropped, its connection has ended");
}

void Binder::receive(std::string_view text) {
  auto message = read_message(text);
  if (!message) {
    const BadMessage& bad = message.error();
    log_warning("bad message: " + bad.reason + ": " + shortened(text));
    if (bad.answer) send(error_text(bad.id, bad.code, bad.reason));
    return;
  }
  switch (message->kind) {
    case MessageKind::request:
      return receive_request(std::move(*message));
    case MessageKind::notification:
      return receive_notification(*message);
    case MessageKind::response:
      return receive_response(*message);
  }
}

void Binder::receive_request(Message message) {
  const auto refuse = [&](RpcError code, std::string_view why) {
    send(error_text(message.id, code, why));
  };
  const bool initialize = message.method == "initialize";
  switch (phase_.load()) {
    case Phase::fresh:
      if (!initialize)
        return refuse(RpcError::server_not_initialized, message.method + " before initialize");
      break;
    case Phase::initializing:
      return refuse(RpcError::server_not_initialized, message.method + " during initialize");
    case Phase::running:
      if (initialize) return refuse(RpcError::invalid_request, "initialize was sent before");
      break;
    case Phase::shut_down:
      return refuse(RpcError::invalid_request, message.method + " after shutdown");
    case Phase::ended:
      return;
  }
  const auto at = requests_.find(message.method);
  if (at == requests_.end() && message.method != "shutdown")
    return refuse(RpcError::method_not_found, "no such method: " + shortened(message.method));

  auto request = std::make_shared<OpenRequest>(weak_from_this(), *message.id, message.method);
  {
    std::unique_lock lock(mutex_);
    const bool full = inbound_.size() >= kMaxOpenRequests;
    const bool fresh = !full && inbound_.emplace(id_text(message.id), request).second;
    if (!fresh) {
      request->answered_ = true;  // the id belongs to another request, or nobody's
      lock.unlock();
      return full ? refuse(RpcError::request_failed, "too many open requests")
                  : refuse(RpcError::invalid_request, "id " + id_text(message.id) + " is in use");
    }
  }
  if (initialize) phase_.store(Phase::initializing);
  if (message.method == "shutdown") {
    // The phase first: an answered shutdown must refuse what comes next, on any thread.
    phase_.store(Phase::shut_down);
    if (at == requests_.end()) return request->answer("null");
  }
  try {
    at->second(*message.params, request);
  } catch (const std::exception& error) {
    log_error(message.method + " failed: " + error.what());
    request->answer_error(RpcError::internal_error, message.method + " failed: " + error.what());
  }
}

void Binder::receive_notification(const Message& message) {
  if (message.method == "exit") {
    const bool clean = phase_.load() == Phase::shut_down;
    if (hooks_.on_exit) hooks_.on_exit(clean ? 0 : 1);
    return;
  }
  if (message.method == "$/cancelRequest") return cancel_request(message);
  // LSP: notifications before initialize are dropped.
  if (phase_.load() != Phase::running) return;
  const auto at = notifications_.find(message.method);
  if (at == notifications_.end()) return;
  try {
    if (Status ok = at->second(*message.params); !ok)
      log_warning("bad " + message.method + ": " + ok.error().message);
  } catch (const std::exception& error) {
    log_error(message.method + " failed: " + error.what());
  }
}

void Binder::cancel_request(const Message& message) {
  const auto id = read_cancelled_id(*message.params);
  if (!id) return log_warning(id.error().message);
  std::shared_ptr<OpenRequest> request;
  {
    std::lock_guard lock(mutex_);
    if (const auto at = inbound_.find(*id); at != inbound_.end()) request = at->second.lock();
  }
  if (request) request->cancel();
}

void Binder::receive_response(const Message& message) {
  const auto* id = message.id ? std::get_if<int64_t>(&*message.id) : nullptr;
  ResponseFn callback;
  if (id != nullptr) {
    std::lock_guard lock(mutex_);
    if (const auto at = outbound_.find(*id); at != outbound_.end()) {
      callback = std::move(at->second);
      outbound_.erase(at);
    }
  }
  if (!callback) return log_warning("a response to nothing: id " + id_text(message.id));
  try {
    if (message.error_message) {
      callback(fail(message.error_code == static_cast<int>(RpcError::request_cancelled)
                        ? ErrorCode::cancelled
                        : ErrorCode::unavailable,
                    *message.error_message));
    } else {
      callback(message.result);
    }
  } catch (const std::exception& error) {
    log_error(std::string("a response handler failed: ") + error.what());
  }
}

void Binder::notify(std::string_view method, std::string_view params_json) {
  send(notification_text(method, params_json));
}

void Binder::request(std::string_view method, std::string_view params_json,
                     ResponseFn on_response) {
  int64_t id = 0;
  {
    std::lock_guard lock(mutex_);
    if (phase_.load() != Phase::ended && outbound_.size() < kMaxOpenRequests) {
      id = next_id_++;
      outbound_[id] = std::move(on_response);
    }
  }
  if (id == 0)
    return on_response(fail(ErrorCode::unavailable, "the client takes no requests any more"));
  send(request_text(Id(id), method, params_json));
}

void Binder::end() {
  phase_.store(Phase::ended);
  std::map<std::string, std::weak_ptr<OpenRequest>> inbound;
  std::map<int64_t, ResponseFn> outbound;
  {
    std::lock_guard lock(mutex_);
    inbound.swap(inbound_);
    outbound.swap(outbound_);
  }
  for (auto& [id, weak] : inbound)
    if (const auto request = weak.lock()) request->cancel();
  for (auto& [id, callback] : outbound)
    callback(fail(ErrorCode::unavailable, "the connection has ended"));
}

}  // namespace engramd::lsp
