#include "lsp/protocol/hover.h"

namespace engramd::lsp {

std::string write(const HoverResult& result) {
  if (!result.hover) return "null";
  JsonWriter json;
  json.begin_object().key("contents");
  put(json, result.hover->contents);
  if (result.hover->range) {
    json.key("range");
    put(json, *result.hover->range);
  }
  return json.end_object().take();
}

}  // namespace engramd::lsp
