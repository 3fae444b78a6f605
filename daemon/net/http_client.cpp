#include "daemon/net/http_client.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <optional>

#include "base/environment.h"

namespace engramd::daemon::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr int64_t kConnectTimeoutMs = 15'000;
constexpr std::chrono::milliseconds kPoll(50);  // how late a cancel may be seen

struct Url {
  bool tls = false;
  std::string host, port, target;
  // The Host header: the port only when it is not the scheme's own.
  std::string authority() const { return port == (tls ? "443" : "80") ? host : host + ":" + port; }
};

Result<Url> parse_url(const std::string& text) {
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return fail(ErrorCode::invalid_input, "\"" + text + "\" is not an http or https address");
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  url.target = slash == rest.size() ? "/" : std::string(rest.substr(slash));
  if (authority.find('@') != std::string_view::npos)
    return fail(ErrorCode::invalid_input, "an endpoint's address may not hold a user name or key");
  const size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  const size_t colon =
      bracket == std::string_view::npos ? std::string_view::npos : authority.find(':', bracket);
  url.host = std::string(authority.substr(0, colon));
  url.port = colon == std::string_view::npos ? (url.tls ? "443" : "80")
                                             : std::string(authority.substr(colon + 1));
  const bool digits =
      !url.port.empty() && url.port.size() <= 5 &&
      std::all_of(url.port.begin(), url.port.end(), [](char c) { return c >= '0' && c <= '9'; });
  // A line break would let an address write headers.
  const bool clean = text.find_first_of(" \r\n\t") == std::string::npos;
  if (url.host.empty() || !digits || !clean)
    return fail(ErrorCode::invalid_input, "\"" + text + "\" is not a usable address");
  return url;
}

// Brackets of an IPv6 literal are syntax, not part of the name to resolve.
std::string name_to_resolve(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

bool bypasses_proxy(const std::string& host) {
  if (host == "localhost" || host.starts_with("127.") || host == "[::1]") return true;
  const std::string list = environment("no_proxy").value_or(environment("NO_PROXY").value_or(""));
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    std::string entry = list.substr(begin, end - begin);
    entry.erase(0, entry.find_first_not_of(" ."));
    if (entry == "*" || (!entry.empty() && (host == entry || host.ends_with("." + entry))))
      return true;
    begin = end + 1;
  }
  return false;
}

Result<std::optional<Url>> proxy_for(const Url& url) {
  if (bypasses_proxy(url.host)) return std::nullopt;
  const auto value =
      url.tls ? environment("https_proxy").value_or(environment("HTTPS_PROXY").value_or(""))
              : environment("http_proxy").value_or("");
  if (value.empty()) return std::nullopt;
  ENGRAMD_TRY(Url proxy, parse_url(value));
  if (proxy.tls) return fail(ErrorCode::unsupported, "a proxy that speaks TLS itself");
  return proxy;
}

// Drives one asynchronous operation at a time on this thread, with a limit and a cancel token.
class Driver {
 public:
  Driver(asio::io_context& io, const CancelToken& cancel) : io_(io), cancel_(cancel) {}

  // start(handler) begins the operation; abort() makes it end early.
  template <class Start, class Abort>
  Status run(int64_t timeout_ms, const std::string& what, Start&& start, Abort&& abort) {
    bool done = false;
    error_code result;
    start([&](error_code error, auto&&...) {
      done = true;
      result = error;
    });
    const Clock::time_point until = Clock::now() + std::chrono::milliseconds(timeout_ms);
    Status stopped;
    while (!done) {
      io_.restart();
      io_.run_for(kPoll);
      if (done || !stopped) continue;
      if (Status check = cancel_.check(); !check)
        stopped = check;
      else if (Clock::now() >= until)
        stopped = fail(ErrorCode::unavailable,
                       what + ": no answer within " + std::to_string(timeout_ms / 1000) + " s");
      if (!stopped) abort();
    }
    if (!stopped) return stopped;
    last_error_ = result;
    if (result) return fail(ErrorCode::unavailable, what + ": " + result.message());
    return {};
  }
  error_code last_error() const { return last_error_; }

 private:
  asio::io_context& io_;
  const CancelToken& cancel_;
  error_code last_error_;
};

Status connect(Driver& driver, asio::io_context& io, beast::tcp_stream& stream, const Url& to) {
  tcp::resolver resolver(io);
  tcp::resolver::results_type found;
  const std::string what = "cannot reach " + to.host + ":" + to.port;
  ENGRAMD_CHECK(driver.run(
      kConnectTimeoutMs, what,
      [&](auto done) {
        resolver.async_resolve(
            name_to_resolve(to.host), to.port,
            [&found, done](error_code error, tcp::resolver::results_type r) mutable {
              found = std::move(r);
              done(error);
            });
      },
      [&] { resolver.cancel(); }));
  return driver.run(
      kConnectTimeoutMs, what, [&](auto done) { stream.async_connect(found, done); },
      [&] { stream.close(); });
}

