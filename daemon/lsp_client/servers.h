// daemon/lsp_client/servers.h - which language servers are known, and how they are started.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace engramd::daemon {

struct ServerRow {
  std::string_view name;
  std::vector<std::string> languages;  // rows of the index's table
  std::string program;
  std::vector<std::string> arguments;
  std::string initialization_options;  // JSON text; may be empty
};

// In the order in which they are tried for a language.
const std::vector<ServerRow>& server_rows();

// What LSP calls a language of the index's table: "typescriptreact" for tsx.
std::string language_id_of(const std::string& language, const std::string& path);

}  // namespace engramd::daemon
