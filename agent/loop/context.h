// agent/loop/context.h - what the model is sent: a prompt that only grows, and rarely shrinks.
//
// The engine and most endpoints keep what they computed of a prompt's beginning, so every change
// before the end costs all that follows it. Messages are only appended. When the next request would
// not fit, old tool answers are replaced by stubs in one large step, down to half of the room: one
// expensive request in many instead of a little damage at each. The system message, the task and
// the last turns stay as they are. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/model/chat_model.h"

namespace engramd::agent {

struct ContextLimits {
  int64_t max_tokens = 128'000;   // of prompt and reply together
  int64_t reply_tokens = 8'000;   // kept free for the reply
  size_t n_recent_answers = 6;    // tool answers that are left alone, the newest
  size_t min_elided_bytes = 400;  // shorter answers are not worth a stub
};

class PromptContext {
 public:
  explicit PromptContext(ContextLimits limits, const std::vector<ToolDescription>& tools = {});

  void add(Message message);
  const std::vector<Message>& prompt() const { return prompt_; }

  // Before a request: the answers to leave out now (places in the prompt), done already; empty when
  // all fits. fits() is false when nothing more can be left out and it is still too long.
  std::vector<size_t> make_room();
  // The endpoint has refused the prompt as too long: believes it, and makes room below half of it.
  std::vector<size_t> make_room_after_refusal();
  // Does what an earlier run's make_room did.
  void elide(const std::vector<size_t>& messages);
  bool fits() const { return tokens() + limits_.reply_tokens <= limits_.max_tokens; }

  // After a request: what the endpoint counted (0: it does not say) mends the estimate.
  void sent(int64_t prompt_tokens);
  int64_t tokens() const;  // an estimate of the next prompt
  // The share of prompt bytes, from the second request on, that were the same in the request
  // before it, from the beginning. 1 when there was no second request.
  double reused() const;

 private:
  static size_t bytes_of(const Message& message);
  std::vector<size_t> shrink_to(int64_t target_tokens);
  void put_stub(size_t index);

  ContextLimits limits_;
  size_t tool_bytes_ = 0;
  std::vector<Message> prompt_;
  size_t n_bytes_ = 0;  // of prompt_
  double bytes_per_token_ = 3.5;
  // The request before: how many messages it had, and from where on it differs from now.
  size_t n_sent_ = 0, first_changed_ = 0;
  double shared_bytes_ = 0, all_bytes_ = 0;
};

}  // namespace engramd::agent
