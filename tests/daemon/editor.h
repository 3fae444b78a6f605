// tests/daemon/editor.h - an editor in the test's hands, talking to a session over memory.
//
// Services, index, session and binder are the real ones; only the wire is not. Requests wait up
// to 30 s for their answer. Requests from the server are answered by the test's responder.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "daemon/server/services.h"
#include "daemon/session/connection.h"
#include "lsp/transport.h"
#include "tests/daemon/message_log.h"
#include "tests/support/workspace.h"

namespace engramd::test {

using nlohmann::json;

struct EditorOptions {
  std::vector<std::string> encodings = {"utf-16"};
  json capabilities = json::object();  // merged into those that the encodings make
  bool with_root = true;
  bool initialize = true;
  daemon::Ports ports;
};

class Editor {
 public:
  explicit Editor(const Workspace& workspace, EditorOptions options = {});
  // A second attachment to the same process.
  Editor(Editor& first, const Workspace& workspace, EditorOptions options = {});
  ~Editor();

  // ---- requests
  int begin(const std::string& method, const json& params);
  json end(int id);                                         // the whole response
  json ask(const std::string& method, const json& params);  // the result; throws on an error
  void notify(const std::string& method, const json& params);
  bool answered(int id);
  // The next message breaks the rules of LSP on purpose; the judge of the messages excuses it.
  Editor& broken() {
    next_is_broken_ = true;
    return *this;
  }

  // ---- shorthands
  std::string uri(const std::string& path) const;
  void open(const std::string& path);
  void open_text(const std::string& path, const std::string& text, int version = 1);
  // Replaces from..to (line, character in the negotiated units).
  void edit(const std::string& path, int version, std::array<int, 4> range,
            const std::string& text);
  json at(const std::string& path, int line, int character) const;  // TextDocumentPositionParams
  // Where <|> of the workspace is, in this editor's units.
  json at_cursor() const;

  void wait_for_index();
  json& initialize_result() { return initialize_result_; }
  daemon::Services& services() { return *services_; }

  // What the server sent, in order: requests and notifications with this method.
  std::vector<json> received(const std::string& method);
  json wait_for(const std::string& method,
                const std::function<bool(const json& params)>& fits = {});
  std::function<json(const json& request)>
      responder;                   // result for a server request; null by default
  std::optional<int> exit_code();  // waits a moment for it
  bool settled();                  // waits until the connection has ended

 private:
  void connect(EditorOptions options);
  bool on_message(const std::string& text);
  void send(const json& message);

  const Workspace& workspace_;
  std::shared_ptr<TemporaryFolder> cache_;
  std::shared_ptr<daemon::Services> services_;
  json initialize_result_;
  std::string encoding_ = "utf-16";
  MessageLog log_;
  bool next_is_broken_ = false;  // the test's thread

  std::mutex mutex_;  // guards all below: the wire's thread fills them
  std::condition_variable changed_;
  std::map<int, json> responses_;
  std::vector<json> received_;
  int next_id_ = 1;
  std::optional<int> exit_code_;
  // The last member, so that its thread has ended before what it fills goes away.
  std::shared_ptr<lsp::Transport> wire_;
};

}  // namespace engramd::test
