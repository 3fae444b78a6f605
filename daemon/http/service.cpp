#include "daemon/http/service.h"

#include <sys/random.h>

#include <atomic>

#include "base/hash.h"
#include "base/log.h"
#include "daemon/http/api_error.h"
#include "daemon/http/routes.h"

namespace engramd::daemon::http {
namespace {

constexpr size_t kReaders = 2;
constexpr size_t kMaxUnread = 64;  // requests whose body nobody has looked at yet

bool same_secret(std::string_view a, std::string_view b) {
  // Takes as long for a wrong key as for a right one of that length.
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

// "127.0.0.1:8080" -> "127.0.0.1", "[::1]:8080" -> "::1".
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

std::string_view key_of(const Request& request) {
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view authorization = request.header("authorization");
  if (authorization.size() > kBearer.size()) {
    std::string scheme(authorization.substr(0, kBearer.size()));
    for (char& c : scheme)
      if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    if (scheme == kBearer) return authorization.substr(kBearer.size());
  }
  return request.header("x-api-key");
}

// Notes how an exchange was answered.
class CountedExchange final : public Exchange {
 public:
  CountedExchange(std::shared_ptr<Exchange> inner, std::shared_ptr<Metrics> metrics,
                  std::string route)
      : inner_(std::move(inner)), metrics_(std::move(metrics)), route_(std::move(route)) {}
  ~CountedExchange() override {
    metrics_->answered(route_, status_,
                       std::chrono::duration<double>(Clock::now() - start_).count());
  }
  void reply(Reply reply) override {
    status_ = reply.status;
    inner_->reply(std::move(reply));
  }
  void begin_stream(std::string_view content_type, std::string_view idle) override {
    status_ = 200;
    inner_->begin_stream(content_type, idle);
  }
  bool write(std::string piece) override { return inner_->write(std::move(piece)); }
  void end() override { inner_->end(); }
  CancelToken cancel() const override { return inner_->cancel(); }

 private:
  const std::shared_ptr<Exchange> inner_;
  const std::shared_ptr<Metrics> metrics_;
  const std::string route_;
  const Clock::time_point start_ = Clock::now();
  std::atomic<int> status_ = 499;  // nobody waited for the answer
};

}  // namespace

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.ends_with(".localhost") ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos);
}

Result<std::string> random_key() {
  char bytes[32];
  if (::getrandom(bytes, sizeof bytes, 0) != ssize_t(sizeof bytes))
    return fail(ErrorCode::unavailable, "the system gives no random bytes");
  return to_hex({bytes, sizeof bytes});
}

Service::Service(ServiceOptions options)
    : options_(std::move(options)), readers_(kReaders, kMaxUnread) {}

Result<std::unique_ptr<Service>> Service::start(ServiceOptions options) {
  if (options.key.empty() && !options.no_key)
    return fail(ErrorCode::invalid_input, "serving needs a key, or to be told that none is wanted");
  if (options.key.empty() && !is_loopback(options.server.host))
    return fail(ErrorCode::invalid_input,
                "others can reach " + options.server.host +
                    ": without a key only loopback addresses (127.0.0.1, ::1) are served");
  std::unique_ptr<Service> service(new Service(std::move(options)));
  Service* raw = service.get();
  ENGRAMD_TRY(service->server_,
              Server::start(raw->options_.server,
                            [raw](Request request, std::shared_ptr<Exchange> exchange) {
                              raw->handle(std::move(request), std::move(exchange));
                            }));
  return service;
}

Service::~Service() {
  if (server_) server_->stop({});
  // Generations that still run end with their exchanges; the model's room joins their threads.
  set_model(nullptr);
}

void Service::set_model(std::shared_ptr<const ServedModel> model) {
  std::lock_guard lock(mutex_);
  model_.swap(model);
}

std::string Service::refusal(const Request& request, bool open, int& status) const {
  if (options_.key.empty()) {
    // Browsers let any page send requests to this machine: without a key, only ours may come.
    status = 403;
    const std::string_view host = request.header("host");
    if (!host.empty() && !is_loopback(host_of(host)))
      return "the Host header names another machine";
    std::string_view origin = request.header("origin");
    if (const size_t at = origin.find("://"); at != origin.npos) origin.remove_prefix(at + 3);
    if (!origin.empty() && !is_loopback(host_of(origin)))
      return "requests of foreign web pages are not served without a key";
    return {};
  }
  if (open || same_secret(key_of(request), options_.key)) return {};
  status = 401;
  return "the API key is missing or wrong; it is sent as \"Authorization: Bearer KEY\"";
}

void Service::handle(Request request, std::shared_ptr<Exchange> exchange) {
  const FoundRoute found = find_route(request.method, request.path);
  exchange = std::make_shared<CountedExchange>(std::move(exchange), metrics_,
                                               found.route ? found.route->path : "other");
  const auto answer = [&](int status, std::string message, int retry_after_s = 0) {
    exchange->reply(to_reply({status, std::move(message), "", "", retry_after_s}));
  };
  int status = 0;
  const bool open = found.route != nullptr && found.route->open;
  if (std::string why = refusal(request, open, status); !why.empty())
    return answer(status, std::move(why));
  if (found.route == nullptr) {
    if (found.wrong_method) return answer(405, request.path + " does not take " + request.method);
    return answer(404, "there is no " + request.method + " " + request.path);
  }
  std::shared_ptr<const ServedModel> model;
  {
    std::lock_guard lock(mutex_);
    model = model_;
    if (!model && found.route->needs_model) return answer(503, "the model is being loaded", 2);
  }
  Call call{std::move(request), exchange, std::move(model), *metrics_};
  if (found.route->quick) return found.route->serve(std::move(call));
  auto shared = std::make_shared<Call>(std::move(call));
  const bool taken = readers_.try_submit([shared, serve = found.route->serve] {
    if (!shared->exchange->cancel().cancelled()) serve(std::move(*shared));
  });
  if (!taken) answer(429, "too many requests wait to be read", 1);
}

}  // namespace engramd::daemon::http
