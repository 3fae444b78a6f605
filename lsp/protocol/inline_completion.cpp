#include "lsp/protocol/inline_completion.h"

#include <nlohmann/json.hpp>

#include "lsp/json_reader.h"

namespace engramd::lsp {

Status read(const nlohmann::json& json, InlineCompletionParams& out) {
  return reader::reading(json, [&] {
    out.uri = reader::document_uri(json);
    out.position = reader::position_at(json, "position");
    const reader::Json& context = reader::object_at(json, "context");
    out.trigger = reader::integer_at(context, "triggerKind") == 1 ? InlineTrigger::invoked
                                                                  : InlineTrigger::automatic;
    const reader::Json& selected = reader::member(context, "selectedCompletionInfo");
    if (!selected.is_object()) return;
    out.selected_range = reader::range_at(selected, "range");
    out.selected_text = reader::string_at(selected, "text");
  });
}

std::string write(const InlineCompletionResult& result) {
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  for (const InlineCompletionItem& item : result.items) {
    json.begin_object().field("insertText", item.insert_text);
    if (item.range) {
      json.key("range");
      put(json, *item.range);
    }
    json.end_object();
  }
  return json.end_array().end_object().take();
}

}  // namespace engramd::lsp
