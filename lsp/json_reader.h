// lsp/json_reader.h - checked reading of JSON members, for the read() functions of lsp/protocol.
//
//   Status read(const nlohmann::json& json, HoverParams& out) {
//     return reader::reading(json, [&] {
//       out.uri = reader::document_uri(json);
//       out.position = reader::position_at(json, "position");
//     });
//   }
//
// Outside reading() an unreadable member would throw; inside it becomes an error of code
// invalid_input that names the member. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lsp/protocol/basic.h"

namespace engramd::lsp::reader {

using Json = nlohmann::json;

// Runs body on params that must be an object.
Status reading(const Json& params, const std::function<void()>& body);
[[noreturn]] void refuse(std::string_view name, const char* expected, const Json& found);

// JSON null when parent is no object or has no such member.
const Json& member(const Json& parent, const char* name);
bool present(const Json& parent, const char* name);  // there and not null
const Json& object_at(const Json& parent, const char* name);
const Json& array_at(const Json& parent, const char* name);
// Calls fn for each item; an absent or null member has none, another type is refused.
void each(const Json& parent, const char* name, const std::function<void(const Json&)>& fn);

std::string string_at(const Json& parent, const char* name);
std::string string_of(const Json& value, const char* name);  // name: for the error
std::string optional_string(const Json& parent, const char* name);
bool flag(const Json& parent, const char* name);  // true only when written true
int64_t integer_at(const Json& parent, const char* name);
// LSP's uinteger; larger ones are clamped to 2^31-1, because clients say "to the end" with them.
uint32_t uinteger_at(const Json& parent, const char* name);
std::vector<std::string> strings_at(const Json& parent, const char* name);

Position position_at(const Json& parent, const char* name);
Position position_of(const Json& value);
Range range_at(const Json& parent, const char* name);
Range range_of(const Json& value);
// params.textDocument.uri
std::string document_uri(const Json& params);
DocumentPosition document_position(const Json& params);
// string | integer, as JSON text so that it goes back exactly as it came; empty: none.
std::string token_at(const Json& params, const char* name);
// The member as JSON text; empty when absent or null. For data that comes back to us.
std::string text_at(const Json& parent, const char* name);

}  // namespace engramd::lsp::reader