// "CONNECT host:port" through a proxy (RFC 9110, section 9.3.6).
Status open_tunnel(Driver& driver, beast::tcp_stream& stream, const Url& to) {
  http::request<http::empty_body> request(http::verb::connect, to.host + ":" + to.port, 11);
  request.set(http::field::host, to.host + ":" + to.port);
  const auto abort = [&] { stream.close(); };
  ENGRAMD_CHECK(driver.run(
      kConnectTimeoutMs, "proxy", [&](auto done) { http::async_write(stream, request, done); },
      abort));
  beast::flat_buffer buffer;
  http::response_parser<http::empty_body> parser;
  parser.skip(true);
  ENGRAMD_CHECK(driver.run(
      kConnectTimeoutMs, "proxy",
      [&](auto done) { http::async_read_header(stream, buffer, parser, done); }, abort));
  if (parser.get().result() != http::status::ok)
    return fail(ErrorCode::unavailable,
                "the proxy answered with status " + std::to_string(parser.get().result_int()));
  return {};
}

http::request<http::string_body> wire_request(const agent::HttpRequest& request, const Url& url,
                                              bool absolute) {
  http::request<http::string_body> out;
  out.version(11);
  out.method_string(request.method);
  out.target(absolute ? "http://" + url.authority() + url.target : url.target);
  out.set(http::field::host, url.authority());
  out.set(http::field::user_agent, "engramd/" ENGRAMD_VERSION);
  out.set(http::field::connection, "close");
  for (const auto& [name, value] : request.headers) out.set(name, value);
  out.body() = request.body;
  out.prepare_payload();
  return out;
}

template <class Stream>
Result<agent::HttpResponse> exchange(Driver& driver, Stream& stream, beast::tcp_stream& socket,
                                     const agent::HttpRequest& request,
                                     const http::request<http::string_body>& wire,
                                     const std::string& who,
                                     const std::function<void(std::string_view)>& on_body) {
  const auto abort = [&] { socket.close(); };
  const int64_t timeout = request.idle_timeout_ms;
  ENGRAMD_CHECK(driver.run(
      timeout, who, [&](auto done) { http::async_write(stream, wire, done); }, abort));
  beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  parser.header_limit(64 << 10);
  parser.body_limit(boost::none);
  ENGRAMD_CHECK(driver.run(
      timeout, who, [&](auto done) { http::async_read_header(stream, buffer, parser, done); },
      abort));
  agent::HttpResponse response;
  response.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    response.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  std::array<char, 16384> chunk;
  size_t n_total = 0;
  while (!parser.is_done()) {
    parser.get().body().data = chunk.data();
    parser.get().body().size = chunk.size();
    const Status read = driver.run(
        timeout, who, [&](auto done) { http::async_read_some(stream, buffer, parser, done); },
        abort);
    const bool filled = driver.last_error() == http::error::need_buffer;
    if (!read && !(filled && read.error().code == ErrorCode::unavailable))
      return fail(read.error());
    const std::string_view piece(chunk.data(), chunk.size() - parser.get().body().size);
    n_total += piece.size();
    if (n_total > request.max_response_bytes)
      return fail(ErrorCode::exhausted, who + ": the answer is over " +
                                            std::to_string(request.max_response_bytes) + " bytes");
    if (on_body && response.status == 200)
      on_body(piece);
    else
      response.body += piece;
  }
  return response;
}

}  // namespace

Result<agent::HttpResponse> http_send(const agent::HttpRequest& request,
                                      const std::function<void(std::string_view)>& on_body,
                                      const CancelToken& cancel) {
  ENGRAMD_CHECK(cancel.check());
  ENGRAMD_TRY(const Url url, parse_url(request.url));
  ENGRAMD_TRY(const std::optional<Url> proxy, proxy_for(url));
  asio::io_context io;
  Driver driver(io, cancel);
  const std::string who = url.host + ":" + url.port;
  const auto wire = wire_request(request, url, proxy && !url.tls);
  if (!url.tls) {
    beast::tcp_stream stream(io);
    ENGRAMD_CHECK(connect(driver, io, stream, proxy ? *proxy : url));
    return exchange(driver, stream, stream, request, wire, who, on_body);
  }
  error_code error;
  ssl::context context(ssl::context::tls_client);
  context.set_default_verify_paths(error);
  if (error) return fail(ErrorCode::unavailable, "no certificate store: " + error.message());
  context.set_verify_mode(ssl::verify_peer);
  beast::ssl_stream<beast::tcp_stream> stream(io, context);
  const std::string name = name_to_resolve(url.host);
  stream.set_verify_callback(ssl::host_name_verification(name));
  if (SSL_set_tlsext_host_name(stream.native_handle(), name.c_str()) != 1)
    return fail(ErrorCode::internal, "cannot set the TLS server name");
  beast::tcp_stream& socket = beast::get_lowest_layer(stream);
  ENGRAMD_CHECK(connect(driver, io, socket, proxy ? *proxy : url));
  if (proxy) ENGRAMD_CHECK(open_tunnel(driver, socket, url));
  ENGRAMD_CHECK(driver.run(
      kConnectTimeoutMs, "TLS with " + who,
      [&](auto done) { stream.async_handshake(ssl::stream_base::client, done); },
      [&] { socket.close(); }));
  return exchange(driver, stream, socket, request, wire, who, on_body);
}

}  // namespace engramd::daemon::net
