// daemon/http/call.h - what an endpoint is called with, and the endpoints there are.
//
// An endpoint is one function in endpoints/, one row in routes.cpp. Those that need the model get
// it; it stays alive as long as a call holds it. What an endpoint hands to the room must not hold
// the model: the room is the model's, and ends before the rest of it.
#pragma once

#include <memory>
#include <string>

#include "daemon/http/exchange.h"
#include "daemon/http/metrics.h"
#include "daemon/serve/model_room.h"
#include "engine/api/chat_turn.h"
#include "engine/api/grammar.h"
#include "engine/api/model.h"

namespace engramd::daemon::http {

struct ServedModel {
  std::string id;
  int64_t created = 0;  // Unix time
  std::shared_ptr<const engine::Model> model;
  const engine::chat::Dialect* dialect = nullptr;
  std::shared_ptr<const engine::grammar::TokenTrie> trie;  // of the model's tokenizer
  std::shared_ptr<engine::chat::ConstraintCache> constraints;
  std::unique_ptr<serve::ModelRoom> room;  // last: its threads use the others
};

struct Call {
  Request request;
  std::shared_ptr<Exchange> exchange;
  std::shared_ptr<const ServedModel> model;  // null only for routes that do without
  const Metrics& metrics;
};

// With everything but the room; the dialect is recognised unless one is given.
std::shared_ptr<ServedModel> make_served_model(std::shared_ptr<const engine::Model> model,
                                               std::string id,
                                               const engine::chat::Dialect* dialect = nullptr);

void serve_health(Call call);
void serve_models(Call call);
void serve_model(Call call);
void serve_chat_completions(Call call);
void serve_completions(Call call);
void serve_infill(Call call);
void serve_tokenize(Call call);
void serve_detokenize(Call call);
void serve_metrics(Call call);
void serve_not_offered(Call call);

}  // namespace engramd::daemon::http
