#include "daemon/http/routes.h"

namespace engramd::daemon::http {
namespace {

// docs/serve.md describes each row.
constexpr Route kRoutes[] = {
    {"GET", "/health", serve_health, false, true, true},
    {"GET", "/v1/health", serve_health, false, true, true},
    {"GET", "/metrics", serve_metrics, false, false, true},
    {"GET", "/v1/models", serve_models, true, false, true},
    {"GET", "/models", serve_models, true, false, true},
    {"GET", "/v1/models/*", serve_model, true, false, true},
    {"POST", "/v1/chat/completions", serve_chat_completions},
    {"POST", "/chat/completions", serve_chat_completions},
    {"POST", "/v1/completions", serve_completions},
    {"POST", "/completions", serve_completions},
    {"POST", "/infill", serve_infill},
    {"POST", "/tokenize", serve_tokenize},
    {"POST", "/detokenize", serve_detokenize},
    {"POST", "/v1/embeddings", serve_not_offered, false, false, true},
    {"POST", "/v1/responses", serve_not_offered, false, false, true},
    {"POST", "/v1/rerank", serve_not_offered, false, false, true},
};

bool matches(std::string_view pattern, std::string_view path) {
  if (!pattern.ends_with("/*")) return path == pattern;
  pattern.remove_suffix(1);
  return path.size() > pattern.size() && path.starts_with(pattern);
}

}  // namespace

FoundRoute find_route(std::string_view method, std::string_view path) {
  FoundRoute found;
  for (const Route& route : kRoutes) {
    if (!matches(route.path, path)) continue;
    if (method == route.method) return {&route, false};
    found.wrong_method = true;
  }
  return found;
}

}  // namespace engramd::daemon::http
