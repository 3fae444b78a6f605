#include "lsp/protocol/execute_command.h"

#include <nlohmann/json.hpp>

#include "lsp/json_reader.h"

namespace engramd::lsp {

using reader::Json;

Status read(const Json& json, ExecuteCommandParams& out) {
  return reader::reading(json, [&] {
    out.command = reader::string_at(json, "command");
    reader::each(json, "arguments", [&](const Json& argument) {
      out.arguments.push_back(argument.dump(-1, ' ', false, Json::error_handler_t::replace));
    });
    out.work_done_token = reader::token_at(json, "workDoneToken");
  });
}

Result<std::map<std::string, std::string>> read_flat_object(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object())
    return fail(ErrorCode::invalid_input, std::string("argument is ") +
                                              (json.is_discarded() ? "no json" : json.type_name()) +
                                              ", expected an object");
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : json.items()) {
    if (value.is_string()) {
      out[name] = value.get<std::string>();
    } else if (value.is_boolean() || value.is_number()) {
      out[name] = value.dump();
    } else if (!value.is_null()) {
      return fail(ErrorCode::invalid_input, "member " + name + " is " + value.type_name() +
                                                ", expected a string, number or boolean");
    }
  }
  return out;
}

}  // namespace engramd::lsp
