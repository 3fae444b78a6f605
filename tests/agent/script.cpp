#include "tests/agent/script.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace engramd::test {

using agent::ChatReply;
using agent::Message;

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

Script& Script::calls(std::vector<std::pair<std::string, std::string>> list) {
  ChatReply reply;
  reply.message.role = Message::Role::assistant;
  for (auto& [tool, arguments] : list)
    reply.message.calls.push_back(
        {"call_" + std::to_string(turns_.size()) + "_" + std::to_string(reply.message.calls.size()),
         tool, arguments});
  reply.finish_reason = "tool_calls";
  reply.usage = usage_;
  turns_.push_back(std::move(reply));
  return *this;
}

Script& Script::call(const std::string& tool, const std::string& arguments_json) {
  return calls({{tool, arguments_json}});
}

Script& Script::say(const std::string& text, const std::string& finish_reason) {
  ChatReply reply;
  reply.message.role = Message::Role::assistant;
  reply.message.text = text;
  reply.finish_reason = finish_reason;
  reply.usage = usage_;
  turns_.push_back(std::move(reply));
  return *this;
}

Script& Script::error(ErrorCode code, const std::string& message) {
  turns_.push_back(fail(code, message));
  return *this;
}

Script& Script::finish(const std::string& summary) {
  return call("finish", "{\"summary\": " + quoted(summary) + "}");
}

Script& Script::for_ever() {
  for_ever_ = true;
  return *this;
}

Script& Script::usage(agent::Usage usage) {
  usage_ = usage;
  return *this;
}

Result<ChatReply> Script::reply(const std::vector<Message>& history,
                                const std::vector<agent::ToolDescription>& tools,
                                const std::function<void(std::string_view)>& on_text,
                                const CancelToken& cancel) {
  ENGRAMD_CHECK(cancel.check());
  ++n_asked;
  last_prompt = history;
  last_tools = tools;
  everything_sent.clear();
  for (const Message& message : history) everything_sent += message.text + "\n";
  auto turn =
      static_cast<size_t>(std::count_if(history.begin(), history.end(), [](const Message& message) {
        return message.role == Message::Role::assistant;
      }));
  if (turn >= turns_.size()) {
    if (!for_ever_ || turns_.empty())
      return fail(ErrorCode::exhausted, "the script has no turn " + std::to_string(turn + 1));
    turn = turns_.size() - 1;
  }
  if (turns_[turn] && on_text) on_text(turns_[turn]->message.text);
  return turns_[turn];
}

}  // namespace engramd::test
