// Syntax errors: textDocument/diagnostic and workspace/diagnostic for editors that pull,
// textDocument/publishDiagnostics for the others; never both to one editor.
//
// There is one source: FileFacts::errors, made with the facts of the text. A question about a
// document that has not changed is answered "unchanged"; the result id is a hash of what was said.
#include "lsp/protocol/diagnostics.h"

#include <atomic>
#include <mutex>
#include <set>

#include "base/hash.h"
#include "daemon/handlers/handlers.h"
#include "daemon/session/delayed_jobs.h"
#include "lsp/uri.h"
#include "repoindex/snapshot.h"

namespace engramd::daemon {
namespace {

constexpr std::chrono::milliseconds kAfterKey{300}, kAfterOpen{30};
constexpr size_t kMaxReports = 1000;  // of one answer about the workspace
constexpr size_t kPieceSize = 50;

bool pulls(const lsp::ClientCapabilities& client) {
  return client.has("textDocument.diagnostic");
}

std::vector<lsp::Diagnostic> diagnostics_of(PlaceMapper& places, const std::string& path,
                                            const std::vector<repoindex::SyntaxError>& errors) {
  std::vector<lsp::Diagnostic> out;
  for (const repoindex::SyntaxError& error : errors)
    out.push_back(
        {places.range(path, ByteRange{error.begin, error.end}), 1, "engramd", error.message});
  return out;
}

// The report, or that it is what the editor has.
lsp::DocumentDiagnosticResult report_of(std::vector<lsp::Diagnostic> items,
                                        const std::string& previous_id) {
  lsp::DocumentDiagnosticResult out;
  out.items = std::move(items);
  out.result_id = std::to_string(hash64(write(out)));
  out.unchanged = out.result_id == previous_id;
  if (out.unchanged) out.items.clear();
  return out;
}

std::vector<repoindex::SyntaxError> errors_in(const repoindex::View& view,
                                              const std::string& path) {
  const auto facts = view.facts(path);
  return facts ? facts->errors : std::vector<repoindex::SyntaxError>();
}

// Which files of a snapshot have errors: found once for each snapshot. Any thread.
class FilesWithErrors {
 public:
  using Files = std::vector<std::string>;
  std::shared_ptr<const Files> of(const Asked& asked, const CancelToken& cancel) {
    const auto& snapshot = asked.view.snapshot;
    if (snapshot == nullptr) return std::make_shared<const Files>();
    {
      std::lock_guard lock(mutex_);
      const auto known = known_.find(asked.root.string());
      if (known != known_.end() && known->second.snapshot.lock() == snapshot)
        return known->second.files;
    }
    auto files = std::make_shared<Files>();
    snapshot->for_each_file([&](const repoindex::FileEntry& file) {
      if (files->size() >= kMaxReports || cancel.cancelled() || !file.indexed) return;
      if (file.origin != repoindex::FileOrigin::source) return;
      if (!snapshot->summary(file).has_errors) return;
      const auto facts = snapshot->facts(file);
      if (facts && !facts->errors.empty()) files->push_back(file.path);
    });
    if (cancel.cancelled()) return files;
    std::lock_guard lock(mutex_);
    if (known_.size() > 100) known_.clear();
    known_[asked.root.string()] = {snapshot, files};
    return files;
  }

 private:
  struct Known {
    std::weak_ptr<const repoindex::Snapshot> snapshot;
    std::shared_ptr<const Files> files;
  };
  std::mutex mutex_;  // guards known_
  std::map<std::string, Known> known_;
};

struct State {
  std::atomic<bool> on{true};
  FilesWithErrors files;

