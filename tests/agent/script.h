// tests/agent/script.h - a scripted model, turn by turn, for stories about the loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/model/chat_model.h"

namespace engramd::test {

// Answers with its turns in order, counted by the assistant messages in the history (so that a
// resumed run goes on where it was); behind the last one it repeats the last, or fails.
class Script final : public agent::ChatModel {
 public:
  Script& call(const std::string& tool, const std::string& arguments_json);
  Script& calls(std::vector<std::pair<std::string, std::string>> list);
  Script& say(const std::string& text, const std::string& finish_reason = "stop");
  Script& error(engramd::ErrorCode code, const std::string& message);
  Script& finish(const std::string& summary = "done");
  Script& for_ever();  // the last turn again and again
  // Of each reply from here on.
  Script& usage(agent::Usage usage);

  std::string name() const override { return "script"; }
  Result<agent::ChatReply> reply(const std::vector<agent::Message>& history,
                                 const std::vector<agent::ToolDescription>& tools,
                                 const std::function<void(std::string_view)>& on_text,
                                 const CancelToken& cancel) override;

  // What the model was sent last.
  std::vector<agent::Message> last_prompt;
  std::vector<agent::ToolDescription> last_tools;
  size_t n_asked = 0;
  std::string everything_sent;  // all texts it ever saw

 private:
  std::vector<Result<agent::ChatReply>> turns_;
  agent::Usage usage_;
  bool for_ever_ = false;
};

std::string quoted(const std::string& text);  // as a JSON string

}  // namespace engramd::test
