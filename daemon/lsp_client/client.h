// daemon/lsp_client/client.h - the client's side of LSP, as far as diagnostics need it.
//
// initialize, open or change a document, and wait for what the server thinks of that version: by
// asking (textDocument/diagnostic) where it offers that, else from what it publishes. Requests of
// the server are answered while we wait. One of the JSON edges; what comes from the server is data
// that nobody vouches for. One thread at a time.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/verify/diagnostics.h"
#include "daemon/lsp_client/connection.h"
#include "lsp/json_rpc.h"

namespace engramd::daemon {

struct LspClientOptions {
  std::string server;                  // its name, for errors
  std::filesystem::path root;          // as the server sees it
  std::string initialization_options;  // JSON text; empty: none
  // A server that publishes without saying of which version may publish more than once: how long it
  // must have been quiet.
  std::chrono::milliseconds settle{400};
  // And how long it may be silent about a change before it is taken to mean that nothing is new.
  std::chrono::milliseconds unchanged{1500};
};

class LspClient {
 public:
  LspClient(std::unique_ptr<LspConnection> connection, LspClientOptions options);

  Status initialize(Clock::time_point deadline, const CancelToken& cancel);
  // path is relative to the root.
  Result<std::vector<agent::Diagnostic>> diagnostics(const std::string& path,
                                                     const std::string& language_id,
                                                     const std::string& text,
                                                     Clock::time_point deadline,
                                                     const CancelToken& cancel);
  // shutdown and exit, politely and shortly.
  void end();
  bool asks() const { return pull_; }  // the server is asked, not listened to

 private:
  struct Published {
    std::optional<int64_t> version;
    uint64_t number = 0;  // counts what was published for the document
    std::vector<agent::Diagnostic> diagnostics;
  };

  Status notify(std::string_view method, const std::string& params, Clock::time_point deadline,
                const CancelToken& cancel);
  Result<int64_t> request(std::string_view method, const std::string& params,
                          Clock::time_point deadline, const CancelToken& cancel);
  // Reads one message and does what it asks for; the response to that request when it is one.
  Result<std::optional<lsp::Message>> take(std::optional<int64_t> request,
                                           Clock::time_point deadline, const CancelToken& cancel);
  Result<lsp::Message> response(int64_t request, Clock::time_point deadline,
                                const CancelToken& cancel);
  Status answer(const lsp::Message& message, Clock::time_point deadline, const CancelToken& cancel);
  Status show(const std::string& uri, const std::string& language_id, const std::string& text,
              Clock::time_point deadline, const CancelToken& cancel);
  Result<std::vector<agent::Diagnostic>> asked(const std::string& path, const std::string& uri,
                                               Clock::time_point deadline,
                                               const CancelToken& cancel);
  Result<std::vector<agent::Diagnostic>> published(const std::string& uri, uint64_t number_before,
                                                   Clock::time_point deadline,
                                                   const CancelToken& cancel);
  std::vector<agent::Diagnostic> read_items(const nlohmann::json& items,
                                            const std::string& path) const;
  Error with_name(Error error) const;

  std::unique_ptr<LspConnection> connection_;
  LspClientOptions options_;
  int64_t next_id_ = 0;
  bool pull_ = false, initialized_ = false;
  std::map<std::string, int64_t> open_;  // uri -> version
  std::vector<std::string> opened_;      // uris, oldest first
  std::map<std::string, Published> published_;
  Clock::duration slowest_{};  // that an answer has taken
};

}  // namespace engramd::daemon
