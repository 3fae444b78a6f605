#include "lsp/protocol/inlay_hint.h"

#include <nlohmann/json.hpp>

#include "lsp/json_reader.h"

namespace engramd::lsp {
namespace {
constexpr int kParameter = 2;
}

Status read(const nlohmann::json& json, InlayHintParams& out) {
  return reader::reading(json, [&] {
    out.uri = reader::document_uri(json);
    out.range = reader::range_at(json, "range");
  });
}

Status read(const nlohmann::json& json, ResolveInlayHintParams& out) {
  return reader::reading(json, [&] {
    reader::position_at(json, "position");
    out.hint = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    const auto& data = reader::member(json, "data");
    if (!data.is_object()) return;
    out.data.uri = reader::optional_string(data, "uri");
    out.data.path = reader::optional_string(data, "path");
    if (reader::present(data, "symbol")) out.data.symbol = reader::integer_at(data, "symbol");
  });
}

std::string write(const InlayHintResult& result) {
  JsonWriter json;
  json.begin_array();
  for (const InlayHint& hint : result.hints) {
    json.begin_object().key("position");
    put(json, hint.position);
    json.field("label", hint.label).field("kind", kParameter).field("paddingRight", true);
    if (result.with_data) {
      json.key("data").begin_object().field("uri", hint.data.uri).field("path", hint.data.path);
      json.field("symbol", hint.data.symbol).end_object();
    }
    json.end_object();
  }
  return json.end_array().take();
}

std::string write(const ResolveInlayHintResult& result) {
  nlohmann::json hint = nlohmann::json::parse(result.hint, nullptr, false);
  if (!hint.is_object()) hint = nlohmann::json::object();
  if (result.tooltip) {
    JsonWriter json;
    put(json, *result.tooltip);
    hint["tooltip"] = nlohmann::json::parse(json.take());
  }
  return hint.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace engramd::lsp
