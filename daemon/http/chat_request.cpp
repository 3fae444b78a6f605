#include "daemon/http/chat_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace engramd::daemon::http {
namespace {

using nlohmann::json;
namespace chat = engine::chat;

constexpr size_t kMaxMessages = 16384, kMaxTools = 512, kMaxCalls = 512, kMaxName = 128;
constexpr int64_t kMaxChances = 20;

std::string numbered(const char* name, size_t i) {
  return std::string(name) + "[" + std::to_string(i) + "]";
}

// A name goes into the prompt and comes back out of the model's answer.
bool usable_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == ':' || c == '/';
         });
}

void check_name(FieldReader& fields, const char* field, const std::string& name) {
  if (!usable_name(name))
    fields.complain(field, "expected a name of at most " + std::to_string(kMaxName) +
                               " letters, digits and _-.:/");
}

// A string, null, or a list of parts of type "text".
std::string read_content(FieldReader& message) {
  const json* content = message.find("content");
  if (content == nullptr) return {};
  if (content->is_string()) return content->get<std::string>();
  std::string text;
  if (!content->is_array()) {
    message.complain("content", "expected a string or a list of parts");
    return {};
  }
  for (size_t i = 0; i < content->size(); ++i) {
    const json& part = (*content)[i];
    FieldReader fields(part, {});
    const std::string type = fields.text("type");
    if (type == "text" || type == "input_text" || type == "output_text")
      text += fields.text("text");
    else
      message.complain(numbered("content", i),
                       "expected a part of type \"text\", found \"" + type.substr(0, 40) + "\"");
    if (fields.problem())
      message.complain(numbered("content", i), "expected {\"type\": \"text\", \"text\": ...}");
  }
  return text;
}

std::vector<chat::ToolCall> read_calls(FieldReader& message, const std::string& path) {
  std::vector<chat::ToolCall> calls;
  const json* list = message.find("tool_calls");
  if (list == nullptr) return calls;
  if (!list->is_array() || list->size() > kMaxCalls) {
    message.complain("tool_calls", "expected a list of at most " + std::to_string(kMaxCalls));
    return calls;
  }
  for (size_t i = 0; i < list->size(); ++i) {
    FieldReader item((*list)[i], {});
    const std::string here = path + numbered("tool_calls", i) + ".function.";
    const json* function = item.find("function");
    if (function == nullptr) {
      message.complain(numbered("tool_calls", i), "expected {\"id\", \"function\"}");
      return calls;
    }
    FieldReader fields(*function, here);
    chat::ToolCall call;
    call.id = item.text("id");
    call.name = fields.text("name");
    check_name(fields, "name", call.name);
    // Some clients send the object itself.
    const json* arguments = fields.find("arguments");
    call.arguments = arguments == nullptr     ? "{}"
                     : arguments->is_object() ? to_text(*arguments)
                                              : fields.text("arguments");
    if (call.arguments.find_first_not_of(" \t\r\n") == std::string::npos) call.arguments = "{}";
    const auto parsed = parse_body(call.arguments);
    if (!parsed) fields.complain("arguments", "expected a JSON object as a string");
    if (fields.problem()) message.complain(*fields.problem());
    calls.push_back(std::move(call));
  }
  return calls;
}

chat::Message read_message(const json& value, const std::string& path, FieldReader& all) {
  FieldReader fields(value, path);
  chat::Message message;
  const std::string role = fields.text("role");
  if (role == "system" || role == "developer")
    message.role = chat::Role::system;
  else if (role == "user")
    message.role = chat::Role::user;
  else if (role == "assistant")
    message.role = chat::Role::assistant;
  else if (role == "tool")
    message.role = chat::Role::tool;
  else
    fields.complain("role", "expected system, developer, user, assistant or tool, found \"" +
                                role.substr(0, 40) + "\"");
  message.text = read_content(fields);
  if (message.role == chat::Role::assistant) {
    message.reasoning = fields.text("reasoning_content", fields.text("reasoning"));
    message.tool_calls = read_calls(fields, path);
  }
  if (message.role == chat::Role::tool) message.tool_call_id = fields.text("tool_call_id");
  if (fields.problem()) all.complain(*fields.problem());
  return message;
}

std::vector<chat::Tool> read_tools(FieldReader& fields) {
  std::vector<chat::Tool> tools;
  const json* list = fields.find("tools");
  if (list == nullptr) return tools;
  if (!list->is_array() || list->size() > kMaxTools) {
    fields.complain("tools", "expected a list of at most " + std::to_string(kMaxTools) + " tools");
    return tools;
  }
  for (size_t i = 0; i < list->size(); ++i) {
    FieldReader item((*list)[i], numbered("tools", i) + ".");
    const json* function = item.find("function");
    if (item.text("type", "function") != "function" || function == nullptr ||
        !function->is_object()) {
      fields.complain(numbered("tools", i), "expected {\"type\": \"function\", \"function\": ...}");
      return tools;
    }
    FieldReader tool(*function, numbered("tools", i) + ".function.");
    chat::Tool read;
    read.name = tool.text("name");
    check_name(tool, "name", read.name);
    read.description = tool.text("description");
    if (const json* parameters = tool.find("parameters"); parameters != nullptr) {
      if (!parameters->is_object()) tool.complain("parameters", "expected a JSON schema");
      read.parameters = to_text(*parameters);
    }
    if (tool.problem()) fields.complain(*tool.problem());
    tools.push_back(std::move(read));
  }
  return tools;
}

