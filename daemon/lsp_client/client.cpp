#include "daemon/lsp_client/client.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lsp/uri.h"

namespace engramd::daemon {
namespace {

using nlohmann::json;

constexpr size_t kMaxOpen = 40;
constexpr size_t kMaxDiagnostics = 1000;  // of one document

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string text_of(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number_integer()) return std::to_string(found->get<int64_t>());
  return {};
}

uint32_t number_of(const json& object, const char* name) {
  if (!object.is_object()) return 0;
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() &&
                 found->get<uint64_t>() < 0xFFFFFFFFu
             ? found->get<uint32_t>()
             : 0;
}

const json& member(const json& object, const char* name) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

json client_capabilities() {
  return {{"general", {{"positionEncodings", {"utf-8", "utf-16"}}}},
          {"workspace",
           {{"configuration", true},
            {"workspaceFolders", true},
            {"didChangeWatchedFiles", {{"dynamicRegistration", false}}}}},
          {"window", {{"workDoneProgress", false}}},
          {"textDocument",
           {{"synchronization", {{"dynamicRegistration", false}}},
            {"publishDiagnostics", {{"relatedInformation", false}, {"versionSupport", true}}},
            {"diagnostic", {{"dynamicRegistration", false}, {"relatedDocumentSupport", false}}}}}};
}

}  // namespace

LspClient::LspClient(std::unique_ptr<LspConnection> connection, LspClientOptions options)
    : connection_(std::move(connection)), options_(std::move(options)) {}

Error LspClient::with_name(Error error) const {
  return std::move(error).with(options_.server);
}

Status LspClient::notify(std::string_view method, const std::string& params,
                         Clock::time_point deadline, const CancelToken& cancel) {
  return connection_->send(lsp::notification_text(method, params), deadline, cancel);
}

Result<int64_t> LspClient::request(std::string_view method, const std::string& params,
                                   Clock::time_point deadline, const CancelToken& cancel) {
  const int64_t id = ++next_id_;
  ENGRAMD_CHECK(
      connection_->send(lsp::request_text(lsp::Id(id), method, params), deadline, cancel));
  return id;
}

Status LspClient::answer(const lsp::Message& message, Clock::time_point deadline,
                         const CancelToken& cancel) {
  if (!message.id) return {};
  std::string reply;
  if (message.method == "workspace/configuration") {
    // Nothing is configured here: the project's own files say what the server is to do.
    json results = json::array();
    const json& items = member(*message.params, "items");
    for (size_t i = 0; i < (items.is_array() ? std::min<size_t>(items.size(), 100) : 0); ++i)
      results.push_back(nullptr);
    reply = lsp::result_text(*message.id, dumped(results));
  } else if (message.method == "workspace/workspaceFolders") {
    reply = lsp::result_text(
        *message.id,
        dumped(json::array({{{"uri", lsp::uri_of_path(options_.root)}, {"name", "project"}}})));
  } else if (message.method == "client/registerCapability" ||
             message.method == "client/unregisterCapability" ||
             message.method == "window/workDoneProgress/create" ||
             message.method == "window/showMessageRequest" ||
             message.method.starts_with("workspace/") /* …/refresh */) {
    reply = message.method == "workspace/applyEdit"
                ? lsp::result_text(*message.id, R"({"applied":false})")
                : lsp::result_text(*message.id, "null");
  } else {
    reply = lsp::error_text(message.id, lsp::RpcError::method_not_found, message.method);
  }
  return connection_->send(reply, deadline, cancel);
}

