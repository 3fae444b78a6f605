#include "daemon/http/api_error.h"

#include <nlohmann/json.hpp>

namespace engramd::daemon::http {
namespace {

using nlohmann::json;

constexpr int kRetryAfterSeconds = 2;

const char* type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

}  // namespace

ApiError to_api_error(const Error& error) {
  ApiError out;
  out.message = error.message;
  switch (error.code) {
    case ErrorCode::invalid_input:
    case ErrorCode::corrupt:
      out.status = 400;
      break;
    case ErrorCode::not_found:
      out.status = 404;
      break;
    case ErrorCode::unsupported:
      out.status = 501;
      break;
    case ErrorCode::exhausted:
    case ErrorCode::unavailable:
      out.status = 503;
      out.retry_after_s = kRetryAfterSeconds;
      break;
    case ErrorCode::cancelled:
      out.status = 503;
      break;
    case ErrorCode::io:
    case ErrorCode::internal:
      out.status = 500;
      break;
  }
  return out;
}

std::string to_json_text(const ApiError& error) {
  const auto or_null = [](const std::string& text) { return text.empty() ? json() : json(text); };
  return json({{"error",
                {{"message", error.message},
                 {"type", type_of(error.status)},
                 {"param", or_null(error.param)},
                 {"code", or_null(error.code)}}}})
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Reply to_reply(const ApiError& error) {
  Reply reply;
  reply.status = error.status;
  reply.body = to_json_text(error);
  if (error.retry_after_s > 0)
    reply.headers.emplace_back("Retry-After", std::to_string(error.retry_after_s));
  if (error.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

}  // namespace engramd::daemon::http
