#include "daemon/http/exchange.h"

namespace engramd::daemon::http {

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

}  // namespace engramd::daemon::http