Result<std::optional<lsp::Message>> LspClient::take(std::optional<int64_t> request,
                                                    Clock::time_point deadline,
                                                    const CancelToken& cancel) {
  ENGRAMD_TRY(const std::string text, connection_->receive(deadline, cancel));
  auto message = lsp::read_message(text);
  if (!message) return std::optional<lsp::Message>();  // nonsense of the server: passed over
  if (message->kind == lsp::MessageKind::request) {
    ENGRAMD_CHECK(answer(*message, deadline, cancel));
    return std::optional<lsp::Message>();
  }
  if (message->kind == lsp::MessageKind::response) {
    if (request && message->id == lsp::Id(*request)) return std::optional(std::move(*message));
    return std::optional<lsp::Message>();
  }
  if (message->method == "textDocument/publishDiagnostics") {
    const json& params = *message->params;
    const std::string uri = text_of(params, "uri");
    // Escapes may be written in another way than ours; only documents that we have shown count.
    const auto path = lsp::path_of_uri(uri);
    const std::string known = path ? lsp::uri_of_path(*path) : uri;
    if (open_.contains(known)) {
      Published& out = published_[known];
      ++out.number;
      const json& version = member(params, "version");
      out.version =
          version.is_number_integer() ? std::optional(version.get<int64_t>()) : std::nullopt;
      const auto relative = path ? path->lexically_relative(options_.root).string() : uri;
      out.diagnostics = read_items(member(params, "diagnostics"), relative);
    }
  }
  return std::optional<lsp::Message>();
}

Result<lsp::Message> LspClient::response(int64_t request, Clock::time_point deadline,
                                         const CancelToken& cancel) {
  for (;;) {
    ENGRAMD_TRY(std::optional<lsp::Message> message, take(request, deadline, cancel));
    if (message) return std::move(*message);
  }
}

Status LspClient::initialize(Clock::time_point deadline, const CancelToken& cancel) {
  const std::string uri = lsp::uri_of_path(options_.root);
  json params = {{"processId", nullptr},
                 {"clientInfo", {{"name", "engramd"}}},
                 {"rootUri", uri},
                 {"rootPath", options_.root.string()},
                 {"workspaceFolders", json::array({{{"uri", uri}, {"name", "project"}}})},
                 {"capabilities", client_capabilities()}};
  if (!options_.initialization_options.empty())
    params["initializationOptions"] = json::parse(options_.initialization_options, nullptr, false);
  const auto started = [&]() -> Status {
    ENGRAMD_TRY(const int64_t id, request("initialize", dumped(params), deadline, cancel));
    ENGRAMD_TRY(const lsp::Message reply, response(id, deadline, cancel));
    if (reply.error_message)
      return fail(ErrorCode::unavailable, "refused to start: " + *reply.error_message);
    const json& capabilities = member(*reply.result, "capabilities");
    pull_ = member(capabilities, "diagnosticProvider").is_object();
    ENGRAMD_CHECK(notify("initialized", "{}", deadline, cancel));
    return notify("workspace/didChangeConfiguration", R"({"settings":{}})", deadline, cancel);
  }();
  if (!started) return fail(with_name(started.error()));
  initialized_ = true;
  return {};
}

Status LspClient::show(const std::string& uri, const std::string& language_id,
                       const std::string& text, Clock::time_point deadline,
                       const CancelToken& cancel) {
  if (const auto known = open_.find(uri); known != open_.end()) {
    const int64_t version = ++known->second;
    return notify("textDocument/didChange",
                  dumped({{"textDocument", {{"uri", uri}, {"version", version}}},
                          {"contentChanges", json::array({{{"text", text}}})}}),
                  deadline, cancel);
  }
  if (opened_.size() >= kMaxOpen) {
    const std::string oldest = opened_.front();
    opened_.erase(opened_.begin());
    open_.erase(oldest);
    published_.erase(oldest);
    ENGRAMD_CHECK(notify("textDocument/didClose", dumped({{"textDocument", {{"uri", oldest}}}}),
                         deadline, cancel));
  }
  open_[uri] = 1;
  opened_.push_back(uri);
  return notify(
      "textDocument/didOpen",
      dumped({{"textDocument",
               {{"uri", uri}, {"languageId", language_id}, {"version", 1}, {"text", text}}}}),
      deadline, cancel);
}

