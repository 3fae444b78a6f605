#include "lsp/protocol/code_action.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lsp/json_reader.h"

namespace engramd::lsp {
namespace {

constexpr int kLlmGenerated = 1;  // CodeActionTag

void put(JsonWriter& json, const CodeActionData& data) {
  json.begin_object().field("what", data.what).field("uri", data.uri).key("position");
  lsp::put(json, data.position);
  json.end_object();
}

void put(JsonWriter& json, const CodeAction& action, bool tags) {
  json.begin_object().field("title", action.title).field("kind", action.kind);
  if (action.by_model && tags) json.key("tags").begin_array().number(kLlmGenerated).end_array();
  if (action.command) {
    json.key("command");
    lsp::put(json, *action.command);
  }
  if (action.edit) {
    json.key("edit");
    lsp::put(json, *action.edit);
  }
  if (action.data) {
    json.key("data");
    put(json, *action.data);
  }
  json.end_object();
}

}  // namespace

bool kind_is_wanted(const std::vector<std::string>& only, const std::string& kind) {
  return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& wanted) {
           return wanted.empty() || kind == wanted ||
                  (kind.size() > wanted.size() && kind[wanted.size()] == '.' &&
                   kind.compare(0, wanted.size(), wanted) == 0);
         });
}

Status read(const nlohmann::json& json, CodeActionParams& out) {
  return reader::reading(json, [&] {
    out.uri = reader::document_uri(json);
    out.range = reader::range_at(json, "range");
    out.only = reader::strings_at(reader::object_at(json, "context"), "only");
  });
}

Status read(const nlohmann::json& json, CodeActionResolveParams& out) {
  return reader::reading(json, [&] {
    out.action = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    const nlohmann::json& data = reader::object_at(json, "data");
    out.data = {reader::string_at(data, "what"), reader::string_at(data, "uri"),
                reader::position_at(data, "position")};
  });
}

std::string write(const CodeActionResult& result) {
  JsonWriter json;
  json.begin_array();
  for (const CodeAction& action : result.actions) {
    if (result.literals) {
      put(json, action, result.tags);
    } else if (action.command) {
      lsp::put(json, *action.command);
    }
  }
  return json.end_array().take();
}

std::string write(const CodeActionResolveResult& result) {
  nlohmann::json action = nlohmann::json::parse(result.action, nullptr, false);
  if (!result.edit || !action.is_object()) return result.action;
  JsonWriter json;
  put(json, *result.edit);
  action["edit"] = nlohmann::json::parse(json.text(), nullptr, false);
  return action.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace engramd::lsp
