#include "lsp/protocol/completion.h"

#include <nlohmann/json.hpp>

#include "lsp/json_reader.h"

namespace engramd::lsp {
namespace {

constexpr int kSnippet = 2, kTagDeprecated = 1;

void put_data(JsonWriter& json, const CompletionData& data) {
  json.begin_object().field("uri", data.uri);
  if (!data.path.empty()) json.field("path", data.path).field("symbol", data.symbol);
  json.field("name", data.name);
  if (data.needs_import) json.field("import", true);
  json.end_object();
}

void put_place(JsonWriter& json, const CompletionResult& result) {
  if (!result.insert) return put(json, result.replace);
  json.begin_object().key("insert");
  put(json, *result.insert);
  json.key("replace");
  put(json, result.replace);
  json.end_object();
}

void put_item(JsonWriter& json, const CompletionResult& list, const CompletionItem& item) {
  json.begin_object().field("label", item.label).field("kind", item.kind);
  if (!item.label_detail.empty() || !item.label_description.empty()) {
    json.key("labelDetails").begin_object();
    if (!item.label_detail.empty()) json.field("detail", item.label_detail);
    if (!item.label_description.empty()) json.field("description", item.label_description);
    json.end_object();
  }
  if (!item.detail.empty()) json.field("detail", item.detail);
  if (item.deprecated_tag) {
    json.key("tags").begin_array().number(kTagDeprecated).end_array();
  } else if (item.deprecated) {
    json.field("deprecated", true);
  }
  if (item.documentation) {
    json.key("documentation");
    put(json, *item.documentation);
  }
  if (!item.sort_text.empty()) json.field("sortText", item.sort_text);
  if (!item.filter_text.empty()) json.field("filterText", item.filter_text);
  if (item.is_snippet) json.field("insertTextFormat", kSnippet);
  if (list.default_range) {
    if (item.new_text != item.label) json.field("textEditText", item.new_text);
  } else if (list.insert) {
    json.key("textEdit").begin_object().field("newText", item.new_text).key("insert");
    put(json, *list.insert);
    json.key("replace");
    put(json, list.replace);
    json.end_object();
  } else {
    json.key("textEdit");
    put(json, TextEdit{list.replace, item.new_text, {}});
  }
  if (!item.more_edits.empty()) {
    json.key("additionalTextEdits");
    put_all(json, item.more_edits);
  }
  if (!item.commit_characters.empty()) {
    json.key("commitCharacters").begin_array();
    for (const std::string& one : item.commit_characters) json.string(one);
    json.end_array();
  }
  if (item.data) {
    json.key("data");
    put_data(json, *item.data);
  }
  json.end_object();
}

}  // namespace

Status read(const nlohmann::json& json, CompletionParams& out) {
  return reader::reading(json, [&] {
    out.uri = reader::document_uri(json);
    out.position = reader::position_at(json, "position");
    const auto& context = reader::member(json, "context");
    out.trigger_character = reader::optional_string(context, "triggerCharacter");
  });
}

Status read(const nlohmann::json& json, ResolveCompletionParams& out) {
  return reader::reading(json, [&] {
    reader::string_at(json, "label");
    out.item = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    // Another server's data, or none: nothing is added then.
    const auto& data = reader::member(json, "data");
    if (!data.is_object()) return;
    out.data.uri = reader::optional_string(data, "uri");
    out.data.path = reader::optional_string(data, "path");
    out.data.name = reader::optional_string(data, "name");
    out.data.needs_import = reader::flag(data, "import");
    if (reader::present(data, "symbol")) out.data.symbol = reader::integer_at(data, "symbol");
  });
}

std::string write(const CompletionResult& result) {
  JsonWriter json;
  json.begin_object().field("isIncomplete", result.incomplete);
  if (result.default_range && !result.items.empty()) {
    json.key("itemDefaults").begin_object().key("editRange");
    put_place(json, result);
    json.end_object();
  }
  json.key("items").begin_array();
  for (const CompletionItem& item : result.items) put_item(json, result, item);
  return json.end_array().end_object().take();
}

std::string write(const ResolveCompletionResult& result) {
  nlohmann::json item = nlohmann::json::parse(result.item, nullptr, false);
  if (!item.is_object()) item = nlohmann::json::object();
  const auto part = [](const auto& value) {
    JsonWriter json;
    put(json, value);
    return nlohmann::json::parse(json.take());
  };
  if (!result.detail.empty()) item["detail"] = result.detail;
  if (result.documentation) item["documentation"] = part(*result.documentation);
  if (!result.more_edits.empty()) {
    item["additionalTextEdits"] = nlohmann::json::array();
    for (const TextEdit& edit : result.more_edits)
      item["additionalTextEdits"].push_back(part(edit));
  }
  return item.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace engramd::lsp
