// daemon/http/routes.h - which path is whose. Immutable: any thread.
#pragma once

#include <string_view>

#include "daemon/http/call.h"

namespace engramd::daemon::http {

struct Route {
  const char* method;
  const char* path;  // ends in "/*": anything may follow
  void (*serve)(Call);
  bool needs_model = true;
  bool open = false;   // without a key
  bool quick = false;  // on the io thread: reads no body
};

struct FoundRoute {
  const Route* route = nullptr;
  bool wrong_method = false;  // the path exists
};
FoundRoute find_route(std::string_view method, std::string_view path);

}  // namespace engramd::daemon::http
