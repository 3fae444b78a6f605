#include "tests/daemon/editor.h"

#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

#include "lsp/protocol/life_cycle.h"
#include "lsp/uri.h"

namespace engramd::test {
namespace {

constexpr std::chrono::seconds kPatience{30};

std::shared_ptr<TemporaryFolder> new_folder() {
  auto folder = TemporaryFolder::make("engramd-cache");
  if (!folder) throw std::runtime_error(folder.error().message);
  return std::make_shared<TemporaryFolder>(std::move(*folder));
}

PositionEncoding encoding_named(const std::string& name) {
  return lsp::chosen_encoding({name});
}

// What an editor without a mind of its own says; null where LSP allows it.
json default_answer(const json& request) {
  const std::string method = request["method"];
  if (method == "workspace/configuration")
    return json::array_t(request["params"]["items"].size(), nullptr);
  if (method == "workspace/applyEdit") return {{"applied", false}};
  if (method == "window/showDocument") return {{"success", false}};
  return nullptr;
}

}  // namespace

Editor::Editor(const Workspace& workspace, EditorOptions options)
    : workspace_(workspace), cache_(new_folder()) {
  daemon::Services::Options services;
  services.ports = options.ports;
  services.index.cache_folder = cache_->path();
  services.build = "test";
  services_ = std::make_shared<daemon::Services>(std::move(services));
  connect(std::move(options));
}

Editor::Editor(Editor& first, const Workspace& workspace, EditorOptions options)
    : workspace_(workspace), cache_(first.cache_), services_(first.services_) {
  connect(std::move(options));
}

void Editor::connect(EditorOptions options) {
  auto [ours, theirs] = lsp::make_memory_transport();
  wire_ = ours;
  daemon::Connection::serve(*services_, theirs, {}, [this](int code) {
    std::lock_guard lock(mutex_);
    exit_code_ = code;
    changed_.notify_all();
  });
  wire_->start({[this](std::string text) { return on_message(text); }, [](const Status&) {}});
  if (!options.initialize) return;
  json capabilities = {{"general", {{"positionEncodings", options.encodings}}}};
  if (options.encodings.empty()) capabilities = json::object();
  capabilities.merge_patch(options.capabilities);
  json params = {{"processId", nullptr}, {"rootUri", nullptr}, {"capabilities", capabilities}};
  if (options.with_root)
    params["workspaceFolders"] =
        json::array({{{"uri", lsp::uri_of_path(workspace_.root())}, {"name", "test"}}});
  initialize_result_ = ask("initialize", params);
  encoding_ = initialize_result_["capabilities"]["positionEncoding"];
  notify("initialized", json::object());
  if (options.with_root) wait_for_index();
}

Editor::~Editor() {
  wire_->close();
  settled();
}

bool Editor::on_message(const std::string& text) {
  log_.server(text);
  json message = json::parse(text);
  json answer;
  bool is_request = false;
  {
    std::lock_guard lock(mutex_);
    if (message.contains("method")) {
      received_.push_back(message);
      is_request = message.contains("id");
    } else if (message["id"].is_number_integer()) {
      const int id = message["id"];
      // Twice is the one thing that must never happen.
      if (responses_.count(id) > 0) std::terminate();
      responses_[id] = message;
    }
    changed_.notify_all();
  }
  if (is_request) {
    answer = responder ? responder(message) : json();
    if (answer.is_null()) answer = default_answer(message);
    const std::string said =
        json({{"jsonrpc", "2.0"}, {"id", message["id"]}, {"result", answer}}).dump();
    log_.client(said);
    wire_->send(said);
  }
  return true;
}

int Editor::begin(const std::string& method, const json& params) {
  int id = 0;
  {
    std::lock_guard lock(mutex_);
    id = next_id_++;
  }
  json message = {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}};
  if (!params.is_null()) message["params"] = params;
  send(message);
  return id;
}

void Editor::send(const json& message) {
  const std::string text = message.dump();
  log_.client(text, std::exchange(next_is_broken_, false));
  wire_->send(text);
}

json Editor::end(int id) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [&] { return responses_.count(id) > 0; }))
    throw std::runtime_error("no answer to request " + std::to_string(id));
  return responses_[id];
}

bool Editor::answered(int id) {
  std::lock_guard lock(mutex_);
  return responses_.count(id) > 0;
}

json Editor::ask(const std::string& method, const json& params) {
  const json response = end(begin(method, params));
  if (response.contains("error"))
    throw std::runtime_error(method + ": " + response["error"].dump());
  return response["result"];
}

void Editor::notify(const std::string& method, const json& params) {
  json message = {{"jsonrpc", "2.0"}, {"method", method}};
  if (!params.is_null()) message["params"] = params;
  send(message);
}

std::string Editor::uri(const std::string& path) const {
  return lsp::uri_of_path(workspace_.path(path));
}

void Editor::open(const std::string& path) {
  open_text(path, workspace_.read(path));
}

void Editor::open_text(const std::string& path, const std::string& text, int version) {
  notify("textDocument/didOpen", {{"textDocument",
                                   {{"uri", path.find(':') == std::string::npos ? uri(path) : path},
                                    {"languageId", "python"},
                                    {"version", version},
                                    {"text", text}}}});
}

void Editor::edit(const std::string& path, int version, std::array<int, 4> range,
                  const std::string& text) {
  notify("textDocument/didChange", {{"textDocument", {{"uri", uri(path)}, {"version", version}}},
                                    {"contentChanges",
                                     {{{"range",
                                        {{"start", {{"line", range[0]}, {"character", range[1]}}},
                                         {"end", {{"line", range[2]}, {"character", range[3]}}}}},
                                       {"text", text}}}}});
}

json Editor::at(const std::string& path, int line, int character) const {
  return {{"textDocument", {{"uri", path.find(':') == std::string::npos ? uri(path) : path}}},
          {"position", {{"line", line}, {"character", character}}}};
}

json Editor::at_cursor() const {
  const Cursor& cursor = workspace_.cursor();
  const std::string text = workspace_.read(cursor.path);
  const LineIndex lines(text);
  const LineColumn place = lines.position(cursor.offset);
  return at(cursor.path, static_cast<int>(place.line),
            static_cast<int>(lines.column_in(encoding_named(encoding_), place, text)));
}

void Editor::wait_for_index() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto states = services_->workspaces.states();
    bool ready = !states.empty();
    for (const auto& state : states) ready &= state.complete && !state.working;
    if (ready) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  throw std::runtime_error("the index did not get ready");
}

std::vector<json> Editor::received(const std::string& method) {
  std::lock_guard lock(mutex_);
  std::vector<json> out;
  for (const json& message : received_)
    if (message["method"] == method) out.push_back(message);
  return out;
}

json Editor::wait_for(const std::string& method, const std::function<bool(const json&)>& fits) {
  json found;
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait_for(lock, kPatience, [&] {
    for (const json& message : received_) {
      if (message["method"] != method || (fits && !fits(message["params"]))) continue;
      found = message;
      return true;
    }
    return false;
  });
  if (!came) throw std::runtime_error("the server never sent " + method);
  return found;
}

std::optional<int> Editor::exit_code() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [&] { return exit_code_.has_value(); });
  return exit_code_;
}

bool Editor::settled() {
  return exit_code().has_value();
}

}  // namespace engramd::test
