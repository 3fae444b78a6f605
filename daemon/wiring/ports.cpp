#include "daemon/wiring/ports.h"
#include "daemon/lsp_client/sandboxed_server.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>

#include "agent/edit/unified_diff.h"
#include "agent/sandbox/sandbox.h"
#include "agent/solve/solve.h"
#include "base/environment.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "daemon/completion/completer.h"
#include "daemon/completion/completion_totals.h"
#include "daemon/wiring/ask.h"
#include "daemon/wiring/parse_hosts.h"
#include "daemon/wiring/permissions.h"
#include "daemon/wiring/repair_model.h"

namespace engramd::daemon {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kNetworkTime{180};

// The resident model and its completer. load() and complete() come one at a time (the engine
// thread); model() and status_json() from anywhere.
class ResidentModel {
 public:
  explicit ResidentModel(Settings settings) : settings_(std::move(settings)), background_(1, 16) {}

  Result<std::vector<CompletionSuggestion>> complete(const CompletionQuery& query,
                                                     const CancelToken& cancel) {
    ENGRAMD_CHECK(load());
    CompleteOptions options;
    options.trigger = query.invoked ? CompletionTrigger::invoked : CompletionTrigger::automatic;
    options.selected_text = query.selected_text;
    options.selected_range = query.selected_range;
    if (!query.invoked) options.min_confidence = query.min_confidence;
    // Ghost text that comes later than this is about a line the user has left.
    options.deadline = Clock::now() + std::chrono::milliseconds(query.invoked ? 5000 : 1500);
    // What the memory has is not held back for what the network may add.
    options.network_deadline = Clock::now() + kNetworkTime;
    ENGRAMD_TRY(const Completion completion,
                completer_->complete(query.view, query.path, query.offset, options, cancel));
    totals_.add(completion);
    if (completion.text.empty()) return std::vector<CompletionSuggestion>{};
    return std::vector<CompletionSuggestion>{{completion.text, completion.replaced}};
  }

  // The loaded weights, loading them if need be. An error is remembered: the file is not read
  // again at every keystroke.
  Result<std::shared_ptr<const engine::Model>> model() {
    std::lock_guard lock(load_mutex_);
    if (!tried_) {
      tried_ = true;
      auto loaded = load_from_settings();
      std::lock_guard status_lock(status_mutex_);
      if (loaded) {
        model_ = *loaded;
      } else {
        problem_ = loaded.error();
        log_error("no resident model: " + problem_->message);
      }
    }
    if (problem_) return fail(*problem_);
    return model_;
  }

  std::string status_json() const {
    std::lock_guard lock(status_mutex_);
    if (problem_) return json{{"loaded", false}, {"problem", problem_->message}}.dump();
    if (!model_) return json{{"loaded", false}}.dump();
    const engine::ModelInfo& info = model_->info();
    return json{{"loaded", true},
                {"architecture", info.architecture},
                {"name", info.name},
                {"file_bytes", info.file_bytes},
                {"kernels", info.kernels},
                {"load_s", info.load_s},
                {"completions", json::parse(totals_.json())},
                {"parameters", info.n_parameters}}
        .dump(-1, ' ', false, json::error_handler_t::replace);
  }

  bool reads_facts() const { return reads_facts_; }

  void prepare(const repoindex::View& view, const std::string& near) {
    if (load()) completer_->prepare(view, near);  // the error is kept for whoever asks
  }

 private:
  Result<std::shared_ptr<const engine::Model>> load_from_settings() const {
    ENGRAMD_TRY(ModelReference reference, model_for(settings_, "complete"));
    // An endpoint talks and does not complete: ghost text stays with what ships.
    if (reference.is_endpoint()) {
      ENGRAMD_TRY(reference, shipped_model());
    }
    engine::LoadOptions options;
    options.n_threads = static_cast<size_t>(settings_.number("engine.threads"));
    return engine::Model::load(reference.file, options);
  }

  Status load() {
    if (completer_) return {};
    ENGRAMD_TRY(const auto loaded, model());
    CompleterOptions options;
    const std::string& sources = settings_.text("complete.sources");
    if (sources != "both" && sources != "memory" && sources != "network")
      return fail(ErrorCode::invalid_input,
                  "complete.sources is \"" + sources + "\", expected both, memory or network");
    options.use_network = sources != "memory";
    options.use_memory = sources != "network";
    if (settings_.number("engine.speculation") == 0) options.speculation = false;
    options.memory_folder = cache_folder() / "index";
    options.executor = [this](std::function<void()> job) {
      return background_.try_submit(std::move(job));
    };
    ENGRAMD_TRY(completer_, Completer::make(loaded, nullptr, std::move(options)));
    reads_facts_ = completer_->reads_facts();
    return {};
  }

