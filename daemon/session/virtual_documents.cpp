#include "daemon/session/virtual_documents.h"

#include "lsp/uri.h"

namespace engramd::daemon {
namespace {

constexpr size_t kMaxDocuments = 200;
constexpr size_t kMaxBytes = 32u << 20;

}  // namespace

std::string VirtualDocuments::new_group(const char* scheme) {
  return std::string(scheme) + ":/" + std::to_string(next_group_++) + "/";
}

std::string VirtualDocuments::uri_in(const std::string& group, const std::string& path) {
  constexpr size_t kFileSlash = sizeof("file:///") - 1;
  return group + lsp::uri_of_path("/" + path).substr(kFileSlash);
}

void VirtualDocuments::add(std::string uri, std::string text) {
  n_bytes_ += text.size();
  documents_.emplace_back(std::move(uri), std::move(text));
  while (documents_.size() > 1 && (documents_.size() > kMaxDocuments || n_bytes_ > kMaxBytes)) {
    n_bytes_ -= documents_.front().second.size();
    documents_.pop_front();
  }
}

std::optional<std::string> VirtualDocuments::text(const std::string& uri) const {
  for (auto at = documents_.rbegin(); at != documents_.rend(); ++at)
    if (at->first == uri) return at->second;
  return std::nullopt;
}

}  // namespace engramd::daemon
