// The server by itself: who may come, what is refused, how connections live and end.
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "tests/daemon/http_served.h"

using namespace engramd;
using namespace engramd::test;
using nlohmann::json;

namespace {

std::string read_until(int fd, const std::string& end, size_t times = 1) {
  std::string text;
  char buffer[4096];
  const auto count = [&] {
    size_t n = 0;
    for (size_t at = text.find(end); at != std::string::npos; at = text.find(end, at + 1)) ++n;
    return n;
  };
  while (count() < times) {
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    text.append(buffer, size_t(n));
  }
  return text;
}

void send_all(int fd, const std::string& text) {
  REQUIRE(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size()));
}

std::string message_of(const Answered& answered) {
  return answered.body.value("/error/message"_json_pointer, std::string());
}

}  // namespace

TEST_CASE("a key is asked for, except to see that the server lives") {
  ServedOptions options;
  options.service.no_key = false;
  options.service.key = "a-key";
  Served served(options);
  CHECK(served.get("/health").status == 200);
  const Answered without = served.get("/v1/models");
  CHECK(without.status == 401);
  CHECK(without.header("www-authenticate") == "Bearer");
  CHECK(without.body["error"]["type"] == "authentication_error");
  CHECK(served.get("/v1/models", {{"authorization", "Bearer b-key"}}).status == 401);
  CHECK(served.get("/v1/models", {{"authorization", "Bearer a-key2"}}).status == 401);
  CHECK(served.get("/v1/models", {{"authorization", "Bearer a-key"}}).status == 200);
  CHECK(served.get("/v1/models", {{"authorization", "bearer a-key"}}).status == 200);
  CHECK(served.get("/v1/models", {{"x-api-key", "a-key"}}).status == 200);
  CHECK(served.get("/metrics").status == 401);
}

TEST_CASE("without a key only this machine is served, and no foreign web page") {
  ServedOptions options;
  options.service.server.host = "0.0.0.0";
  const auto refused = daemon::http::Service::start(options.service);
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::invalid_input);

  Served served;
  CHECK(served.get("/v1/models", {{"host", "evil.example:80"}}).status == 403);
  CHECK(served.get("/v1/models", {{"host", "127.0.0.1.evil.example"}}).status == 403);
  CHECK(served.get("/v1/models", {{"host", "localhost:1"}}).status == 200);
  CHECK(served.get("/v1/models", {{"origin", "https://evil.example"}}).status == 403);
  CHECK(served.get("/v1/models", {{"origin", "http://localhost:3000"}}).status == 200);
  CHECK(daemon::http::is_loopback("127.9.9.9"));
  CHECK(!daemon::http::is_loopback("128.0.0.1"));
  const auto first = daemon::http::random_key(), second = daemon::http::random_key();
  REQUIRE((first && second));
  CHECK(first->size() == 64);
  CHECK(*first != *second);
}

TEST_CASE("until the model is there the server says so") {
  ServedOptions options;
  options.with_model = false;
  Served served(options);
  const Answered health = served.get("/health");
  CHECK(health.status == 503);
  CHECK(health.body["status"] == "loading model");
  const Answered models = served.get("/v1/models");
  CHECK(models.status == 503);
  CHECK(!models.header("retry-after").empty());
  CHECK(served.get("/metrics").text.find("engramd_model_loaded 0") != std::string::npos);
  CHECK(message_of(served.post("/v1/completions", {{"prompt", "a"}})) ==
        "the model is being loaded");
}

TEST_CASE("unknown paths, wrong methods and things not offered") {
  Served served;
  CHECK(served.get("/v2/nothing").status == 404);
  CHECK(served.get("/v1/chat/completions").status == 405);
  CHECK(served.post("/v1/embeddings", {{"input", "a"}}).status == 501);
  CHECK(served.get("/v1/models?limit=3").status == 200);
}

TEST_CASE("what is too large or no HTTP is refused, and the server goes on") {
  ServedOptions options;
  options.service.server.max_body_bytes = 4096;
  options.service.server.max_header_bytes = 2048;
  Served served(options);
  const Answered large = served.post_text("/v1/completions", std::string(5000, ' '));
  CHECK(large.status == 413);
  CHECK(large.body["error"]["message"] == "the request body is over 4096 bytes");
  CHECK(served.get("/health", {{"x-long", std::string(4000, 'a')}}).status == 431);

  const int fd = served.connect();
  send_all(fd, "this is no HTTP\r\n\r\n");
  CHECK(read_until(fd, "\r\n\r\n").starts_with("HTTP/1.1 400"));
  ::close(fd);
  CHECK(served.get("/health").status == 200);
}

TEST_CASE("a connection serves several requests, also pipelined ones, in order") {
  Served served;
  const int fd = served.connect();
  const std::string health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  send_all(fd, health);
  CHECK(read_until(fd, "\"ok\"}").starts_with("HTTP/1.1 200"));
  const std::string body = R"({"content":"ab"})";
  send_all(fd, health + "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                   std::to_string(body.size()) + "\r\n\r\n" + body + health);
  const std::string text = read_until(fd, "\"ok\"}", 2);
  const size_t tokens = text.find("\"tokens\"");
  REQUIRE(tokens != std::string::npos);
  CHECK(text.find("\"ok\"}") < tokens);
  CHECK(text.rfind("\"ok\"}") > tokens);
  send_all(fd, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  CHECK(read_until(fd, "never").find("\"ok\"") != std::string::npos);  // up to the end
  ::close(fd);
}

TEST_CASE("a request that does not come to its end is given up, a half one too") {
  ServedOptions options;
  options.service.server.receive = std::chrono::milliseconds(200);
  options.service.server.idle = std::chrono::milliseconds(200);
  Served served(options);
  for (const char* begun :
       {"", "GET /health HT", "POST /tokenize HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"}) {
    const int fd = served.connect();
    send_all(fd, begun);
    char byte;
    CHECK(::recv(fd, &byte, 1, 0) <= 0);  // the other side closes
    ::close(fd);
  }
}

TEST_CASE("more connections than allowed are told to come back") {
  ServedOptions options;
  options.service.server.max_connections = 2;
  Served served(options);
  const int first = served.connect(), second = served.connect();
  send_all(first, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  read_until(first, "\"ok\"}");
  send_all(second, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  read_until(second, "\"ok\"}");
  const int third = served.connect();
  CHECK(read_until(third, "\r\n\r\n").starts_with("HTTP/1.1 503"));
  ::close(first);
  ::close(third);
  CHECK(served.eventually([&] {
    const int fd = served.connect();
    ::send(fd, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 44, MSG_NOSIGNAL);
    const bool good = read_until(fd, "\r\n\r\n").starts_with("HTTP/1.1 200");
    ::close(fd);
    return good;
  }));
  ::close(second);
}

TEST_CASE("stopping lets a running answer end within the grace, and breaks a longer one off") {
  ServedOptions options;
  options.room.context = 0;
  Served served(options);
  const int fd = served.connect();
  send_all(fd, endless_request(true));
  read_until(fd, "data: ");
  const auto start = Clock::now();
  served.service->stop(std::chrono::milliseconds(100));
  CHECK(Clock::now() - start < std::chrono::seconds(8));
  CHECK(read_until(fd, "[DONE]").find("[DONE]") == std::string::npos);
  ::close(fd);
  CHECK(served.eventually([&] { return served.figures().n_running == 0; }));
}
