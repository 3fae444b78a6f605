#include "agent/model/endpoint_error.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

constexpr size_t kMaxQuoted = 300;
constexpr int64_t kLongestWaitMs = 120'000;

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  return out;
}

bool has_any(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

std::string header(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

bool is_page(const HttpResponse& response) {
  return header(response, "content-type").find("text/html") != std::string::npos ||
         trim(std::string_view(response.body).substr(0, 512)).starts_with('<');
}

// OpenAI, vLLM, llama.cpp, Anthropic's, Gemini's and Ollama's servers say it each in their words.
bool says_no_room(const std::string& text) {
  return has_any(
      text, {"context_length_exceeded", "context length", "context size", "context window",
             "maximum context", "prompt is too long", "exceed_context_size", "input is too long",
             "too many tokens", "input token count", "reduce the length"});
}

int64_t number_in(const std::string& text) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

}  // namespace

bool is_busy(int status) {
  return status == 408 || status == 409 || status == 425 || status == 429 ||
         (status >= 500 && status != 501 && status != 505);
}

bool says_busy(std::string_view text) {
  const std::string lower = lowered(text);
  return has_any(lower, {"overloaded", "rate_limit", "rate limit", "temporarily", "try again",
                         "unavailable", "server_error", "timeout", "timed out"}) &&
         lower.find("insufficient_quota") == std::string::npos;
}

EndpointTrouble trouble_of(const HttpResponse& response) {
  const std::string text = lowered(std::string_view(response.body).substr(0, 4096));
  // Money does not come back by waiting.
  if (has_any(text, {"insufficient_quota", "billing_hard_limit", "credit balance"}))
    return EndpointTrouble::other;
  if (response.status == 413) return EndpointTrouble::no_room;
  if (response.status >= 400 && response.status != 429 && says_no_room(text))
    return EndpointTrouble::no_room;
  if (response.status >= 400 && response.status < 500 && text.find("tool") != std::string::npos &&
      has_any(text, {"not support", "unsupported", "no endpoints found", "requires --",
                     "not enabled", "is not available"}))
    return EndpointTrouble::no_tools;
  return is_busy(response.status) ? EndpointTrouble::busy : EndpointTrouble::other;
}

std::string error_text(const std::string& body) {
  const std::string_view start = trim(std::string_view(body).substr(0, 65536));
  if (start.starts_with('<')) return "a web page";
  const json value = json::parse(body, nullptr, false);
  const auto text_of = [](const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  std::string text;
  if (value.is_object()) {
    if (const auto error = value.find("error"); error != value.end()) {
      if (error->is_string()) text = error->get<std::string>();
      if (error->is_object()) text = text_of(*error, "message");
    }
    for (const char* key : {"message", "detail"})
      if (text.empty()) text = text_of(value, key);
  }
  if (text.empty()) text = start;
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return utf8_sanitized(text.substr(0, kMaxQuoted));
}

int64_t retry_after_ms(const HttpResponse& response) {
  if (const int64_t ms = number_in(header(response, "retry-after-ms")); ms >= 0)
    return std::min(ms, kLongestWaitMs);
  const std::string text = header(response, "retry-after");
  if (text.empty()) return 0;
  if (const int64_t seconds = number_in(text); seconds >= 0)
    return std::min(seconds, kLongestWaitMs / 1000) * 1000;
  std::tm when{};
  if (::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &when) == nullptr) return 0;
  const int64_t seconds = int64_t{::timegm(&when)} - int64_t{std::time(nullptr)};
  return std::clamp<int64_t>(seconds * 1000, 0, kLongestWaitMs);
}

std::string explained(const HttpResponse& response, const EndpointNames& names) {
  const std::string said =
      "status " + std::to_string(response.status) + ": " + error_text(response.body);
  const std::string lower = lowered(response.body.substr(0, 4096));
  const int status = response.status;
  if (status == 401 || (status == 403 && !is_page(response)))
    return said + (names.has_key ? " (the key in " + names.key_hint + " was refused)"
                                 : " (no key was sent; put one into " + names.key_hint + ")");
  if (status == 402 || has_any(lower, {"insufficient_quota", "credit balance"}))
    return said + " (the account has nothing left)";
  if (status == 404 && lower.find("model") != std::string::npos)
    return said + " (is there a model \"" + names.model + "\"? `engramd doctor` lists them)";
  if (status == 404 || status == 405)
    return said + " (there is no " + names.url +
           "/chat/completions; the address of an API mostly ends in /v1)";
  if (status >= 300 && status < 400)
    return said + " (the address has moved to " + header(response, "location") + ")";
  if (status == 407) return said + " (the proxy wants a name and a key: net.proxy)";
  if (is_page(response)) return said + " (is this the address of the API, and not of a proxy?)";
  return said;
}

}  // namespace engramd::agent
