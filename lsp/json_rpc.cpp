#include "lsp/json_rpc.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "lsp/json_writer.h"

namespace engramd::lsp {
namespace {

using Json = nlohmann::json;

int hex_digits(std::string_view text, size_t at) {
  int value = 0;
  if (at + 4 > text.size()) return -1;
  const auto [stop, error] = std::from_chars(text.data() + at, text.data() + at + 4, value, 16);
  return error == std::errc{} && stop == text.data() + at + 4 ? value : -1;
}

// Replaces every \uD800..\uDFFF escape without its partner by \uFFFD; JavaScript strings may hold
// such halves, and a JSON reader refuses them.
std::string without_lone_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i];
      continue;
    }
    if (text[i + 1] != 'u') {
      out.append(text.substr(i, 2));
      ++i;
      continue;
    }
    const int unit = hex_digits(text, i + 2);
    const bool high = unit >= 0xD800 && unit < 0xDC00;
    const bool low = unit >= 0xDC00 && unit < 0xE000;
    const bool paired = high && text.substr(i + 6, 2) == "\\u" &&
                        hex_digits(text, i + 8) >= 0xDC00 && hex_digits(text, i + 8) < 0xE000;
    if (paired) {
      out.append(text.substr(i, 12));
      i += 11;
    } else if (high || low) {
      out += "\\ufffd";
      i += 5;
    } else {
      out += "\\u";
      ++i;
    }
  }
  return out;
}

std::string shown(std::string_view reason) {
  // nlohmann's text: "[json.exception.parse_error.101] parse error at line 1, ...: ..."
  const size_t close = reason.find("] ");
  std::string text(close == std::string_view::npos ? reason : reason.substr(close + 2));
  return text.size() > 300 ? text.substr(0, 300) + "..." : text;
}

std::optional<Id> id_of(const Json& value) {
  if (value.is_string()) return Id(value.get<std::string>());
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return std::nullopt;
  if (value.is_number_integer()) return Id(value.get<int64_t>());
  return std::nullopt;
}

std::optional<Id> id_of_text(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"') {
    const Json parsed = Json::parse(value, nullptr, false);
    return parsed.is_string() ? std::optional<Id>(parsed.get<std::string>()) : std::nullopt;
  }
  int64_t number = 0;
  const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || stop != value.data() + value.size()) return std::nullopt;
  return Id(number);
}

}  // namespace

RpcError rpc_error_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::cancelled:
      return RpcError::request_cancelled;
    case ErrorCode::invalid_input:
      return RpcError::invalid_params;
    case ErrorCode::internal:
      return RpcError::internal_error;
    default:
      return RpcError::request_failed;
  }
}

std::string id_text(const std::optional<Id>& id) {
  if (!id) return "null";
  if (const auto* number = std::get_if<int64_t>(&*id)) return std::to_string(*number);
  return json_string(std::get<std::string>(*id));
}

MessageOutline outline_message(std::string_view text) {
  MessageOutline outline;
  size_t depth = 0;
  std::string_view key;  // the last string at depth 1 that was followed by a colon
  bool after_colon = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '[') {
      outline.depth = std::max(outline.depth, ++depth);
      after_colon = false;
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
    } else if (c == '"') {
      const size_t begin = i;
      for (++i; i < text.size() && text[i] != '"'; ++i)
        if (text[i] == '\\') ++i;
      const std::string_view literal = text.substr(begin, std::min(i + 1, text.size()) - begin);
      if (depth != 1) continue;
      if (!after_colon) {
        key = literal;
        if (key == "\"method\"") outline.has_method = true;
      } else {
        if (key == "\"id\"" && !outline.id) outline.id = id_of_text(literal);
        if (key == "\"method\"" && outline.method.empty())
          outline.method = literal.size() >= 2 ? literal.substr(1, literal.size() - 2) : "";
        after_colon = false;
      }
    } else if (depth == 1 && c == ':') {
      after_colon = true;
    } else if (depth == 1 && c == ',') {
      after_colon = false;
    } else if (depth == 1 && after_colon && key == "\"id\"" &&
               (c == '-' || (c >= '0' && c <= '9'))) {
      const size_t end = std::min(text.find_first_of(",}] \t\r\n", i), text.size());
      if (!outline.id) outline.id = id_of_text(text.substr(i, end - i));
      after_colon = false;
      i = end - 1;
    }
  }
  return outline;
}

