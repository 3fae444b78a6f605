// daemon/http/chat_answer.h - an answer of a chat on its way from tokens to a client: as one
// message or as the deltas of a stream.
//
// The dialect's parser tells text, reasoning and tool calls apart. A call that the model may still
// get wrong is told when it is complete; one that a grammar keeps right
// (AnswerStart::calls_are_safe) is told as it comes. What turns out to be no call comes as text.
// One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/http/chat_request.h"
#include "daemon/http/generation.h"
#include "daemon/serve/answer_text.h"

namespace engramd::daemon::http {

struct AnswerStart {
  bool opens_reasoning = false;  // Prompt::opens_reasoning
  std::string opening;           // written before the answer, AnswerRules::opening
  bool calls_are_safe = false, ends_with_call = false;
};

class ChatAnswer {
 public:
  ChatAnswer(const ServedModel& served, std::shared_ptr<Exchange> exchange,
             const ChatQuestion& question, const AnswerStart& start);

  // False ends the answer: a stop string, a last call, or nobody reads.
  bool take(engine::TokenId token, float probability, std::span<const float> logits);
  void finish(Result<serve::Outcome> outcome);

 private:
  struct Call {
    std::string id, name, arguments;
  };
  void apply(const engine::chat::Event& event);
  void show(const char* field, const std::string& text);
  void tell_call(const Call& call, size_t index, bool begins);
  void send_delta(nlohmann::json delta, const nlohmann::json& reason);
  nlohmann::json envelope(const char* object) const;
  nlohmann::json chances_json();

  const ServedModel& served_;
  const std::shared_ptr<Exchange> exchange_;
  EventStream events_;
  const Sampling sampling_;
  const int64_t n_chances_;
  const bool calls_are_safe_, ends_with_call_;
  const std::string id_ = new_id("chatcmpl-");
  const int64_t created_;
  const std::unique_ptr<engine::chat::Parser> parser_;
  serve::StopStrings stops_;
  std::vector<TokenChance> chances_;
  std::string text_, reasoning_;
  std::vector<Call> calls_;  // complete
  Call open_call_;           // begun
  bool begun_ = false, gone_ = false;
  bool in_reasoning_;
  size_t n_reasoning_ = 0;  // tokens
};

}  // namespace engramd::daemon::http
