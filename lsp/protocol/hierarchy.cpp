#include "lsp/protocol/hierarchy.h"

#include <nlohmann/json.hpp>

#include "lsp/json_reader.h"

namespace engramd::lsp {
namespace {

constexpr size_t kMaxNameBytes = 4096;

// Whatever is not a key of ours is as good as none: an editor may have kept it from another server.
std::optional<HierarchyKey> key_at(const reader::Json& item) {
  const reader::Json& data = reader::member(item, "data");
  const reader::Json& name = reader::member(data, "name");
  const reader::Json& container = reader::member(data, "container");
  const reader::Json& kind = reader::member(data, "kind");
  const reader::Json& nth = reader::member(data, "nth");
  if (!name.is_string() || !container.is_string()) return std::nullopt;
  if (!kind.is_number_unsigned() || !nth.is_number_unsigned()) return std::nullopt;
  HierarchyKey key{name.get<std::string>(), container.get<std::string>(),
                   reader::uinteger_at(data, "kind"), reader::uinteger_at(data, "nth")};
  if (key.name.size() > kMaxNameBytes || key.container.size() > kMaxNameBytes) return std::nullopt;
  return key;
}

void put(JsonWriter& json, const HierarchyItem& item) {
  json.begin_object().field("name", item.name).field("kind", item.kind);
  if (!item.detail.empty()) json.field("detail", item.detail);
  json.field("uri", item.uri).key("range");
  lsp::put(json, item.range);
  json.key("selectionRange");
  lsp::put(json, item.selection);
  json.key("data").begin_object();
  json.field("name", item.key.name).field("container", item.key.container);
  json.field("kind", item.key.kind).field("nth", item.key.nth).end_object();
  json.end_object();
}

}  // namespace

Status read(const nlohmann::json& json, HierarchyItemParams& out) {
  return reader::reading(json, [&] {
    const reader::Json& item = reader::object_at(json, "item");
    out.uri = reader::string_at(item, "uri");
    out.position = reader::range_at(item, "selectionRange").start;
    out.key = key_at(item);
  });
}

std::string write(const HierarchyItems& result) {
  if (result.items.empty()) return "null";
  JsonWriter json;
  json.begin_array();
  for (const HierarchyItem& item : result.items) put(json, item);
  return json.end_array().take();
}

std::string write(const HierarchyCalls& result) {
  JsonWriter json;
  json.begin_array();
  for (const HierarchyCall& call : result.calls) {
    json.begin_object().key(result.incoming ? "from" : "to");
    put(json, call.item);
    json.key("fromRanges");
    put_all(json, call.ranges);
    json.end_object();
  }
  return json.end_array().take();
}

}  // namespace engramd::lsp
