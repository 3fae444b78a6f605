// daemon/server/services.h - what all connections of one process share.
//
// Two Services live side by side in tests: there is nothing global in them. The members are safe
// from any thread. stop() cancels everything; the destructor then waits for the workers.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/thread_pool.h"
#include "daemon/completion/suggestion_counts.h"
#include "daemon/server/method_stats.h"
#include "daemon/server/ports.h"
#include "daemon/session/workspaces.h"

namespace engramd::daemon {

// One row of the status answer, filled by the connection it is about.
struct AttachmentStatus {
  std::string client, client_version;
  std::vector<std::string> roots;
  size_t n_open_documents = 0, document_bytes = 0, n_open_requests = 0;
  double age_s = 0;
};

class Services {
 public:
  struct Options {
    Ports ports;
    repoindex::IndexOptions index;
    std::string build;                        // identity of the running binary, for status
    std::filesystem::path suggestion_counts;  // the file; empty: they end with the process
  };
  explicit Services(Options options);
  ~Services();

  Ports ports;
  MethodStats stats;
  SuggestionCounts suggestions;

  // Attachments announce a function that describes them; forget() when they go.
  uint64_t announce(std::function<AttachmentStatus()> describe);
  void forget(uint64_t id);
  size_t n_attachments() const;

  std::string status_json() const;
  void stop();

 private:
  const std::string build_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;  // guards the two below
  std::map<uint64_t, std::function<AttachmentStatus()>> attachments_;
  uint64_t next_id_ = 1;

  // Last, so that they end first: their jobs use what is above.
  std::unique_ptr<ThreadPool> index_pool_;

 public:
  WorkspaceRegistry workspaces;
  ThreadPool strands;      // decoding messages, applying edits
  ThreadPool queries;      // questions about views
  ThreadPool completions;  // the engine thread
  ThreadPool tasks;        // agent runs
};

}  // namespace engramd::daemon