  const Settings settings_;
  std::mutex load_mutex_;  // one load at a time; guards tried_
  bool tried_ = false;
  mutable std::mutex status_mutex_;  // guards the two below
  std::shared_ptr<const engine::Model> model_;
  std::optional<Error> problem_;
  ThreadPool background_;  // builds of the repository memory
  std::unique_ptr<Completer> completer_;
  std::atomic<bool> reads_facts_{true};  // of the completer; until it is there, of any
  CompletionTotals totals_;
};

// With a model that talks the agent works in steps with tools; otherwise it searches small edits.
Result<FixReport> run_fix(ResidentModel& resident, ChatModelSource& chats, const Settings& settings,
                          const FixQuery& query, const CancelToken& cancel) {
  agent::SolveOptions options;
  options.repo = query.repo;
  options.task = query.task;
  if (query.view.overlay)
    for (const auto& [path, document] : *query.view.overlay) options.unsaved[path] = *document.text;
  if (!query.test_command.empty())
    options.tests.command = query.test_command;
  else if (const std::string& test = settings.text("agent.test"); !test.empty())
    options.tests.command = test;
  options.tests.report_glob = settings.text("agent.test_report");
  ENGRAMD_CHECK(agent::check_report_glob(options.tests.report_glob));
  ENGRAMD_TRY(options.sandbox, agent::read_sandbox_mode(settings.text("agent.sandbox")));
  options.verify.diagnostics_source = language_server_factory();
  // In an editor a person sees the change before it stays: an unsure one is worth showing.
  options.limits.min_confidence = 0;
  options.parse_hosts = make_parse_hosts();
  options.progress = [&](const agent::FixProgress& p) {
    std::optional<uint32_t> percentage;
    if (p.total > 0) percentage = static_cast<uint32_t>(100 * p.done / p.total);
    if (query.progress)
      query.progress(p.stage + (p.detail.empty() ? "" : ": " + p.detail), percentage);
  };
  if (chats.ability().calls_tools) {
    ENGRAMD_TRY(options.model, chats.open());
    options.trajectory = agent::new_trajectory_path(state_folder());
    ENGRAMD_TRY(options.permissions, make_permissions(settings, "", query.repo, {}));
    // In an editor the whole change is reviewed before any of it is written: that is the question.
    if (options.permissions->mode() == agent::PermissionMode::ask) {
      ENGRAMD_TRY(options.permissions, make_permissions(settings, "accept-edits", query.repo, {}));
    }
  } else if (const auto model = resident.model(); model) {
    // The model is a help, not a need.
    if (auto repair = make_repair_model(*model); repair) {
      options.ranker = std::move(repair->ranker);
      options.infill = std::move(repair->infill);
    }
  }
  ENGRAMD_TRY(const agent::Report done, agent::solve(options, cancel));
  FixReport report;
  report.fixed =
      done.outcome == agent::Outcome::resolved || done.outcome == agent::Outcome::nothing_to_fix;
  report.patch = done.patch;
  report.report_json = to_json_text(done);
  const auto before = [&](const std::string& path) { return query.view.text(path); };
  if (!done.patch.empty()) {
    ENGRAMD_TRY(const auto changes, agent::apply_unified_diff(done.patch, before));
    for (const agent::FileChange& change : changes)
      if (change.after) report.files.push_back({change.path, change.before, *change.after});
  }
  return report;
}

}  // namespace

Ports make_ports(const Settings& settings) {
  auto resident = std::make_shared<ResidentModel>(settings);
  // The weights that complete are the agent's too when both are the same file.
  auto chats = std::make_shared<ChatModelSource>(
      settings,
      [resident, completes = model_for(settings, "complete")](
          const std::filesystem::path& file) -> Result<std::shared_ptr<const engine::Model>> {
        if (!completes || completes->is_endpoint() || completes->file != file) return nullptr;
        return resident->model();
      });
  Ports ports;
  ports.complete = [resident](const CompletionQuery& query, const CancelToken& cancel) {
    return resident->complete(query, cancel);
  };
  ports.completion_reads_facts = [resident] { return resident->reads_facts(); };
  ports.prepare_completion = [resident](const repoindex::View& view, const std::string& near) {
    resident->prepare(view, near);
  };
  ports.fix = [resident, chats, settings](const FixQuery& query, const CancelToken& cancel) {
    return run_fix(*resident, *chats, settings, query, cancel);
  };
  if (chats->ability().chats)
    ports.ask = [chats](const AskQuery& query, const CancelToken& cancel) {
      return ask_model(*chats, query, cancel);
    };
  ports.model_status = [resident] { return resident->status_json(); };
  return ports;
}

}  // namespace engramd::daemon