  // Of a client that does not pull.
  struct Pushed {
    uint64_t hash = 0;
    bool said = false, any = false;
  };
  std::mutex mutex;  // guards open; held while something is pushed, so nothing follows a close
  std::map<std::string, Pushed> open;  // by URI
  DelayedJobs delayed;
};
using StatePtr = std::shared_ptr<State>;

void push(lsp::Binder& binder, const std::string& uri, std::optional<int64_t> version,
          std::vector<lsp::Diagnostic> items) {
  binder.notify("textDocument/publishDiagnostics",
                write(lsp::PublishDiagnosticsParams{uri, version, std::move(items)}));
}

// Strand: captures what the document is now and says in the pool what is wrong with it.
void push_later(Session& session, const StatePtr& state, const std::string& uri) {
  const auto version = session.editor().version(uri);
  const auto asked = session.editor().ask(uri);
  if (!version || !asked) return;
  const bool quiet = !state->on || session.leaves(uri, "textDocument/diagnostic");
  const bool say_version =
      session.capabilities().flag("textDocument.publishDiagnostics.versionSupport");
  session.services().queries.try_submit(
      [state, uri, version, asked = *asked, quiet, say_version, binder = session.binder()] {
        PlaceMapper places(asked);
        std::vector<lsp::Diagnostic> items;
        if (!quiet) items = diagnostics_of(places, asked.path, errors_in(asked.view, asked.path));
        const uint64_t hash = hash64(write(lsp::DocumentDiagnosticResult{false, {}, items}));
        std::lock_guard lock(state->mutex);
        const auto open = state->open.find(uri);
        if (open == state->open.end()) return;
        State::Pushed& pushed = open->second;
        // What moved with an edit is said again: the editor may have moved it otherwise.
        if (pushed.said && pushed.hash == hash && items.empty()) return;
        pushed = {hash, true, !items.empty()};
        push(*binder, uri, say_version ? version : std::nullopt, std::move(items));
      });
}

// Strand: when nothing has happened to the document for a while.
void schedule(Session& session, const StatePtr& state, const std::string& uri,
              std::chrono::milliseconds delay) {
  // A job that waits holds neither the session nor the state, and lets go of both on the strand.
  state->delayed.after(uri, delay,
                       [post = session.post(), weak = session.weak_from_this(),
                        weak_state = std::weak_ptr<State>(state), uri] {
                         post([weak, weak_state, uri] {
                           const auto self = weak.lock();
                           const auto known = weak_state.lock();
                           if (self && known) push_later(*self, known, uri);
                         });
                       });
}

void settings_changed(Session& session, const StatePtr& state) {
  const bool on = session.settings().diagnostics.value_or(true);
  if (state->on.exchange(on) == on || pulls(session.capabilities())) return;
  std::vector<std::string> all;
  {
    std::lock_guard lock(state->mutex);
    for (const auto& [uri, pushed] : state->open) all.push_back(uri);
  }
  for (const std::string& uri : all) push_later(session, state, uri);
}

void closed(Session& session, State& state, const std::string& uri) {
  state.delayed.cancel(uri);
  std::lock_guard lock(state.mutex);
  const auto open = state.open.find(uri);
  if (open == state.open.end()) return;
  if (open->second.any) push(*session.binder(), uri, std::nullopt, {});
  state.open.erase(open);
}

void listen(Session& session, const StatePtr& state, DocumentEvent event, const std::string& uri) {
  // An editor that pulls is told by the refresh of our offer when the settings have changed.
  if (event == DocumentEvent::settings) return settings_changed(session, state);
  if (pulls(session.capabilities())) return;
  switch (event) {
    case DocumentEvent::opened: {
      {
        std::lock_guard lock(state->mutex);
        state->open[uri] = {};
      }
      return schedule(session, state, uri, kAfterOpen);
    }
    case DocumentEvent::changed:
      return schedule(session, state, uri, kAfterKey);
    case DocumentEvent::closed:
      return closed(session, *state, uri);
    case DocumentEvent::settings:
      return;
  }
}

lsp::WorkspaceDiagnosticResult workspace_report(const lsp::WorkspaceDiagnosticParams& params,
                                                const Call& call, State& state) {
  lsp::WorkspaceDiagnosticResult result;
  std::set<std::string> said;
  size_t n = 0;
  const auto flush = [&](bool last) {
    if (params.partial_token.empty() || result.items.empty()) return;
    if (!last && result.items.size() < kPieceSize) return;
    call.binder->notify("$/progress", lsp::partial_result(params.partial_token, write(result)));
    result.items.clear();
  };
  const auto add = [&](const std::string& uri, std::optional<int64_t> version,
                       std::vector<lsp::Diagnostic> items) {
    if (!said.insert(uri).second || n >= kMaxReports) return;
    const auto previous = params.previous.find(uri);
    lsp::WorkspaceDocumentReport item{
        uri, version,
        report_of(std::move(items),
                  previous == params.previous.end() ? std::string() : previous->second)};
    // Nothing to say of a file without errors, unless to take back what was said.
    if (item.report.items.empty() && !item.report.unchanged && previous == params.previous.end())
      return;
    ++n;
    result.items.push_back(std::move(item));
    flush(false);
  };
  if (state.on) {
    for (const Asked& folder : call.folders) {
      PlaceMapper places(folder);
      if (folder.view.overlay) {
        for (const auto& [path, document] : *folder.view.overlay)
          if (document.facts)
            add(places.uri(path), document.version,
                diagnostics_of(places, path, document.facts->errors));
      }
      for (const std::string& path : *state.files.of(folder, call.cancel)) {
        if (call.cancel.cancelled()) break;
        if (folder.view.overlay && folder.view.overlay->count(path) != 0) continue;
        add(places.uri(path), {}, diagnostics_of(places, path, errors_in(folder.view, path)));
      }
    }
  }
  for (const auto& [uri, id] : params.previous)
    if (said.count(uri) == 0 && id != report_of({}, {}).result_id) add(uri, {}, {});
  flush(true);
  return result;
}

}  // namespace

void bind_diagnostics(Session& session) {
  using namespace lsp;
  const auto state = std::make_shared<State>();
  session.on_document<DocumentDiagnosticParams, DocumentDiagnosticResult>(
      {.capability = "diagnosticProvider",
       .method = "textDocument/diagnostic",
       .options =
           [](const ClientCapabilities& client) {
             return pulls(client) ? R"({"identifier":"engramd","interFileDependencies":false,)"
                                    R"("workspaceDiagnostics":true})"
                                  : "";
           },
       .refresh = "workspace/diagnostic/refresh",
       .refresh_flag = "workspace.diagnostics.refreshSupport"},
      [state](const DocumentDiagnosticParams& params,
              const Call& call) -> Result<DocumentDiagnosticResult> {
        if (!state->on) return report_of({}, params.previous_result_id);
        const Asked& asked = call.asked;
        PlaceMapper places(asked);
        return report_of(diagnostics_of(places, asked.path, errors_in(asked.view, asked.path)),
                         params.previous_result_id);
      });
  session.on_workspace<WorkspaceDiagnosticParams, WorkspaceDiagnosticResult>(
      {.capability = "", .method = "workspace/diagnostic"},
      [state](const WorkspaceDiagnosticParams& params,
              const Call& call) -> Result<WorkspaceDiagnosticResult> {
        WorkspaceDiagnosticResult result = workspace_report(params, call, *state);
        ENGRAMD_CHECK(call.cancel.check());
        return result;
      });
  session.listen([state, &session](DocumentEvent event, const std::string& uri) {
    listen(session, state, event, uri);
  });
}

}  // namespace engramd::daemon
