// repoindex/query/symbol_key.h - from keys and hits back to definitions. Inside query/ only.
//
// Pure functions of a view: any thread.
#pragma once

#include <optional>
#include <string>

#include "repoindex/hierarchy.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

// Enclosing definitions joined with '.', as SymbolHit::container.
std::string container_of(const FileFacts& facts, uint32_t symbol);
std::optional<Found> found_by_key(const View& view, const SymbolKey& key);

}  // namespace engramd::repoindex
