#include "daemon/lsp_client/servers.h"

namespace engramd::daemon {

const std::vector<ServerRow>& server_rows() {
  static const std::vector<ServerRow> kRows = {
      {"pyright", {"python"}, "pyright-langserver", {"--stdio"}, ""},
      {"basedpyright", {"python"}, "basedpyright-langserver", {"--stdio"}, ""},
      {"pylsp", {"python"}, "pylsp", {}, ""},
      {"typescript-language-server",
       {"typescript", "tsx", "javascript"},
       "typescript-language-server",
       {"--stdio"},
       R"({"disableAutomaticTypingAcquisition":true})"},
      // No index of its own on disk: the run's copy goes with the run.
      {"clangd",
       {"c", "cpp", "cuda"},
       "clangd",
       {"--background-index=false", "-j=2", "--log=error", "--pch-storage=memory"},
       ""},
      {"gopls", {"go"}, "gopls", {"serve"}, ""},
      {"rust-analyzer",
       {"rust"},
       "rust-analyzer",
       {},
       R"({"checkOnSave":false,"cachePriming":{"enable":false},"files":{"watcher":"client"}})"},
  };
  return kRows;
}

std::string language_id_of(const std::string& language, const std::string& path) {
  if (language == "tsx") return "typescriptreact";
  if (language == "javascript" && path.ends_with(".jsx")) return "javascriptreact";
  if (language == "bash") return "shellscript";
  return language;
}

}  // namespace engramd::daemon
