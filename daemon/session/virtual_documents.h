// daemon/session/virtual_documents.h - documents that exist only in a session: proposed texts and
// explanations, read by the editor through workspace/textDocumentContent.
//
// Bounded: the oldest go first. Strand only.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>

namespace engramd::daemon {

// URI schemes; the path begins with the number of the proposal or answer.
constexpr const char kProposalScheme[] = "engramd-proposal";
constexpr const char kAnswerScheme[] = "engramd-answer";

class VirtualDocuments {
 public:
  // "engramd-proposal:/3/": what URIs of one more group begin with.
  std::string new_group(const char* scheme);
  // uri of path in the group; path is escaped.
  static std::string uri_in(const std::string& group, const std::string& path);
  void add(std::string uri, std::string text);
  std::optional<std::string> text(const std::string& uri) const;

 private:
  std::deque<std::pair<std::string, std::string>> documents_;  // oldest first
  size_t n_bytes_ = 0;
  uint64_t next_group_ = 1;
};

}  // namespace engramd::daemon
