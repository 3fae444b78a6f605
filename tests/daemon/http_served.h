// tests/daemon/http_served.h - a served random model on a real port, and requests to it.
//
// The model is the same in every test: greedy answers can be compared between servers.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/http/service.h"
#include "tests/engine/model_writer.h"

namespace engramd::test {

struct Answered {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string text;
  nlohmann::json body;  // of an answer that is JSON
  std::string header(const std::string& name) const;
};

struct ServedOptions {
  daemon::http::ServiceOptions service;
  daemon::serve::RoomOptions room;
  bool with_model = true;
  ServedOptions() {
    service.no_key = true;
    room.context = 4096;
  }
};

class Served {
 public:
  explicit Served(const ServedOptions& options = {});

  Answered get(const std::string& path,
               std::vector<std::pair<std::string, std::string>> headers = {});
  Answered post(const std::string& path, const nlohmann::json& body,
                std::vector<std::pair<std::string, std::string>> headers = {});
  Answered post_text(const std::string& path, std::string body,
                     std::vector<std::pair<std::string, std::string>> headers = {});
  // The events of a streamed answer, without the last "[DONE]", which must be there if `done`.
  std::vector<nlohmann::json> stream(const std::string& path, nlohmann::json body,
                                     bool done = true);
  std::string url(const std::string& path) const;
  // A connected socket, closed by its owner.
  int connect() const;
  daemon::serve::RoomFigures figures() const { return model->room->figures(); }
  // Polls for up to ten seconds.
  bool eventually(const std::function<bool()>& condition) const;

  std::shared_ptr<daemon::http::ServedModel> model;
  std::unique_ptr<daemon::http::Service> service;  // first to go: its exchanges use the model
};

std::shared_ptr<const engine::Model> random_served_model();

// A whole POST of a chat whose answer is some minutes long, as bytes for a socket: a grammar does
// not let it end.
std::string endless_request(bool stream);

}  // namespace engramd::test