tl::expected<Message, BadMessage> read_message(std::string_view text) {
  const MessageOutline outline = outline_message(text);
  const auto bad = [&](RpcError code, std::string reason) {
    BadMessage failure{code, std::move(reason), outline.id, true};
    // An id without a method is a response to us; only a request is owed an answer.
    if (!outline.has_method && outline.id && code == RpcError::invalid_request)
      failure.answer = false;
    return tl::unexpected<BadMessage>(std::move(failure));
  };
  if (outline.depth > kMaxJsonDepth)
    return bad(RpcError::parse_error, "json nested " + std::to_string(outline.depth) +
                                          " deep, expected at most " +
                                          std::to_string(kMaxJsonDepth));
  std::string clean;
  if (!utf8_valid(text)) {
    clean = utf8_sanitized(text);
    text = clean;
  }
  auto value = std::make_shared<Json>();
  try {
    *value = Json::parse(text, nullptr, false);
    if (value->is_discarded()) *value = Json::parse(without_lone_surrogates(text));
  } catch (const Json::exception& error) {
    // JSON-RPC 2.0, section 5: what is no JSON has no id, even where one can be read.
    return tl::unexpected<BadMessage>(
        BadMessage{RpcError::parse_error, shown(error.what()), std::nullopt, true});
  }
  if (value->is_array())
    return bad(RpcError::invalid_request, "a batch, expected one message object");
  if (!value->is_object())
    return bad(RpcError::invalid_request,
               std::string("a ") + value->type_name() + ", expected a message object");
  const auto version = value->find("jsonrpc");
  if (version == value->end() || *version != "2.0")
    return bad(RpcError::invalid_request, "jsonrpc is not \"2.0\"");

  Message message;
  const auto id = value->find("id");
  const auto method = value->find("method");
  if (id != value->end()) {
    message.id = id_of(*id);
    if (!message.id && method != value->end())
      return bad(RpcError::invalid_request, "id is neither an integer nor a string");
  }
  // Aliasing pointers share the one tree instead of copying a 64 MB document out of it.
  const auto part = [&](const Json& member) { return std::shared_ptr<const Json>(value, &member); };
  static const Json kNothing;
  const std::shared_ptr<const Json> nothing(std::shared_ptr<void>(), &kNothing);
  message.params = nothing;
  if (method != value->end()) {
    if (!method->is_string()) return bad(RpcError::invalid_request, "method is not a string");
    message.method = method->get<std::string>();
    message.kind = message.id ? MessageKind::request : MessageKind::notification;
    if (const auto params = value->find("params"); params != value->end()) {
      if (!params->is_object() && !params->is_array() && !params->is_null())
        return bad(RpcError::invalid_request, "params are neither an object nor an array");
      message.params = part(*params);
    }
    return message;
  }
  message.kind = MessageKind::response;
  const auto result = value->find("result");
  const auto error = value->find("error");
  if (id == value->end() || (result == value->end()) == (error == value->end()))
    return bad(RpcError::invalid_request, "neither a request, a notification nor a response");
  if (result != value->end()) {
    message.result = part(*result);
    return message;
  }
  message.error_message = "unknown error";
  if (error->is_object()) {
    if (const auto at = error->find("message"); at != error->end() && at->is_string())
      message.error_message = at->get<std::string>();
    if (const auto at = error->find("code"); at != error->end() && at->is_number_integer())
      message.error_code = at->get<int>();
  }
  return message;
}

std::string request_text(const Id& id, std::string_view method, std::string_view params) {
  JsonWriter json;
  json.begin_object().field("jsonrpc", "2.0").key("id").raw(id_text(id)).field("method", method);
  if (!params.empty()) json.key("params").raw(params);
  return json.end_object().take();
}

std::string notification_text(std::string_view method, std::string_view params) {
  JsonWriter json;
  json.begin_object().field("jsonrpc", "2.0").field("method", method);
  if (!params.empty()) json.key("params").raw(params);
  return json.end_object().take();
}

std::string result_text(const Id& id, std::string_view result) {
  JsonWriter json;
  json.begin_object().field("jsonrpc", "2.0").key("id").raw(id_text(id)).key("result").raw(result);
  return json.end_object().take();
}

std::string error_text(const std::optional<Id>& id, RpcError code, std::string_view message) {
  JsonWriter json;
  json.begin_object().field("jsonrpc", "2.0").key("id").raw(id_text(id)).key("error");
  json.begin_object().field("code", static_cast<int>(code)).field("message", message).end_object();
  return json.end_object().take();
}

}  // namespace engramd::lsp
