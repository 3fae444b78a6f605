// engine/grammar/schema_merge.h - JSON schemas as trees: references, and two schemas that must both
// hold as one. Pure: any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engramd::engine::grammar {

// Parsed, with its objects' members in order; bounded in bytes and depth.
Result<nlohmann::ordered_json> parse_schema(std::string_view text);
// "#", "#/$defs/name", ... within the root.
Result<const nlohmann::ordered_json*> resolve_reference(const nlohmann::ordered_json& root,
                                                        const std::string& reference);
// Whether the keyword says something that a value must satisfy (type, minimum, not, ...), as
// against an annotation. Keywords that no specification has are annotations.
bool is_restriction(std::string_view keyword);
// What both accept. References at its top are followed. Fails where that is not one schema of the
// supported kind. `budget` bounds what all merges of a schema may copy, in JSON values.
inline constexpr size_t kMergeBudget = 500'000;
Result<nlohmann::ordered_json> merge_schemas(const nlohmann::ordered_json& root,
                                             const nlohmann::ordered_json& a,
                                             const nlohmann::ordered_json& b, size_t& budget);

}  // namespace engramd::engine::grammar
