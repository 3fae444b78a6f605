#include "lsp/protocol/editor_settings.h"

#include <nlohmann/json.hpp>

#include "lsp/json_reader.h"

namespace engramd::lsp {
namespace {

using reader::Json;

Navigation navigation_of(const Json& value) {
  const std::string text = reader::string_of(value, "navigation");
  if (text == "always") return Navigation::always;
  if (text == "off") return Navigation::off;
  if (text != "auto") reader::refuse("navigation", "\"auto\", \"always\" or \"off\"", value);
  return Navigation::automatic;
}

}  // namespace

Status read(const Json& json, SiblingsParams& out) {
  return reader::reading(json, [&] {
    out.uri = reader::string_at(json, "uri");
    reader::each(json, "servers", [&](const Json& server) {
      out.servers.push_back(
          {reader::optional_string(server, "name"), reader::strings_at(server, "methods")});
    });
  });
}

Result<EditorSettings> read_editor_settings(const std::string& text) {
  EditorSettings out;
  const Json whole = Json::parse(text, nullptr, false);
  // Null: an editor in which nothing is set.
  if (whole.is_null() || whole.is_discarded()) return out;
  const Status ok = reader::reading(whole, [&] {
    const Json& inner = reader::member(whole, "engramd");
    const Json& json = inner.is_object() ? inner : whole;
    if (const Json& value = reader::member(json, "navigation"); value.is_object()) {
      for (const auto& [language, one] : value.items())
        out.navigation[language] = navigation_of(one);
    } else if (!value.is_null()) {
      out.navigation["*"] = navigation_of(value);
    }
    if (reader::present(json, "serversFor"))
      out.servers_for = reader::strings_at(json, "serversFor");
    const Json& diagnostics = reader::member(json, "diagnostics");
    if (diagnostics.is_boolean()) {
      out.diagnostics = diagnostics.get<bool>();
    } else if (diagnostics == "on" || diagnostics == "off") {
      out.diagnostics = diagnostics == "on";
    } else if (!diagnostics.is_null()) {
      reader::refuse("diagnostics", "\"on\" or \"off\"", diagnostics);
    }
  });
  if (!ok) return fail(ok.error().code, ok.error().message);
  return out;
}

}  // namespace engramd::lsp
