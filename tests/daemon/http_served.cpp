#include "tests/daemon/http_served.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <thread>

#include "daemon/net/http_client.h"

namespace engramd::test {

using nlohmann::json;

std::shared_ptr<const engine::Model> random_served_model() {
  static const std::shared_ptr<const engine::Model> model = [] {
    engine::test::RandomModel shape;
    shape.n_layers = 2;
    shape.d_model = 64;
    shape.n_heads = 2;
    shape.n_kv_heads = 1;
    shape.head_dim = 32;
    shape.n_experts = 4;
    shape.width = 64;
    shape.context_length = 1 << 17;  // endless, for the tests that break an answer off
    const engine::test::TemporaryModel file(shape);
    engine::LoadOptions load;
    load.n_threads = 1;
    auto loaded = engine::Model::load(file.path(), load);
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return *loaded;
  }();
  return model;
}

std::string endless_request(bool stream) {
  const json schema = {{"type", "string"}, {"minLength", 1'000'000}};
  const std::string body =
      json({{"messages", {{{"role", "user"}, {"content", "Go on."}}}},
            {"temperature", 0},
            {"stream", stream},
            {"response_format",
             {{"type", "json_schema"}, {"json_schema", {{"name", "long"}, {"schema", schema}}}}}})
          .dump();
  return "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string Answered::header(const std::string& name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

Served::Served(const ServedOptions& options) {
  auto started = daemon::http::Service::start(options.service);
  REQUIRE(started);
  service = *std::move(started);
  if (!options.with_model) return;
  model = daemon::http::make_served_model(random_served_model(), "random",
                                          engine::chat::find_dialect("chatml"));
  model->room = std::make_unique<daemon::serve::ModelRoom>(model->model, options.room);
  service->set_model(model);
}

std::string Served::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(service->port()) + path;
}

namespace {

Answered send(agent::HttpRequest request, const std::function<void(std::string_view)>& on_body) {
  Answered out;
  const auto response = daemon::net::http_send(request, on_body, {});
  INFO((response ? std::string() : response.error().message));
  REQUIRE(response);
  out.status = response->status;
  out.headers = response->headers;
  out.text = response->body;
  out.body = json::parse(out.text, nullptr, false);
  return out;
}

}  // namespace

Answered Served::get(const std::string& path,
                     std::vector<std::pair<std::string, std::string>> headers) {
  agent::HttpRequest request;
  request.method = "GET";
  request.url = url(path);
  request.headers = std::move(headers);
  return send(std::move(request), nullptr);
}

Answered Served::post(const std::string& path, const json& body,
                      std::vector<std::pair<std::string, std::string>> headers) {
  return post_text(path, body.dump(), std::move(headers));
}

Answered Served::post_text(const std::string& path, std::string body,
                           std::vector<std::pair<std::string, std::string>> headers) {
  agent::HttpRequest request;
  request.url = url(path);
  request.headers = std::move(headers);
  request.headers.emplace_back("content-type", "application/json");
  request.body = std::move(body);
  return send(std::move(request), nullptr);
}

std::vector<json> Served::stream(const std::string& path, json body, bool done) {
  body["stream"] = true;
  agent::HttpRequest request;
  request.url = url(path);
  request.body = body.dump();
  std::string text;
  const Answered answered =
      send(std::move(request), [&](std::string_view piece) { text += piece; });
  REQUIRE(answered.status == 200);
  REQUIRE(answered.header("content-type") == "text/event-stream");
  std::vector<json> events;
  bool ended = false;
  while (!text.empty()) {
    const size_t end = text.find("\n\n");
    REQUIRE(end != std::string::npos);
    const std::string event = text.substr(0, end);
    text.erase(0, end + 2);
    if (event.starts_with(':')) continue;
    REQUIRE(event.starts_with("data: "));
    REQUIRE(!ended);
    if (event == "data: [DONE]") {
      ended = true;
    } else {
      events.push_back(json::parse(event.substr(6)));
    }
  }
  REQUIRE(ended == done);
  return events;
}

int Served::connect() const {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(service->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  timeval patience{20, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

bool Served::eventually(const std::function<bool()>& condition) const {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace engramd::test
