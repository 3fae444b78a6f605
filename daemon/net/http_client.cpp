#include "daemon/net/http_client.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/core/detail/base64.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>
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
  std::string user;  // "name:key", of a proxy only
  // The Host header: the port only when it is not the scheme's own.
  std::string authority() const { return port == (tls ? "443" : "80") ? host : host + ":" + port; }
};

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 2, value, 16).ptr == &text[i + 1] + 2) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

enum class UserPart { refused, taken };

Result<Url> parse_url(const std::string& text, UserPart user = UserPart::refused) {
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
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    if (user == UserPart::refused)
      return fail(ErrorCode::invalid_input, "an endpoint's address may not hold a name or key");
    url.user = percent_decoded(authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
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
    return fail(ErrorCode::invalid_input,
                "\"" + (url.user.empty() ? text : "http://...@" + std::string(authority)) +
                    "\" is not a usable address");
  return url;
}

// Brackets of an IPv6 literal are syntax, not part of the name to resolve.
std::string name_to_resolve(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

// Lower-case names first, as curl does.
std::string of_environment(const char* lower, const char* upper) {
  return environment(lower).value_or(environment(upper).value_or(""));
}

// An entry is a host, a domain (with or without the dot before it), either with a port, or "*".
bool is_covered(const Url& url, std::string_view entry) {
  const size_t first = entry.find_first_not_of(" .*");
  if (first == std::string_view::npos) return entry.find('*') != std::string_view::npos;
  entry = entry.substr(first, entry.find_last_not_of(' ') + 1 - first);
  if (const size_t colon = entry.rfind(':');
      colon != std::string_view::npos && entry.find(':') == colon) {
    if (entry.substr(colon + 1) != url.port) return false;
    entry = entry.substr(0, colon);
  }
  const std::string host = name_to_resolve(url.host);
  return host == entry || host.ends_with("." + std::string(entry));
}

bool bypasses_proxy(const Url& url, const NetworkOptions& options) {
  const std::string host = name_to_resolve(url.host);
  if (host == "localhost" || host.starts_with("127.") || host == "::1") return true;
  for (const std::string& entry : options.no_proxy)
    if (is_covered(url, entry)) return true;
  const std::string list = of_environment("no_proxy", "NO_PROXY");
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (is_covered(url, std::string_view(list).substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

Result<std::optional<Url>> proxy_for(const Url& url, const NetworkOptions& options) {
  if (options.no_proxy_at_all || bypasses_proxy(url, options)) return std::nullopt;
  std::string value = options.proxy;
  if (value.empty())
    value = url.tls ? of_environment("https_proxy", "HTTPS_PROXY")
                    : of_environment("http_proxy", "HTTP_PROXY");
  if (value.empty()) value = of_environment("all_proxy", "ALL_PROXY");
  if (value.empty()) return std::nullopt;
  if (value.find("://") == std::string::npos) value = "http://" + value;
  if (!value.starts_with("http://"))
    return fail(ErrorCode::unsupported,
                "the proxy is no http:// address; SOCKS and proxies behind TLS are not spoken");
  auto proxy = parse_url(value, UserPart::taken);
  if (!proxy) return fail(std::move(proxy).error().with("the proxy"));
  return *std::move(proxy);
}

std::string base64(std::string_view text) {
  std::string out(beast::detail::base64::encoded_size(text.size()), '\0');
  out.resize(beast::detail::base64::encode(out.data(), text.data(), text.size()));
  return out;
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
Status open_tunnel(Driver& driver, beast::tcp_stream& stream, const Url& to, const Url& proxy) {
  http::request<http::empty_body> request(http::verb::connect, to.host + ":" + to.port, 11);
  request.set(http::field::host, to.host + ":" + to.port);
  if (!proxy.user.empty())
    request.set(http::field::proxy_authorization, "Basic " + base64(proxy.user));
  const auto abort = [&] { stream.close(); };
  ENGRAMD_CHECK(driver.run(
      kConnectTimeoutMs, "the proxy " + proxy.host,
      [&](auto done) { http::async_write(stream, request, done); }, abort));
  beast::flat_buffer buffer;
  http::response_parser<http::empty_body> parser;
  parser.skip(true);
  ENGRAMD_CHECK(driver.run(
      kConnectTimeoutMs, "the proxy " + proxy.host,
      [&](auto done) { http::async_read_header(stream, buffer, parser, done); }, abort));
  if (parser.get().result() != http::status::ok)
    return fail(
        ErrorCode::unavailable,
        "the proxy " + proxy.host + ":" + proxy.port + " answered with status " +
            std::to_string(parser.get().result_int()) +
            (parser.get().result_int() == 407 ? ": it wants a name and a key (net.proxy)" : ""));
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

Result<agent::HttpResponse> send_over(const NetworkOptions& options,
                                      const agent::HttpRequest& request,
                                      const std::function<void(std::string_view)>& on_body,
                                      const CancelToken& cancel) {
  ENGRAMD_CHECK(cancel.check());
  ENGRAMD_TRY(const Url url, parse_url(request.url));
  ENGRAMD_TRY(const std::optional<Url> proxy, proxy_for(url, options));
  asio::io_context io;
  Driver driver(io, cancel);
  const std::string who = url.host + ":" + url.port;
  auto wire = wire_request(request, url, proxy && !url.tls);
  if (proxy && !url.tls && !proxy->user.empty())
    wire.set(http::field::proxy_authorization, "Basic " + base64(proxy->user));
  if (!url.tls) {
    beast::tcp_stream stream(io);
    ENGRAMD_CHECK(connect(driver, io, stream, proxy ? *proxy : url));
    return exchange(driver, stream, stream, request, wire, who, on_body);
  }
  error_code error;
  ssl::context context(ssl::context::tls_client);
  context.set_default_verify_paths(error);
  if (error) return fail(ErrorCode::unavailable, "no certificate store: " + error.message());
  if (!options.ca_file.empty()) {
    context.load_verify_file(options.ca_file, error);
    if (error)
      return fail(ErrorCode::invalid_input,
                  "net.ca_file " + options.ca_file + " cannot be read: " + error.message());
  }
  context.set_verify_mode(ssl::verify_peer);
  beast::ssl_stream<beast::tcp_stream> stream(io, context);
  const std::string name = name_to_resolve(url.host);
  stream.set_verify_callback(ssl::host_name_verification(name));
  if (SSL_set_tlsext_host_name(stream.native_handle(), name.c_str()) != 1)
    return fail(ErrorCode::internal, "cannot set the TLS server name");
  beast::tcp_stream& socket = beast::get_lowest_layer(stream);
  ENGRAMD_CHECK(connect(driver, io, socket, proxy ? *proxy : url));
  if (proxy) ENGRAMD_CHECK(open_tunnel(driver, socket, url, *proxy));
  const Status shaken = driver.run(
      kConnectTimeoutMs, "TLS with " + who,
      [&](auto done) { stream.async_handshake(ssl::stream_base::client, done); },
      [&] { socket.close(); });
  // Nothing that another try would mend.
  if (!shaken && SSL_get_verify_result(stream.native_handle()) != X509_V_OK)
    return fail(ErrorCode::invalid_input,
                "the certificate of " + who + " is not trusted (" +
                    X509_verify_cert_error_string(SSL_get_verify_result(stream.native_handle())) +
                    "): give the authority's PEM file as net.ca_file, or in SSL_CERT_FILE");
  ENGRAMD_CHECK(shaken);
  return exchange(driver, stream, socket, request, wire, who, on_body);
}

}  // namespace

Result<agent::HttpSend> make_http_send(NetworkOptions options) {
  if (!options.proxy.empty()) {
    Url somewhere;
    somewhere.host = "example.invalid";
    somewhere.port = "443";
    ENGRAMD_CHECK(proxy_for(somewhere, options));
  }
  return agent::HttpSend(
      [options = std::move(options)](
          const agent::HttpRequest& request, const std::function<void(std::string_view)>& on_body,
          const CancelToken& cancel) { return send_over(options, request, on_body, cancel); });
}

Result<agent::HttpResponse> http_send(const agent::HttpRequest& request,
                                      const std::function<void(std::string_view)>& on_body,
                                      const CancelToken& cancel) {
  return send_over({}, request, on_body, cancel);
}

}  // namespace engramd::daemon::net
