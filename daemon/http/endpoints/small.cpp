// The endpoints that generate nothing: health, models, tokens, metrics, and what is not offered.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "daemon/http/api_error.h"
#include "daemon/http/call.h"
#include "daemon/http/field_reader.h"

namespace engramd::daemon::http {
namespace {

using nlohmann::json;

void answer(const Call& call, const json& body, int status = 200) {
  Reply reply;
  reply.status = status;
  reply.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  call.exchange->reply(std::move(reply));
}

json model_json(const ServedModel& served) {
  const engine::ModelInfo& info = served.model->info();
  return {{"id", served.id},
          {"object", "model"},
          {"created", served.created},
          {"owned_by", "engramd"},
          {"meta",
           {{"architecture", info.architecture},
            {"n_params", info.n_parameters},
            {"n_params_active", info.n_active_parameters},
            {"size", info.file_bytes},
            {"n_vocab", info.n_vocab},
            {"n_embd", info.d_model},
            {"n_ctx_train", info.context_length},
            {"n_ctx", served.room->context()},
            {"dialect", served.dialect->name()}}}};
}

}  // namespace

void serve_health(Call call) {
  if (call.model) return answer(call, {{"status", "ok"}});
  answer(call, {{"status", "loading model"}}, 503);
}

void serve_models(Call call) {
  answer(call, {{"object", "list"}, {"data", json::array({model_json(*call.model)})}});
}

void serve_model(Call call) {
  constexpr std::string_view kPrefix = "/v1/models/";
  const std::string id = call.request.path.substr(kPrefix.size());
  if (id == call.model->id) return answer(call, model_json(*call.model));
  call.exchange->reply(
      to_reply({404, "there is no model \"" + id + "\" here, only \"" + call.model->id + "\"",
                "model", "model_not_found", 0}));
}

// {"content", "parse_special"?, "with_pieces"?} -> {"tokens"}
void serve_tokenize(Call call) {
  const auto body = parse_body(call.request.body);
  if (!body) return call.exchange->reply(to_reply(body.error()));
  FieldReader fields(*body);
  const std::string text = fields.text("content");
  const bool specials = fields.boolean("parse_special", true);
  const bool pieces = fields.boolean("with_pieces", false);
  if (fields.find("content") == nullptr) fields.complain("content", "expected a string");
  if (fields.problem()) return call.exchange->reply(to_reply(*fields.problem()));
  const engine::Tokenizer& tokenizer = call.model->model->tokenizer();
  const auto tokens = specials ? tokenizer.encode_with_specials(text) : tokenizer.encode(text);
  if (!pieces) return answer(call, {{"tokens", tokens}});
  json list = json::array();
  for (const engine::TokenId token : tokens) {
    const std::string_view bytes = tokenizer.spelling(token);
    // A part of a character is no string.
    json piece = utf8_valid(bytes) ? json(bytes) : json::array();
    if (piece.is_array())
      for (const char c : bytes) piece.push_back(static_cast<unsigned char>(c));
    list.push_back({{"id", token}, {"piece", std::move(piece)}});
  }
  answer(call, {{"tokens", std::move(list)}});
}

// {"tokens"} -> {"content"}
void serve_detokenize(Call call) {
  const auto body = parse_body(call.request.body);
  if (!body) return call.exchange->reply(to_reply(body.error()));
  FieldReader fields(*body);
  const json* list = fields.find("tokens");
  std::string text;
  if (list == nullptr || !list->is_array()) fields.complain("tokens", "expected a list of ids");
  const engine::Tokenizer& tokenizer = call.model->model->tokenizer();
  if (!fields.problem())
    for (const json& item : *list) {
      const int64_t id = item.is_number_integer() ? item.get<int64_t>() : -1;
      if (id < 0 || id >= int64_t(tokenizer.n_vocab())) {
        fields.complain("tokens", item.dump().substr(0, 40) + " is not an id below " +
                                      std::to_string(tokenizer.n_vocab()));
        break;
      }
      text += tokenizer.spelling(engine::TokenId(id));
    }
  if (fields.problem()) return call.exchange->reply(to_reply(*fields.problem()));
  answer(call, {{"content", utf8_sanitized(text)}});
}

void serve_metrics(Call call) {
  Reply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = call.metrics.text(call.model ? call.model->room.get() : nullptr);
  call.exchange->reply(std::move(reply));
}

void serve_not_offered(Call call) {
  call.exchange->reply(
      to_reply({501, call.request.path + " is not offered by engramd", "", "not_implemented", 0}));
}

}  // namespace engramd::daemon::http
