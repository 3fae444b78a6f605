// daemon/session/session.h - one conversation with one editor.
//
// Owns the binder, the editor's state and what runs on its behalf. Handlers (daemon/handlers, one
// file per feature) capture what they need on the strand with ask() and do the work in a pool;
// they must not touch the Session from there. receive() and the handlers run on the strand.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/server/services.h"
#include "daemon/session/editor_state.h"
#include "daemon/session/parent_watch.h"
#include "daemon/session/progress.h"
#include "lsp/binder.h"

namespace engramd::daemon {

// What the shim says of the editor's side before the first LSP byte.
struct ClientInfo {
  std::map<std::string, std::string> environment;
  std::string cwd;
};

struct SessionHooks {
  std::function<bool(std::string)> send;  // any thread, never waits
  std::function<void(int)> on_exit;       // the editor said exit or is gone; on the strand
  std::function<void(std::function<void()>)> post;  // runs a job on the strand; any thread
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  static std::shared_ptr<Session> make(Services& services, ClientInfo client, SessionHooks hooks);

  void receive(std::string_view message);  // strand
  void end();                              // any thread, once: the connection is gone
  AttachmentStatus status() const;         // any thread

  // ---- for the handlers
  Services& services() { return services_; }
  const std::shared_ptr<lsp::Binder>& binder() const { return binder_; }
  const lsp::ClientCapabilities& capabilities() const { return capabilities_; }
  const ClientInfo& client() const { return client_; }
  EditorState& editor() { return *editor_; }  // after initialize

  void on_strand(std::function<void()> job) { post_(std::move(job)); }  // any thread

  // Runs fn in the pool and replies with what it returns; a full pool, a cancelled token and an
  // exception become errors. fn captures values only.
  template <class Answer>
  void answer_in(ThreadPool& pool, lsp::Reply<Answer> reply,
                 std::function<Result<Answer>(const CancelToken&)> fn) {
    run_in(
        pool, reply.token(), [reply](const Error& error) { reply.failed(error); },
        [reply, fn = std::move(fn)] { reply(fn(reply.token())); });
  }

  // Work that the editor may stop with window/workDoneProgress/cancel. client_token is JSON text
  // or empty; without it and without the capability nothing is shown, and null comes back.
  std::shared_ptr<WorkProgress> begin_progress(const std::string& title,
                                               const std::string& client_token,
                                               std::function<void()> on_cancel);
  void end_progress(const std::shared_ptr<WorkProgress>& progress, const std::string& message);
  void refresh_root(const std::shared_ptr<EditorState::Root>& root);
  void show_message(lsp::MessageType type, const std::string& message);

  // One completion at a time for a document: a newer one, or an edit, ends the older.
  struct RunningCompletion {
    lsp::Reply<lsp::InlineCompletionResult> reply;
    CancelSource cancel;
  };
  void supersede_completion(const std::string& uri, std::optional<RunningCompletion> next);

 private:
  Session(Services& services, ClientInfo client, std::function<void(std::function<void()>)> post)
      : services_(services), client_(std::move(client)), post_(std::move(post)) {}
  void bind();
  void initialize(lsp::InitializeParams params, const lsp::Reply<lsp::InitializeResult>& reply);
  void initialized();
  void add_folder(const lsp::WorkspaceFolder& folder);
  void watched_files_changed(const lsp::DidChangeWatchedFilesParams& params);
  void watch_files();
  void prepare_completion(const std::filesystem::path& root);
  void saved(const std::string& uri);
  void publish_status();
  void run_in(ThreadPool& pool, const CancelToken& token,
              std::function<void(const Error&)> on_error, std::function<void()> job);

  Services& services_;
  const ClientInfo client_;
  const std::function<void(std::function<void()>)> post_;
  std::function<void(int)> on_exit_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::shared_ptr<lsp::Binder> binder_;
  lsp::ClientCapabilities capabilities_;
  std::unique_ptr<EditorState> editor_;
  std::vector<lsp::WorkspaceFolder> initial_folders_;
  std::map<std::string, RunningCompletion> completions_;  // by URI
  bool said_exhausted_ = false;
  std::unique_ptr<ParentWatch> parent_;

  mutable std::mutex mutex_;  // guards the three below: workers end progress, status is asked
  std::map<std::string, std::function<void()>> cancel_by_token_;
  std::vector<std::function<void()>> withdraw_refreshes_;
  AttachmentStatus status_;
  uint64_t next_token_ = 1;
};

}  // namespace engramd::daemon
