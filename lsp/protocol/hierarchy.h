// lsp/protocol/hierarchy.h - call hierarchy and type hierarchy: items that come back to us.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

// What we put into an item's data, to know the definition again when its file was edited.
struct HierarchyKey {
  std::string name, container;
  uint32_t kind = 0, nth = 0;
};
// CallHierarchyItem and TypeHierarchyItem have the same shape.
struct HierarchyItem {
  std::string name, detail, uri;
  int kind = 0;
  Range range, selection;
  HierarchyKey key;
};
// An item as an editor sends it back. Without a key of ours its position has to do.
struct HierarchyItemParams {
  std::string uri;
  Position position;  // where the selection begins
  std::optional<HierarchyKey> key;
};
struct HierarchyItems {
  std::vector<HierarchyItem> items;  // none is written as null
};
struct HierarchyCall {
  HierarchyItem item;
  std::vector<Range> ranges;  // in the caller's file
};
struct HierarchyCalls {
  bool incoming = true;
  std::vector<HierarchyCall> calls;
};

Status read(const nlohmann::json&, HierarchyItemParams&);
std::string write(const HierarchyItems&);
std::string write(const HierarchyCalls&);

}  // namespace engramd::lsp
