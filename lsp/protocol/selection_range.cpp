#include "lsp/protocol/selection_range.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {

Status read(const nlohmann::json& json, SelectionRangeParams& out) {
  return reader::reading(json, [&] {
    out.uri = reader::document_uri(json);
    reader::array_at(json, "positions");
    reader::each(json, "positions", [&](const reader::Json& position) {
      out.positions.push_back(reader::position_of(position));
    });
  });
}

std::string write(const SelectionRangeResult& result) {
  JsonWriter json;
  json.begin_array();
  for (const std::vector<Range>& steps : result.steps) {
    for (const Range& range : steps) {
      if (&range != &steps.front()) json.key("parent");
      json.begin_object().key("range");
      put(json, range);
    }
    for (size_t i = 0; i < steps.size(); ++i) json.end_object();
  }
  return json.end_array().take();
}

}  // namespace engramd::lsp
