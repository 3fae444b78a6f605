#include "lsp/protocol/signature_help.h"

#include <nlohmann/json.hpp>

#include "lsp/json_reader.h"

namespace engramd::lsp {

Status read(const nlohmann::json& json, SignatureHelpParams& out) {
  return reader::reading(json, [&] {
    out.uri = reader::document_uri(json);
    out.position = reader::position_at(json, "position");
    const auto& context = reader::member(json, "context");
    out.is_retrigger = reader::flag(context, "isRetrigger");
    const auto& shown = reader::member(context, "activeSignatureHelp");
    const auto& signatures = reader::member(shown, "signatures");
    const size_t active = reader::present(shown, "activeSignature")
                              ? reader::uinteger_at(shown, "activeSignature")
                              : 0;
    if (signatures.is_array() && active < signatures.size()) {
      out.shown_label = reader::optional_string(signatures[active], "label");
    }
  });
}

std::string write(const SignatureHelpResult& result) {
  if (!result.help) return "null";
  JsonWriter json;
  json.begin_object().key("signatures").begin_array();
  for (const SignatureInformation& signature : result.help->signatures) {
    json.begin_object().field("label", signature.label);
    if (signature.documentation) {
      json.key("documentation");
      put(json, *signature.documentation);
    }
    json.key("parameters").begin_array();
    for (const ParameterInformation& parameter : signature.parameters) {
      json.begin_object().key("label");
      if (parameter.offsets) {
        json.begin_array();
        json.number(parameter.offsets->first).number(parameter.offsets->second).end_array();
      } else {
        json.string(parameter.label);
      }
      json.end_object();
    }
    json.end_array();
    if (signature.active_parameter) json.field("activeParameter", *signature.active_parameter);
    json.end_object();
  }
  json.end_array().field("activeSignature", result.help->active_signature);
  if (result.help->active_parameter) {
    json.field("activeParameter", *result.help->active_parameter);
  } else if (result.help->no_active_parameter) {
    json.key("activeParameter").null();
  }
  return json.end_object().take();
}

}  // namespace engramd::lsp
