// base/result.h - how a function says that it can fail.
//
// Result<T> holds a value or an Error. Expected failures return; exceptions are for bugs and for
// libraries that throw, and end at the request, the tool call or the job. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace engramd {

// What kind of failure, as far as a caller can act on it. The command line maps them to exit
// statuses: see exit_status().
enum class ErrorCode {
  invalid_input,  // the caller's argument, file or message is wrong
  not_found,      // the named thing does not exist
  corrupt,        // bytes on disk or on the wire are not what they claim to be
  unsupported,    // well formed, and we do not handle it
  unavailable,    // the environment lacks something: sandbox, memory, model, socket
  exhausted,      // a budget ran out: time, bytes, tokens, steps
  cancelled,      // somebody asked to stop
  io,             // the operating system refused
  internal,       // a bug, caught
};

std::string_view to_string(ErrorCode code);

// One clear lower-case sentence: what was expected and what was found, without a final period.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;

  // Adds context on the way up: "while opening shard 3: <message>".
  Error with(std::string_view context) const&;
  Error with(std::string_view context) &&;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

// An errno as an Error of code io (or not_found for ENOENT): "<what>: no such file or directory".
Error errno_error(std::string_view what, int error_number);

// 0 success, 1 the work failed, 2 bad usage or input, 3 the environment.
int exit_status(ErrorCode code);

// For the impossible: aborts when ENGRAMD_STRICT=1 (tests set it), else logs and returns false.
bool always_failed(const char* condition, const char* file, int line);

}  // namespace engramd

#define ENGRAMD_CONCAT_INNER(a, b) a##b
#define ENGRAMD_CONCAT(a, b) ENGRAMD_CONCAT_INNER(a, b)

// ENGRAMD_TRY(auto x, f()): x is the value, or the error is returned to our caller.
#define ENGRAMD_TRY(declaration, expression) \
  ENGRAMD_TRY_INNER(declaration, expression, ENGRAMD_CONCAT(try_result_, __LINE__))
#define ENGRAMD_TRY_INNER(declaration, expression, temporary)           \
  auto&& temporary = (expression);                                      \
  if (!temporary) return ::engramd::fail(std::move(temporary).error()); \
  declaration = *std::move(temporary)

// ENGRAMD_CHECK(f()): returns the error of a Status to our caller.
#define ENGRAMD_CHECK(expression)                                               \
  do {                                                                          \
    auto&& check_result = (expression);                                         \
    if (!check_result) return ::engramd::fail(std::move(check_result).error()); \
  } while (false)

#define ENGRAMD_ALWAYS(condition) \
  ((condition) ? true : ::engramd::always_failed(#condition, __FILE__, __LINE__))
