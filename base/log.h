// base/log.h - one line per event, to stderr or to a size-capped file.
//
// Any thread; each line is one write(2), so lines of several processes do not mix.
#pragma once

#include <string>
#include <string_view>

namespace engramd {

enum class LogLevel { debug, info, warning, error, off };

// Until a call says otherwise: warnings and errors, to stderr.
void set_log_level(LogLevel level);
// Appends to this file from now on; at max_bytes it is renamed to PATH.1 and begun anew.
// False when it cannot be opened (the log then stays where it was).
bool set_log_file(const std::string& path, long max_bytes = 4L << 20);

void log(LogLevel level, std::string_view message);
inline void log_debug(std::string_view message) {
  log(LogLevel::debug, message);
}
inline void log_info(std::string_view message) {
  log(LogLevel::info, message);
}
inline void log_warning(std::string_view message) {
  log(LogLevel::warning, message);
}
inline void log_error(std::string_view message) {
  log(LogLevel::error, message);
}

}  // namespace engramd
