#include "lsp/json_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lsp/json_writer.h"

namespace engramd::lsp::reader {
namespace {

// Thrown inside reading() only: one unreadable member ends the reading of the whole message.
struct Unreadable {
  std::string what;
};

}  // namespace

void refuse(std::string_view name, const char* expected, const Json& found) {
  throw Unreadable{std::string(name) + " is " + (found.is_null() ? "missing" : found.type_name()) +
                   ", expected " + expected};
}

Status reading(const Json& params, const std::function<void()>& body) {
  try {
    if (!params.is_object()) refuse("params", "an object", params);
    body();
    return {};
  } catch (const Unreadable& error) {
    return fail(ErrorCode::invalid_input, error.what);
  } catch (const Json::exception& error) {
    return fail(ErrorCode::invalid_input, error.what());
  }
}

const Json& member(const Json& parent, const char* name) {
  static const Json kAbsent;
  if (!parent.is_object()) return kAbsent;
  const auto at = parent.find(name);
  return at == parent.end() ? kAbsent : *at;
}

bool present(const Json& parent, const char* name) {
  return !member(parent, name).is_null();
}

const Json& object_at(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  if (!value.is_object()) refuse(name, "an object", value);
  return value;
}

const Json& array_at(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  if (!value.is_array()) refuse(name, "an array", value);
  return value;
}

void each(const Json& parent, const char* name, const std::function<void(const Json&)>& fn) {
  const Json& value = member(parent, name);
  if (value.is_null()) return;
  if (!value.is_array()) refuse(name, "an array", value);
  for (const Json& item : value) fn(item);
}

std::string string_of(const Json& value, const char* name) {
  if (!value.is_string()) refuse(name, "a string", value);
  return value.get<std::string>();
}

std::string string_at(const Json& parent, const char* name) {
  return string_of(member(parent, name), name);
}

std::string optional_string(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool flag(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  return value.is_boolean() && value.get<bool>();
}

int64_t integer_at(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  if (!value.is_number_integer()) refuse(name, "an integer", value);
  return value.get<int64_t>();
}

uint32_t uinteger_at(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  if (!value.is_number_integer()) refuse(name, "an integer", value);
  if (!value.is_number_unsigned() && value.get<int64_t>() < 0)
    throw Unreadable{std::string(name) + " is negative, expected 0 or more"};
  return static_cast<uint32_t>(std::min<uint64_t>(value.get<uint64_t>(), 0x7FFFFFFFu));
}

std::vector<std::string> strings_at(const Json& parent, const char* name) {
  std::vector<std::string> out;
  each(parent, name, [&](const Json& item) { out.push_back(string_of(item, name)); });
  return out;
}

Position position_of(const Json& value) {
  return {uinteger_at(value, "line"), uinteger_at(value, "character")};
}

Position position_at(const Json& parent, const char* name) {
  return position_of(object_at(parent, name));
}

Range range_of(const Json& value) {
  return {position_at(value, "start"), position_at(value, "end")};
}

Range range_at(const Json& parent, const char* name) {
  return range_of(object_at(parent, name));
}

std::string document_uri(const Json& params) {
  return string_at(object_at(params, "textDocument"), "uri");
}

DocumentPosition document_position(const Json& params) {
  return {document_uri(params), position_at(params, "position")};
}

std::string token_at(const Json& params, const char* name) {
  const Json& value = member(params, name);
  if (value.is_string()) return json_string(value.get_ref<const std::string&>());
  return value.is_number_integer() ? value.dump() : std::string();
}

std::string text_at(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  if (value.is_null()) return {};
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace engramd::lsp::reader
