// lsp/protocol/window.h - messages and progress that the editor shows.
#pragma once

#include <optional>
#include <string>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

// Tokens are JSON text.
struct CreateProgressParams {
  std::string token;
};
struct ProgressBegin {
  std::string token, title, message;
  bool cancellable = false;
  std::optional<uint32_t> percentage;
};
struct ProgressReport {
  std::string token, message;
  std::optional<uint32_t> percentage;
};
struct ProgressEnd {
  std::string token, message;
};
struct WorkDoneCancelParams {
  std::string token;
};
enum class MessageType { error = 1, warning = 2, info = 3, log = 4 };
struct ShowMessageParams {
  MessageType type = MessageType::info;
  std::string message;
};
struct ShowDocumentParams {
  std::string uri;
  bool external = false, take_focus = true;
  std::optional<Range> selection;
};

Status read(const nlohmann::json&, WorkDoneCancelParams&);
std::string write(const CreateProgressParams&);
std::string write(const ProgressBegin&);
std::string write(const ProgressReport&);
std::string write(const ProgressEnd&);
std::string write(const ShowMessageParams&);
std::string write(const ShowDocumentParams&);

}  // namespace engramd::lsp