ToolChoice read_tool_choice(FieldReader& fields, const std::vector<chat::Tool>& tools) {
  using Kind = ToolChoice::Kind;
  const json* value = fields.find("tool_choice");
  if (value == nullptr) return {tools.empty() ? Kind::none : Kind::automatic, {}};
  ToolChoice choice;
  if (value->is_object()) {
    const auto function = value->find("function");
    if (function != value->end() && function->is_object())
      choice.name = FieldReader(*function).text("name");
    choice.kind = Kind::named;
    if (std::none_of(tools.begin(), tools.end(),
                     [&](const chat::Tool& tool) { return tool.name == choice.name; }))
      fields.complain("tool_choice", "there is no tool \"" + choice.name.substr(0, 80) + "\"");
    return choice;
  }
  const std::string text = fields.text("tool_choice");
  if (text == "none")
    choice.kind = Kind::none;
  else if (text == "auto")
    choice.kind = tools.empty() ? Kind::none : Kind::automatic;
  else if (text == "required")
    choice.kind = Kind::required;
  else
    fields.complain("tool_choice", "expected none, auto, required or a function");
  if (choice.kind == Kind::required && tools.empty())
    fields.complain("tool_choice", "a call is required and there are no tools");
  return choice;
}

AnswerFormat read_format(FieldReader& fields) {
  using Kind = AnswerFormat::Kind;
  const json* value = fields.find("response_format");
  if (value == nullptr) return {};
  FieldReader format(*value, "response_format.");
  const std::string type = format.text("type");
  AnswerFormat out;
  if (type == "json_object") {
    out.kind = Kind::json_object;
  } else if (type == "json_schema") {
    out.kind = Kind::json_schema;
    const json* named = format.find("json_schema");
    const json* schema = named == nullptr ? nullptr : FieldReader(*named).find("schema");
    if (schema == nullptr || !(schema->is_object() || schema->is_boolean()))
      format.complain("json_schema.schema", "expected a JSON schema");
    else
      out.schema = to_text(*schema);
  } else if (type != "text") {
    format.complain("type", "expected text, json_object or json_schema");
  }
  if (format.problem()) fields.complain(*format.problem());
  return out;
}

// reasoning_effort is OpenAI's, enable_thinking what templates of open models are told.
void read_thinking(FieldReader& fields, chat::Request& request) {
  request.effort = fields.text("reasoning_effort");
  if (const json* more = fields.find("chat_template_kwargs"); more != nullptr) {
    FieldReader keywords(*more, "chat_template_kwargs.");
    if (keywords.find("enable_thinking") != nullptr)
      request.thinking =
          keywords.boolean("enable_thinking", true) ? chat::Thinking::on : chat::Thinking::off;
    if (keywords.problem()) fields.complain(*keywords.problem());
  }
  if (request.effort == "none" || request.effort == "minimal") {
    request.thinking = chat::Thinking::off;
    request.effort.clear();
  } else if (!request.effort.empty() && request.thinking == chat::Thinking::by_default) {
    request.thinking = chat::Thinking::on;
  }
}

}  // namespace

ChatQuestion read_chat_question(FieldReader& fields) {
  ChatQuestion question;
  question.sampling = read_sampling(fields, SIZE_MAX);
  const json* messages = fields.find("messages");
  if (messages == nullptr || !messages->is_array() || messages->empty() ||
      messages->size() > kMaxMessages) {
    fields.complain("messages",
                    "expected a list of 1 to " + std::to_string(kMaxMessages) + " messages");
    return question;
  }
  for (size_t i = 0; i < messages->size() && !fields.problem(); ++i)
    question.chat.messages.push_back(
        read_message((*messages)[i], numbered("messages", i) + ".", fields));
  question.chat.tools = read_tools(fields);
  question.tool_choice = read_tool_choice(fields, question.chat.tools);
  if (question.tool_choice.kind == ToolChoice::Kind::none) question.chat.tools.clear();
  question.parallel_calls = fields.boolean("parallel_tool_calls", true);
  question.format = read_format(fields);
  read_thinking(fields, question.chat);
  const int64_t others = fields.integer("top_logprobs", 0, 0, kMaxChances);
  if (fields.boolean("logprobs", false)) question.n_chances = others;
  return question;
}

}  // namespace engramd::daemon::http