Result<std::vector<agent::Diagnostic>> LspClient::diagnostics(const std::string& path,
                                                              const std::string& language_id,
                                                              const std::string& text,
                                                              Clock::time_point deadline,
                                                              const CancelToken& cancel) {
  const std::string uri = lsp::uri_of_path(options_.root / path);
  const uint64_t before = published_[uri].number;
  if (Status shown = show(uri, language_id, text, deadline, cancel); !shown)
    return fail(with_name(shown.error()));
  auto found =
      pull_ ? asked(path, uri, deadline, cancel) : published(uri, before, deadline, cancel);
  if (!found) return fail(with_name(found.error()));
  return found;
}

Result<std::vector<agent::Diagnostic>> LspClient::asked(const std::string& path,
                                                        const std::string& uri,
                                                        Clock::time_point deadline,
                                                        const CancelToken& cancel) {
  constexpr int kContentModified = -32801, kServerCancelled = -32802;
  for (;;) {
    ENGRAMD_TRY(const int64_t id,
                request("textDocument/diagnostic", dumped({{"textDocument", {{"uri", uri}}}}),
                        deadline, cancel));
    ENGRAMD_TRY(const lsp::Message reply, response(id, deadline, cancel));
    if (!reply.error_message) return read_items(member(*reply.result, "items"), path);
    // It was interrupted by news of its own: once more, for as long as we may wait.
    if (reply.error_code == kContentModified || reply.error_code == kServerCancelled) continue;
    return fail(ErrorCode::unsupported, *reply.error_message);
  }
}

Result<std::vector<agent::Diagnostic>> LspClient::published(const std::string& uri,
                                                            uint64_t number_before,
                                                            Clock::time_point deadline,
                                                            const CancelToken& cancel) {
  const int64_t version = open_[uri];
  uint64_t seen = number_before;
  const Clock::time_point start = Clock::now();
  std::optional<Clock::time_point> quiet_until;  // set once something may be the answer
  // Such a server may say nothing when nothing has changed: then what it said last still holds,
  // once it has had as long as it ever needed.
  if (number_before > 0 && !published_[uri].version)
    quiet_until = start + std::max<Clock::duration>(options_.unchanged, 2 * slowest_);
  for (;;) {
    const Published& now = published_[uri];
    if (now.number > seen) {
      seen = now.number;
      if (now.version && *now.version >= version) return now.diagnostics;
      slowest_ = std::max(slowest_, Clock::now() - start);
      if (!now.version) quiet_until = Clock::now() + options_.settle;
    }
    auto taken =
        take(std::nullopt, quiet_until ? std::min(*quiet_until, deadline) : deadline, cancel);
    if (taken) continue;
    if (taken.error().code == ErrorCode::exhausted && quiet_until && !cancel.cancelled())
      return published_[uri].diagnostics;
    return fail(taken.error());
  }
}

std::vector<agent::Diagnostic> LspClient::read_items(const json& items,
                                                     const std::string& path) const {
  std::vector<agent::Diagnostic> out;
  if (!items.is_array()) return out;
  for (const json& item : items) {
    if (out.size() == kMaxDiagnostics) break;
    if (!item.is_object()) continue;
    agent::Diagnostic one;
    one.path = path;
    const json& start = member(member(item, "range"), "start");
    one.line = number_of(start, "line");
    one.column = number_of(start, "character");
    const uint32_t severity = number_of(item, "severity");
    one.severity = severity >= 2 && severity <= 4 ? static_cast<agent::Severity>(severity - 1)
                                                  : agent::Severity::error;
    one.message = text_of(item, "message");
    one.source = text_of(item, "source");
    one.code = text_of(item, "code");
    if (one.source.empty()) one.source = options_.server;
    out.push_back(std::move(one));
  }
  return out;
}

void LspClient::end() {
  if (!initialized_) return;
  initialized_ = false;
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(300);
  if (auto id = request("shutdown", "", deadline, {})) (void)response(*id, deadline, {});
  (void)notify("exit", "", deadline, {});
}

}  // namespace engramd::daemon
