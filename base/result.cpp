#include "base/result.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/log.h"

namespace engramd {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input:
      return "invalid_input";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::exhausted:
      return "exhausted";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::io:
      return "io";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

Error Error::with(std::string_view context) const& {
  return Error{code, std::string(context) + ": " + message};
}

Error Error::with(std::string_view context) && {
  message.insert(0, ": ");
  message.insert(0, context);
  return std::move(*this);
}

Error errno_error(std::string_view what, int error_number) {
  const ErrorCode code = error_number == ENOENT ? ErrorCode::not_found : ErrorCode::io;
  std::string text = std::strerror(error_number);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] += 'a' - 'A';
  return Error{code, std::string(what) + ": " + text};
}

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input:
    case ErrorCode::not_found:
    case ErrorCode::corrupt:
    case ErrorCode::unsupported:
      return 2;
    case ErrorCode::unavailable:
    case ErrorCode::io:
      return 3;
    case ErrorCode::exhausted:
    case ErrorCode::cancelled:
    case ErrorCode::internal:
      return 1;
  }
  return 1;
}

bool always_failed(const char* condition, const char* file, int line) {
  log_error(std::string("impossible: ") + condition + " is false at " + file + ":" +
            std::to_string(line));
  const char* strict = std::getenv("ENGRAMD_STRICT");
  if (strict != nullptr && strict[0] == '1') std::abort();
  return false;
}

}  // namespace engramd
