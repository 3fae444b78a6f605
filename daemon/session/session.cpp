#include "daemon/session/session.h"

#include <exception>
#include <set>

#include "base/log.h"
#include "daemon/handlers/handlers.h"
#include "lsp/json_writer.h"
#include "lsp/uri.h"

namespace engramd::daemon {
namespace {

// A client that reports no file changes gets a look at the disk when it asks, at most this often.
constexpr std::chrono::seconds kUnwatchedAge{30};

}  // namespace

std::shared_ptr<Session> Session::make(Services& services, ClientInfo client,
                                       SessionHooks session_hooks) {
  std::shared_ptr<Session> session(
      new Session(services, std::move(client), std::move(session_hooks.post)));
  lsp::Binder::Hooks hooks;
  hooks.send = std::move(session_hooks.send);
  session->on_exit_ = session_hooks.on_exit;
  hooks.on_exit = std::move(session_hooks.on_exit);
  hooks.on_answered = [&services, weak = session->weak_from_this()](
                          std::string_view method, std::chrono::nanoseconds took, bool ok) {
    services.stats.add(method, took, ok);
    if (const auto self = weak.lock()) self->trace(method, took, ok);
  };
  session->binder_ = lsp::Binder::make(std::move(hooks));
  session->bind();
  return session;
}

void Session::bind() {
  using namespace lsp;
  binder_->on_request<InitializeParams, InitializeResult>(
      "initialize", [this](InitializeParams params, Reply<InitializeResult> reply) {
        initialize(std::move(params), reply);
      });
  binder_->on_notification<NoParams>("initialized", [this](NoParams) { initialized(); });
  binder_->on_notification<DidOpenParams>("textDocument/didOpen", [this](DidOpenParams params) {
    const std::string uri = params.document.uri;
    const Status opened = editor_->open(std::move(params.document));
    if (!opened) {
      log_warning(opened.error().message);
      // Once is enough: an editor that opens 5,000 documents does not want 1,000 messages.
      if (!said_exhausted_ && opened.error().code == ErrorCode::exhausted)
        show_message(MessageType::warning, opened.error().message);
      said_exhausted_ = true;
    } else {
      tell(DocumentEvent::opened, uri);
    }
    publish_status();
  });
  binder_->on_notification<DidChangeParams>(
      "textDocument/didChange", [this](DidChangeParams params) {
        supersede_completion(params.uri, std::nullopt);
        if (Status changed = editor_->change(params); !changed)
          log_warning(changed.error().message);
        tell(DocumentEvent::changed, params.uri);
        publish_status();
      });
  binder_->on_notification<DidCloseParams>("textDocument/didClose", [this](DidCloseParams params) {
    supersede_completion(params.uri, std::nullopt);
    siblings_changed({params.uri, {}});
    if (Status closed = editor_->close(params.uri); !closed) log_warning(closed.error().message);
    tell(DocumentEvent::closed, params.uri);
    saved(params.uri);
    publish_status();
  });
  binder_->on_notification<DidSaveParams>("textDocument/didSave",
                                          [this](DidSaveParams params) { saved(params.uri); });
  binder_->on_notification<DidChangeWatchedFilesParams>(
      "workspace/didChangeWatchedFiles",
      [this](DidChangeWatchedFilesParams params) { watched_files_changed(params); });
  binder_->on_notification<DidChangeWorkspaceFoldersParams>(
      "workspace/didChangeWorkspaceFolders", [this](DidChangeWorkspaceFoldersParams params) {
        for (const WorkspaceFolder& folder : params.removed)
          if (const auto path = path_of_uri(folder.uri)) editor_->remove_root(*path);
        for (const WorkspaceFolder& folder : params.added) add_folder(folder);
        if (editor_->roots().empty()) {
          unwatch_files();
        } else if (editor_watches_ && watch_id_.empty()) {
          watch_files();
        }
        publish_status();
      });
  binder_->on_notification<DidChangeConfigurationParams>(
      "workspace/didChangeConfiguration", [this](DidChangeConfigurationParams params) {
        // Editors that can be asked send nothing of use here.
        if (capabilities_.flag("workspace.configuration")) return ask_for_configuration();
        configure(params.settings);
      });
  binder_->on_notification<SiblingsParams>(
      "engramd/siblings", [this](SiblingsParams params) { siblings_changed(params); });
  binder_->on_notification<SetTraceParams>(
      "$/setTrace", [this](SetTraceParams params) { tracing_ = params.trace; });
  binder_->on_notification<WorkDoneCancelParams>(
      "window/workDoneProgress/cancel", [this](WorkDoneCancelParams params) {
        std::function<void()> cancel;
        {
          std::lock_guard lock(mutex_);
          if (const auto at = cancel_by_token_.find(params.token); at != cancel_by_token_.end())
            cancel = at->second;
        }
        if (cancel) cancel();
      });
  for (const auto bind_feature : kFeatures) bind_feature(*this);
}

void Session::receive(std::string_view message) {
  binder_->receive(message);
}

void Session::end() {
  parent_.reset();
  binder_->end();
  std::vector<std::function<void()>> withdraw;
  std::map<std::string, std::function<void()>> cancels;
  {
    std::lock_guard lock(mutex_);
    withdraw.swap(withdraw_refreshes_);
    cancels.swap(cancel_by_token_);
  }
  for (const auto& fn : withdraw) fn();
  for (const auto& [token, cancel] : cancels) cancel();
}

AttachmentStatus Session::status() const {
  std::lock_guard lock(mutex_);
  AttachmentStatus status = status_;
  status.n_open_requests = binder_->n_open();
  status.age_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  return status;
}

void Session::publish_status() {
  std::vector<std::string> roots;
  for (const auto& root : editor_->roots()) roots.push_back(root->path.string());
  std::lock_guard lock(mutex_);
  status_.roots = std::move(roots);
  status_.n_open_documents = editor_->n_documents();
  status_.document_bytes = editor_->n_bytes();
}

void Session::initialize(lsp::InitializeParams params,
                         const lsp::Reply<lsp::InitializeResult>& reply) {
  capabilities_ = params.capabilities;
  editor_watches_ = capabilities_.flag("workspace.didChangeWatchedFiles.dynamicRegistration");
  const PositionEncoding encoding =
      lsp::chosen_encoding(capabilities_.strings("general.positionEncodings"));
  editor_ = std::make_unique<EditorState>(services_.workspaces, encoding);
  initial_folders_ = std::move(params.folders);
  {
    std::lock_guard lock(mutex_);
    status_.client = params.client_name;
    status_.client_version = params.client_version;
  }
  if (!params.options.empty()) configure(params.options);
  tracing_ = params.trace;
  if (params.process_id) {
    // A session that has ended by then is asked in vain, so nothing of it is held here but the way
    // to its connection.
    parent_ = ParentWatch::start(static_cast<pid_t>(*params.process_id),
                                 [post = post_, on_exit = on_exit_] {
                                   log_info("the editor's process is gone: its session ends");
                                   post([on_exit] { on_exit(1); });
                                 });
  }
  lsp::InitializeResult result;
  result.version = ENGRAMD_VERSION;
  result.position_encoding = lsp::encoding_name(encoding);
  for (const Offer& offer : offers_) {
    if (offer.capability.empty()) continue;
    std::string options = offer.options ? offer.options(capabilities_) : "true";
    if (!options.empty()) result.capabilities[offer.capability] = std::move(options);
  }
  // The folders are opened before the reply, so that the very first question has a root; the
  // index is filled in the background, and nothing here waits for it.
  for (const lsp::WorkspaceFolder& folder : initial_folders_) {
    const auto path = lsp::path_of_uri(folder.uri);
    if (!path) {
      log_warning("workspace folder: " + path.error().message);
    } else if (auto root = editor_->add_root(*path); !root) {
      log_warning("workspace folder: " + root.error().message);
    }
  }
  publish_status();
  reply(result);
}

void Session::initialized() {
  for (const auto& root : editor_->roots()) refresh_root(root);
  if (editor_watches_ && !editor_->roots().empty()) watch_files();
  if (capabilities_.flag("workspace.didChangeConfiguration.dynamicRegistration"))
    binder_->request(
        "client/registerCapability",
        lsp::write(lsp::RegistrationParams{{{"engramd-settings", "workspace/didChangeConfiguration",
                                             R"({"section":"engramd"})"}}}),
        [](const auto&) {});
  if (capabilities_.flag("workspace.configuration")) ask_for_configuration();
}

void Session::ask_for_configuration() {
  binder_->request("workspace/configuration", lsp::write(lsp::ConfigurationParams{"engramd"}),
                   [weak = weak_from_this()](const auto& answer) {
                     const auto self = weak.lock();
                     if (!self || !answer) return;
                     self->on_strand([weak, text = lsp::first_item(**answer)] {
                       if (const auto session = weak.lock()) session->configure(text);
                     });
                   });
}

void Session::configure(const std::string& json) {
  auto given = lsp::read_editor_settings(json);
  if (!given) return show_message(lsp::MessageType::warning, "settings: " + given.error().message);
  auto coexistence = std::make_shared<Coexistence>(*coexistence_);
  coexistence->configure(*given);
  coexistence_ = std::move(coexistence);
  if (given->diagnostics) settings_.diagnostics = given->diagnostics;
  tell(DocumentEvent::settings, {});
  refresh_editor();
}

void Session::siblings_changed(const lsp::SiblingsParams& params) {
  auto coexistence = std::make_shared<Coexistence>(*coexistence_);
  coexistence->report(EditorState::key_of(params.uri), editor_->language(params.uri),
                      params.servers);
  coexistence_ = std::move(coexistence);
  if (!params.servers.empty()) refresh_editor();
}

bool Session::leaves(const std::string& uri, const std::string& method) const {
  return coexistence_->leaves(EditorState::key_of(uri), editor_->language(uri), method);
}

void Session::refresh_editor() {
  if (!binder_->initialized()) return;
  std::set<std::string> sent;
  for (const Offer& offer : offers_)
    if (!offer.refresh.empty() && capabilities_.flag(offer.refresh_flag) &&
        sent.insert(offer.refresh).second)
      binder_->request(offer.refresh, {}, [](const auto&) {});
}

void Session::trace(std::string_view method, std::chrono::nanoseconds took, bool ok) const {
  if (!tracing_) return;
  lsp::JsonWriter json;
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  json.begin_object().field(
      "message",
      std::string(method) + (ok ? " answered in " : " failed in ") + std::to_string(us) + " us");
  binder_->notify("$/logTrace", json.end_object().take());
}

void Session::add_folder(const lsp::WorkspaceFolder& folder) {
  const auto path = lsp::path_of_uri(folder.uri);
  if (!path) return log_warning("workspace folder: " + path.error().message);
  auto root = editor_->add_root(*path);
  if (!root) return log_warning("workspace folder: " + root.error().message);
  if (*root) refresh_root(*root);
}

void Session::refresh_root(const std::shared_ptr<EditorState::Root>& root) {
  if (!editor_watches_) root->index->watch();
  // Filled below; the editor's cancel comes on this strand, so never in between.
  struct Running {
    std::function<void()> withdraw;
    std::shared_ptr<WorkProgress> progress;
  };
  auto running = std::make_shared<Running>();
  const auto progress = running->progress =
      begin_progress("Indexing " + root->path.filename().string(), {}, [this, running] {
        if (running->withdraw) running->withdraw();
        end_progress(running->progress, "cancelled");
      });
  RefreshListener listener;
  listener.on_progress = [progress](const repoindex::IndexProgress& at) {
    if (!progress || at.total == 0) return;
    progress->report(std::to_string(at.done) + " of " + std::to_string(at.total) + " files",
                     static_cast<uint32_t>(at.done * 100 / at.total));
  };
  listener.on_end = [progress, weak = weak_from_this(),
                     path = root->path](const Result<repoindex::IndexStats>& stats) {
    const auto self = weak.lock();
    if (!self) return;
    if (stats)
      self->on_strand([weak, path] {
        const auto session = weak.lock();
        if (!session) return;
        session->prepare_completion(path);
        session->refresh_editor();
      });
    self->end_progress(progress,
                       stats ? std::to_string(stats->n_files) + " files" : stats.error().message);
  };
  running->withdraw = root->index->refresh(std::move(listener));
  std::lock_guard lock(mutex_);
  withdraw_refreshes_.push_back(running->withdraw);
}

// A head start only: with a full queue the first request does it all by itself.
void Session::prepare_completion(const std::filesystem::path& root) {
  const auto& prepare = services_.ports.prepare_completion;
  if (!prepare || !capabilities_.has("textDocument.inlineCompletion")) return;
  for (const auto& open : editor_->roots()) {
    if (open->path != root) continue;
    repoindex::View view{open->index->snapshot(), nullptr};
    services_.completions.try_submit(
        [prepare, view = std::move(view), near = editor_->a_document_in(*open)] {
          prepare(view, near);
        });
  }
}

void Session::watch_files() {
  watch_id_ = "engramd-files-" + std::to_string(++n_registrations_);
  const std::string params = lsp::write(lsp::RegistrationParams{
      {{watch_id_, "workspace/didChangeWatchedFiles", lsp::watch_options({"**/*"})}}});
  binder_->request("client/registerCapability", params,
                   [weak = weak_from_this()](const auto& answer) {
                     if (answer) return;
                     log_info("the client watches no files: " + answer.error().message);
                     const auto self = weak.lock();
                     if (!self) return;
                     self->on_strand([weak] {
                       const auto session = weak.lock();
                       if (!session) return;
                       session->editor_watches_ = false;
                       for (const auto& root : session->editor_->roots()) root->index->watch();
                     });
                   });
}

void Session::unwatch_files() {
  if (watch_id_.empty()) return;
  binder_->request(
      "client/unregisterCapability",
      lsp::write(lsp::UnregistrationParams{{{watch_id_, "workspace/didChangeWatchedFiles", {}}}}),
      [](const auto&) {});
  watch_id_.clear();
}

void Session::saved(const std::string& uri) {
  const auto file = lsp::path_of_uri(uri);
  if (!file) return;
  std::string relative;
  if (const auto root = editor_->root_of(*file, &relative)) root->index->changed({relative});
}

void Session::watched_files_changed(const lsp::DidChangeWatchedFilesParams& params) {
  constexpr int kDeleted = 3;
  std::map<std::shared_ptr<SharedIndex>, std::vector<std::string>> by_index;
  std::map<std::shared_ptr<SharedIndex>, bool> whole;
  for (const lsp::FileEvent& event : params.changes) {
    const auto file = lsp::path_of_uri(event.uri);
    std::string relative;
    if (!file) continue;
    const auto root = editor_->root_of(*file, &relative);
    if (!root || relative.rfind(".git/", 0) == 0) continue;
    by_index[root->index].push_back(relative);
    // A deleted or new folder comes as one event, and ignore rules change what is listed at all.
    std::error_code ignored;
    const bool folder = event.type == kDeleted
                            ? !repoindex::View{root->index->snapshot(), nullptr}.contains(relative)
                            : std::filesystem::is_directory(*file, ignored);
    const std::string name = file->filename().string();
    if (folder || name == ".gitignore" || name == ".engramdignore") whole[root->index] = true;
  }
  for (const auto& [index, paths] : by_index) {
    if (whole.count(index) > 0) {
      index->refresh({});
    } else {
      index->changed(paths);
    }
  }
}

std::shared_ptr<WorkProgress> Session::begin_progress(const std::string& title,
                                                      const std::string& client_token,
                                                      std::function<void()> on_cancel) {
  std::string token = client_token;
  {
    std::lock_guard lock(mutex_);
    if (token.empty()) {
      if (!capabilities_.flag("window.workDoneProgress")) return nullptr;
      token = lsp::json_string("engramd-" + std::to_string(next_token_++));
    }
    cancel_by_token_[token] = std::move(on_cancel);
  }
  return WorkProgress::begin(binder_, token, client_token.empty(), title);
}

void Session::end_progress(const std::shared_ptr<WorkProgress>& progress,
                           const std::string& message) {
  if (!progress) return;
  progress->end(message);
  std::lock_guard lock(mutex_);
  cancel_by_token_.erase(progress->token());
}

void Session::show_message(lsp::MessageType type, const std::string& message) {
  binder_->notify("window/showMessage", lsp::write(lsp::ShowMessageParams{type, message}));
}

void Session::supersede_completion(const std::string& uri, std::optional<RunningCompletion> next) {
  if (const auto at = completions_.find(uri); at != completions_.end()) {
    at->second.cancel.cancel();
    const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
    if (at->second.superseded_at) at->second.superseded_at->store(now.count());
    // LSP: an answer about a text that has moved on is empty rather than an error.
    at->second.reply(lsp::InlineCompletionResult{});
    completions_.erase(at);
  }
  if (next) completions_.emplace(uri, std::move(*next));
}

void Session::run_in(ThreadPool& pool, const CancelToken& token,
                     std::function<void(const Error&)> on_error, std::function<void()> job) {
  if (!editor_watches_)
    for (const auto& root : editor_->roots()) root->index->refresh_if_older(kUnwatchedAge);
  const bool queued = pool.try_submit([token, on_error, job = std::move(job)] {
    if (token.cancelled()) return on_error({ErrorCode::cancelled, "cancelled"});
    try {
      job();
    } catch (const std::exception& error) {
      log_error(std::string("a handler failed: ") + error.what());
      on_error({ErrorCode::internal, std::string("the handler failed: ") + error.what()});
    }
  });
  if (!queued) on_error({ErrorCode::exhausted, "the daemon is busy: its queue is full"});
}

}  // namespace engramd::daemon
