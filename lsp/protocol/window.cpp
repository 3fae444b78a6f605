#include "lsp/protocol/window.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {
namespace {

std::string progress(const std::string& token, JsonWriter value) {
  return partial_result(token, value.end_object().take());
}

}  // namespace

Status read(const nlohmann::json& json, WorkDoneCancelParams& out) {
  return reader::reading(json, [&] {
    out.token = reader::token_at(json, "token");
    if (out.token.empty())
      reader::refuse("token", "a string or an integer", reader::member(json, "token"));
  });
}

std::string write(const CreateProgressParams& params) {
  JsonWriter json;
  return json.begin_object().key("token").raw(params.token).end_object().take();
}

std::string write(const ProgressBegin& params) {
  JsonWriter json;
  json.begin_object().field("kind", "begin").field("title", params.title);
  json.field("cancellable", params.cancellable);
  if (!params.message.empty()) json.field("message", params.message);
  if (params.percentage) json.field("percentage", *params.percentage);
  return progress(params.token, std::move(json));
}

std::string write(const ProgressReport& params) {
  JsonWriter json;
  json.begin_object().field("kind", "report");
  if (!params.message.empty()) json.field("message", params.message);
  if (params.percentage) json.field("percentage", *params.percentage);
  return progress(params.token, std::move(json));
}

std::string write(const ProgressEnd& params) {
  JsonWriter json;
  json.begin_object().field("kind", "end");
  if (!params.message.empty()) json.field("message", params.message);
  return progress(params.token, std::move(json));
}

std::string write(const ShowMessageParams& params) {
  JsonWriter json;
  return json.begin_object()
      .field("type", static_cast<int>(params.type))
      .field("message", params.message)
      .end_object()
      .take();
}

std::string write(const ShowDocumentParams& params) {
  JsonWriter json;
  json.begin_object().field("uri", params.uri);
  if (params.external) json.field("external", true);
  json.field("takeFocus", params.take_focus);
  if (params.selection) {
    json.key("selection");
    put(json, *params.selection);
  }
  return json.end_object().take();
}

}  // namespace engramd::lsp
