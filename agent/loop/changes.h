// agent/loop/changes.h - what a run has done to the tree, as plain data.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/tools/workbench.h"

namespace engramd::agent {

// path -> its whole text; nothing: the file is removed.
using Changes = std::map<std::string, std::optional<std::string>>;

inline Changes changes_of(const Workbench& bench) {
  Changes changes;
  for (const auto& [path, text] : bench.changed()) changes[path] = text;
  for (const std::string& path : bench.removed()) changes[path] = std::nullopt;
  return changes;
}

}  // namespace engramd::agent
