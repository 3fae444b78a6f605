// lsp/binder.h - binds method names to typed handlers, and keeps the rules of the conversation.
//
// Invariants: every request is answered exactly once, whatever its handler does (an exception, a
// reply that was dropped, a cancellation); nothing is answered after end(). A request before
// initialize gets -32002, after shutdown -32600, an unknown one -32601, a cancelled one -32800 at
// once, while its handler sees its token and its later answer is dropped.
//
// Threads: receive() and the handlers it calls run on one strand; replies, notify, request and
// end may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "lsp/json_rpc.h"
#include "lsp/protocol/life_cycle.h"

namespace engramd::lsp {

// At most this many requests may be open in either direction; more are refused.
constexpr size_t kMaxOpenRequests = 4096;

class Binder;

// One request that waits for its answer; the last owner to go answers for it.
class OpenRequest {
 public:
  OpenRequest(std::weak_ptr<Binder> binder, Id id, std::string method)
      : binder_(std::move(binder)), id_(std::move(id)), method_(std::move(method)) {}
  ~OpenRequest();
  void answer(std::string_view result_json);
  void answer_error(RpcError code, std::string_view message);
  bool answered() const { return answered_.load(std::memory_order_acquire); }
  CancelToken token() const { return cancel_.token(); }
  void cancel();  // answers -32800
  const std::string& method() const { return method_; }

 private:
  friend class Binder;
  void finish(std::string message, bool ok);

  std::weak_ptr<Binder> binder_;
  Id id_;
  std::string method_;
  Clock::time_point started_ = Clock::now();
  std::atomic<bool> answered_{false};
  CancelSource cancel_;
};

template <class Answer>
class Reply {
 public:
  explicit Reply(std::shared_ptr<OpenRequest> request) : request_(std::move(request)) {}
  void operator()(const Answer& answer) const {
    if (!request_->answered()) request_->answer(write(answer));
  }
  void operator()(const Result<Answer>& answer) const {
    if (answer) {
      (*this)(*answer);
    } else {
      failed(answer.error());
    }
  }
  void failed(const Error& error) const {
    request_->answer_error(rpc_error_of(error.code), error.message);
  }
  void failed(RpcError code, std::string_view message) const {
    request_->answer_error(code, message);
  }
  CancelToken token() const { return request_->token(); }

 private:
  std::shared_ptr<OpenRequest> request_;
};

class Binder : public std::enable_shared_from_this<Binder> {
 public:
  struct Hooks {
    std::function<bool(std::string)> send;  // any thread; required
    // The exit notification: 0 after shutdown, 1 without. On the strand.
    std::function<void(int)> on_exit;
    // Any thread; latency from receipt to answer.
    std::function<void(std::string_view method, std::chrono::nanoseconds, bool ok)> on_answered;
  };
  using ResponseFn = std::function<void(Result<std::shared_ptr<const nlohmann::json>>)>;

  static std::shared_ptr<Binder> make(Hooks hooks);

  // Before the first receive(). A handler may reply at once or keep the Reply for another thread.
  template <class Params, class Answer>
  void on_request(const std::string& method, std::function<void(Params, Reply<Answer>)> handler) {
    add_request(method, [handler = std::move(handler)](const nlohmann::json& params_json,
                                                       std::shared_ptr<OpenRequest> request) {
      Params params;
      if (Status ok = read(params_json, params); !ok)
        return request->answer_error(RpcError::invalid_params, ok.error().message);
      handler(std::move(params), Reply<Answer>(std::move(request)));
    });
  }
  template <class Params>
  void on_notification(const std::string& method, std::function<void(Params)> handler) {
    add_notification(method,
                     [handler = std::move(handler)](const nlohmann::json& params_json) -> Status {
                       Params params;
                       if (Status ok = read(params_json, params); !ok) return ok;
                       handler(std::move(params));
                       return {};
                     });
  }

  void receive(std::string_view text);

  void notify(std::string_view method, std::string_view params_json);
  // The callback comes on the strand, or on the caller's thread when the connection has ended.
  void request(std::string_view method, std::string_view params_json, ResponseFn on_response);

  // The connection is gone: open requests of both sides are cancelled, and nothing is sent.
  void end();

  bool initialized() const { return phase_.load() == Phase::running; }
  size_t n_open() const;

 private:
  friend class OpenRequest;
  enum class Phase { fresh, initializing, running, shut_down, ended };
  using RequestFn = std::function<void(const nlohmann::json&, std::shared_ptr<OpenRequest>)>;
  using NotificationFn = std::function<Status(const nlohmann::json&)>;

  explicit Binder(Hooks hooks) : hooks_(std::move(hooks)) {}
  void add_request(const std::string& method, RequestFn fn) { requests_[method] = std::move(fn); }
  void add_notification(const std::string& method, NotificationFn fn) {
    notifications_[method] = std::move(fn);
  }
  void receive_request(Message message);
  void receive_notification(const Message& message);
  void receive_response(const Message& message);
  void cancel_request(const Message& message);
  void send(std::string message);

  Hooks hooks_;
  std::map<std::string, RequestFn> requests_;
  std::map<std::string, NotificationFn> notifications_;
  std::atomic<Phase> phase_{Phase::fresh};

  mutable std::mutex mutex_;  // guards the three below: replies come from worker threads
  std::map<std::string, std::weak_ptr<OpenRequest>> inbound_;  // by id_text
  std::map<int64_t, ResponseFn> outbound_;
  int64_t next_id_ = 1;
};

}  // namespace engramd::lsp
