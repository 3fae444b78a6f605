// lsp/json_rpc.h - one JSON-RPC 2.0 message: reading, checking, writing.
//
// Reading never throws and never recurses deeper than kMaxJsonDepth, whatever the bytes are.
// Invalid UTF-8 and lone surrogate escapes are replaced by U+FFFD rather than refused: dropping
// an edit would leave the document wrong for good. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace engramd::lsp {

constexpr size_t kMaxJsonDepth = 512;

// Response error codes of JSON-RPC and LSP that we send.
enum class RpcError : int {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
  server_not_initialized = -32002,
  request_failed = -32803,
  content_modified = -32801,
  request_cancelled = -32800,
};
RpcError rpc_error_of(ErrorCode code);

using Id = std::variant<int64_t, std::string>;
std::string id_text(const std::optional<Id>& id);  // as JSON; null when there is none

enum class MessageKind { request, notification, response };

struct Message {
  MessageKind kind = MessageKind::notification;
  std::optional<Id> id;                          // of a request or response
  std::string method;                            // of a request or notification
  std::shared_ptr<const nlohmann::json> params;  // never null; JSON null when absent
  // Of a response: exactly one of the two.
  std::shared_ptr<const nlohmann::json> result;
  std::optional<std::string> error_message;
  int error_code = 0;
};

// Why bytes are no message, with the id to answer when it could still be read.
struct BadMessage {
  RpcError code = RpcError::parse_error;
  std::string reason;
  std::optional<Id> id;
  bool answer = true;  // false: it was a response; answering one would be wrong
};

tl::expected<Message, BadMessage> read_message(std::string_view text);

// What can be seen without building a tree: for a relay that must know which ids are open.
struct MessageOutline {
  std::optional<Id> id;
  std::string method;       // empty for a response
  bool has_method = false;  // true also when it is no string
  size_t depth = 0;
};
MessageOutline outline_message(std::string_view text);

// params and result are JSON text; empty params are left out.
std::string request_text(const Id& id, std::string_view method, std::string_view params);
std::string notification_text(std::string_view method, std::string_view params);
std::string result_text(const Id& id, std::string_view result);
std::string error_text(const std::optional<Id>& id, RpcError code, std::string_view message);

}  // namespace engramd::lsp
