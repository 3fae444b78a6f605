// daemon/session/session.h - one conversation with one editor.
//
// Owns the binder, the editor's state and what runs on its behalf. A feature (daemon/handlers, one
// file each) registers with on_document or on_workspace a function that answers on a worker thread
// from what its Call holds; it must not touch the Session from there. Features with more to say
// use binder() and answer_in() themselves. receive() and what it calls run on the strand.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/server/services.h"
#include "daemon/session/coexistence.h"
#include "daemon/session/editor_state.h"
#include "daemon/session/parent_watch.h"
#include "daemon/session/progress.h"
#include "daemon/session/virtual_documents.h"
#include "lsp/binder.h"
#include "lsp/protocol/documents.h"
#include "lsp/protocol/inline_completion.h"
#include "lsp/protocol/window.h"

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

// What a feature announces: a member of ServerCapabilities and the method that it answers.
struct Offer {
  std::string capability;  // one inside another joined with '.'; empty: another offer names it
  std::string method;
  // JSON text of the capability's options; empty: not offered to this client. No function: true.
  std::function<std::string(const lsp::ClientCapabilities&)> options;
  // Only engramd answers this: it is not left to other servers of the document.
  bool only_ours = false;
  // What makes the editor ask again, and the client's flag for it: after the index was filled, or
  // when the settings or the document's other servers have changed.
  std::string refresh,
      refresh_flag;  // "workspace/codeLens/refresh", "workspace.codeLens.refreshSupport"
};

// What happens to documents, for features that speak without being asked.
enum class DocumentEvent { opened, changed, closed, settings };  // settings: of no document

// All that a question needs, captured on the strand when it came in: it sees every earlier edit
// of its connection and none that comes later. A value: any thread.
struct Call {
  Asked asked;                 // the document; of on_workspace: an empty one
  std::vector<Asked> folders;  // all workspace folders
  lsp::ClientCapabilities client;
  std::shared_ptr<const Coexistence> coexistence;
  std::shared_ptr<lsp::Binder> binder;  // for partial results and progress
  CancelToken cancel;
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
  const lsp::ClientCapabilities& capabilities() const { return capabilities_; }  // after initialize
  const ClientInfo& client() const { return client_; }
  EditorState& editor() { return *editor_; }  // after initialize
  VirtualDocuments& virtual_documents() { return virtual_documents_; }

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

  // Announces a capability whose method is registered with binder(). Before initialize.
  void offer(Offer offer) { offers_.push_back(std::move(offer)); }

  // Registers a method that asks about one document, params.uri. Answer{} must say "nothing": it is
  // the answer for a document that is neither open nor in a folder. fn runs in the query pool.
  template <class Params, class Answer, class Fn>
  void on_document(Offer offer, Fn fn) {
    binder_->on_request<Params, Answer>(
        offer.method, [this, fn, method = offer.method, only_ours = offer.only_ours](
                          Params params, lsp::Reply<Answer> reply) {
          if (!only_ours && leaves(params.uri, method)) return reply(Answer{});
          auto asked = editor_->ask(params.uri);
          if (!asked) return reply(Answer{});
          answer_call<Params, Answer>(std::move(*asked), std::move(params), reply, fn);
        });
    offers_.push_back(std::move(offer));
  }
  // The same for a method that is about no single document.
  template <class Params, class Answer, class Fn>
  void on_workspace(Offer offer, Fn fn) {
    binder_->on_request<Params, Answer>(
        offer.method, [this, fn](Params params, lsp::Reply<Answer> reply) {
          answer_call<Params, Answer>({}, std::move(params), reply, fn);
        });
    offers_.push_back(std::move(offer));
  }

  // Called on the strand after each event; uri as the editor writes it. Before initialize.
  using DocumentListener = std::function<void(DocumentEvent, const std::string& uri)>;
  void listen(DocumentListener listener) { listeners_.push_back(std::move(listener)); }
  // For jobs that come back to the strand without holding the session. Any thread.
  const std::function<void(std::function<void()>)>& post() const { return post_; }

  // Another server of this document answers the method, and the settings leave it to that one.
  bool leaves(const std::string& uri, const std::string& method) const;
  const lsp::EditorSettings& settings() const { return settings_; }  // strand

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
    // Steady clock, in nanoseconds: when it was superseded; 0: it was not.
    std::shared_ptr<std::atomic<int64_t>> superseded_at;
  };
  void supersede_completion(const std::string& uri, std::optional<RunningCompletion> next);

 private:
  Session(Services& services, ClientInfo client, std::function<void(std::function<void()>)> post)
      : services_(services), client_(std::move(client)), post_(std::move(post)) {}
  template <class Params, class Answer, class Fn>
  void answer_call(Asked asked, Params params, lsp::Reply<Answer> reply, Fn fn) {
    Call call{std::move(asked), editor_->ask_all(), capabilities_, coexistence_,
              binder_,          reply.token()};
    answer_in<Answer>(services_.queries, reply,
                      [call = std::move(call), params = std::move(params),
                       fn](const CancelToken&) -> Result<Answer> { return fn(params, call); });
  }
  void tell(DocumentEvent event, const std::string& uri) {
    for (const DocumentListener& listener : listeners_) listener(event, uri);
  }
  void bind();
  void initialize(lsp::InitializeParams params, const lsp::Reply<lsp::InitializeResult>& reply);
  void initialized();
  void configure(const std::string& json);
  void ask_for_configuration();
  void siblings_changed(const lsp::SiblingsParams& params);
  void refresh_editor();
  void trace(std::string_view method, std::chrono::nanoseconds took, bool ok) const;
  void add_folder(const lsp::WorkspaceFolder& folder);
  void watched_files_changed(const lsp::DidChangeWatchedFilesParams& params);
  void watch_files();
  void unwatch_files();
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
  std::vector<Offer> offers_;
  std::vector<DocumentListener> listeners_;
  lsp::ClientCapabilities capabilities_;
  bool editor_watches_ = false;  // it tells us of changed files
  std::string watch_id_;         // of the registration; empty: none
  uint64_t n_registrations_ = 0;
  lsp::EditorSettings settings_;
  std::shared_ptr<const Coexistence> coexistence_ = std::make_shared<Coexistence>();
  std::atomic<bool> tracing_{false};
  std::unique_ptr<EditorState> editor_;
  VirtualDocuments virtual_documents_;
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
