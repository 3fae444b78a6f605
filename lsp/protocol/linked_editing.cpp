#include "lsp/protocol/linked_editing.h"

namespace engramd::lsp {

std::string write(const LinkedEditingResult& result) {
  if (result.ranges.empty()) return "null";
  JsonWriter json;
  json.begin_object().key("ranges");
  put_all(json, result.ranges);
  if (!result.word_pattern.empty()) json.field("wordPattern", result.word_pattern);
  return json.end_object().take();
}

}  // namespace engramd::lsp
