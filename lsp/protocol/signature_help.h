// lsp/protocol/signature_help.h - textDocument/signatureHelp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct SignatureHelpParams {
  std::string uri;
  Position position;
  bool is_retrigger = false;
  std::string shown_label;  // of the signature that the client shows; empty: none
};
struct ParameterInformation {
  std::string label;
  // UTF-16 units in the signature's label; when the client takes them they are sent instead.
  std::optional<std::pair<uint32_t, uint32_t>> offsets;
};
struct SignatureInformation {
  std::string label;
  std::optional<Markup> documentation;
  std::vector<ParameterInformation> parameters;
  std::optional<uint32_t> active_parameter;  // only where the client knows it
};
struct SignatureHelp {
  std::vector<SignatureInformation> signatures;
  uint32_t active_signature = 0;
  std::optional<uint32_t> active_parameter;
  bool no_active_parameter = false;  // said as null: the client knows it
};
struct SignatureHelpResult {
  std::optional<SignatureHelp> help;
};

Status read(const nlohmann::json&, SignatureHelpParams&);
std::string write(const SignatureHelpResult&);

}  // namespace engramd::lsp
