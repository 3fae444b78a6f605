#include "agent/model/replay.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/model/message_json.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

class ReplayModel final : public ChatModel {
 public:
  ReplayModel(std::string name, std::vector<Message> turns)
      : name_(std::move(name)), turns_(std::move(turns)) {}

  std::string name() const override { return name_; }

  Result<ChatReply> reply(const std::vector<Message>& history, const std::vector<ToolDescription>&,
                          const std::function<void(std::string_view)>& on_text,
                          const CancelToken& cancel) override {
    ENGRAMD_CHECK(cancel.check());
    const auto turn = static_cast<size_t>(std::count_if(
        history.begin(), history.end(),
        [](const Message& message) { return message.role == Message::Role::assistant; }));
    if (turn >= turns_.size())
      return fail(ErrorCode::exhausted, "the recorded transcript has " +
                                            std::to_string(turns_.size()) + " turns, turn " +
                                            std::to_string(turn + 1) + " was asked for");
    ChatReply reply;
    reply.message = turns_[turn];
    reply.finish_reason = reply.message.calls.empty() ? "stop" : "tool_calls";
    if (on_text) on_text(reply.message.text);
    return reply;
  }

 private:
  std::string name_;
  std::vector<Message> turns_;
};

}  // namespace

Result<std::unique_ptr<ChatModel>> open_replay_model(const std::filesystem::path& transcript) {
  ENGRAMD_TRY(const std::string text, read_file(transcript, 64u << 20));
  std::vector<Message> turns;
  size_t line_number = 0;
  for (const std::string_view line : split_lines(text)) {
    ++line_number;
    if (trim(line).empty()) continue;
    const std::string where = transcript.string() + ":" + std::to_string(line_number);
    const auto value = nlohmann::json::parse(line, nullptr, false);
    if (value.is_discarded()) return fail(ErrorCode::corrupt, where + " is not JSON");
    auto message = message_from_json(value);
    if (!message) return fail(message.error().with(where));
    if (message->role != Message::Role::assistant)
      return fail(ErrorCode::corrupt, where + " is not an assistant message");
    turns.push_back(std::move(*message));
  }
  return std::make_unique<ReplayModel>("replay:" + transcript.filename().string(),
                                       std::move(turns));
}

}  // namespace engramd::agent
