#include "daemon/server/services.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "lsp/json_writer.h"
#include "repoindex/parse_hosts.h"

namespace engramd::daemon {
namespace {

using Seconds = std::chrono::duration<double>;

uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

double seconds_since(std::chrono::steady_clock::time_point then) {
  return Seconds(std::chrono::steady_clock::now() - then).count();
}

void put(lsp::JsonWriter& json, const SharedIndex::State& state) {
  json.begin_object().field("root", state.root.string());
  json.field("complete", state.complete).field("working", state.working);
  json.field("pending_paths", state.n_pending_paths);
  json.field("progress_done", state.progress.done).field("progress_total", state.progress.total);
  json.field("files", state.stats.n_files).field("indexed", state.stats.n_indexed);
  json.field("lines", state.stats.n_lines).field("symbols", state.stats.n_symbols);
  json.field("cache_bytes", state.stats.cache_bytes).field("git", state.stats.is_git);
  json.key("refresh_s").real(state.stats.wall_s);
  json.key("age_s");
  if (state.refreshed) {
    json.real(seconds_since(*state.refreshed));
  } else {
    json.null();
  }
  if (!state.last_error.empty()) json.field("error", state.last_error);
  json.key("notes").begin_array();
  for (const std::string& note : state.stats.notes) json.string(note);
  json.end_array().end_object();
}

void put(lsp::JsonWriter& json, const AttachmentStatus& status) {
  json.begin_object().field("client", status.client).field("client_version", status.client_version);
  json.key("roots").begin_array();
  for (const std::string& root : status.roots) json.string(root);
  json.end_array();
  json.field("open_documents", status.n_open_documents);
  json.field("document_bytes", status.document_bytes);
  json.field("open_requests", status.n_open_requests);
  json.key("age_s").real(status.age_s).end_object();
}

}  // namespace

Services::Services(Options options)
    : ports(std::move(options.ports)),
      suggestions(std::move(options.suggestion_counts)),
      build_(std::move(options.build)),
      // Two roots may be indexed at once; a third waits. Each refresh has threads of its own.
      index_pool_(std::make_unique<ThreadPool>(2, 256)),
      workspaces(*index_pool_, std::move(options.index)),
      strands(std::clamp<size_t>(hardware_threads(), 2, 8), 4096),
      queries(std::clamp<size_t>(hardware_threads(), 2, 8), 1024),
      completions(1, 64),
      tasks(2, 16) {}

Services::~Services() {
  stop();
}

void Services::stop() {
  workspaces.stop();
}

uint64_t Services::announce(std::function<AttachmentStatus()> describe) {
  std::lock_guard lock(mutex_);
  attachments_[next_id_] = std::move(describe);
  return next_id_++;
}

void Services::forget(uint64_t id) {
  std::lock_guard lock(mutex_);
  attachments_.erase(id);
}

size_t Services::n_attachments() const {
  std::lock_guard lock(mutex_);
  return attachments_.size();
}

std::string Services::status_json() const {
  std::vector<AttachmentStatus> attachments;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, describe] : attachments_) attachments.push_back(describe());
  }
  size_t document_bytes = 0;
  for (const AttachmentStatus& one : attachments) document_bytes += one.document_bytes;

  lsp::JsonWriter json;
  json.begin_object().field("pid", ::getpid()).field("version", ENGRAMD_VERSION);
  json.field("build", build_).key("uptime_s").real(seconds_since(started_));
  json.key("attachments").begin_array();
  for (const AttachmentStatus& one : attachments) put(json, one);
  json.end_array().key("workspaces").begin_array();
  for (const SharedIndex::State& state : workspaces.states()) put(json, state);
  json.end_array().key("memory").begin_object();
  json.field("resident_bytes", resident_bytes()).field("document_bytes", document_bytes);
  json.end_object();
  if (workspaces.parse_hosts() != nullptr) {
    const repoindex::ParseHosts::State hosts = workspaces.parse_hosts()->state();
    json.key("parse_hosts").begin_object().field("running", hosts.n_hosts);
    json.field("resident_bytes", hosts.memory_bytes).field("started", hosts.n_started);
    json.field("failures", hosts.n_failures).field("quarantined", hosts.n_quarantined);
    json.end_object();
  }
  json.key("methods").begin_array();
  for (const MethodStats::Row& row : stats.rows()) {
    json.begin_object()
        .field("method", row.method)
        .field("count", row.n)
        .field("failed", row.n_failed);
    json.key("p50_ms").real(row.p50_ms).key("p99_ms").real(row.p99_ms);
    json.key("max_ms").real(row.max_ms).end_object();
  }
  json.end_array();
  if (ports.complete) json.key("suggestions").raw(suggestions.status_json());
  json.key("model");
  if (ports.model_status) {
    json.raw(ports.model_status());
  } else {
    json.null();
  }
  return json.end_object().take();
}

}  // namespace engramd::daemon
