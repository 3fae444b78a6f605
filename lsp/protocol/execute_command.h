// lsp/protocol/execute_command.h - workspace/executeCommand.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct ExecuteCommandParams {
  std::string command;
  std::vector<std::string> arguments;  // each as JSON text
  std::string work_done_token;         // JSON text; empty: none
};

Status read(const nlohmann::json&, ExecuteCommandParams&);
// A flat JSON object of strings, numbers and booleans, for command arguments: values as text.
Result<std::map<std::string, std::string>> read_flat_object(const std::string& json);

}  // namespace engramd::lsp
