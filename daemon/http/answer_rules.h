// daemon/http/answer_rules.h - what a request demands of the answer's form, as a grammar for the
// engine: JSON, JSON that a schema accepts, well-formed tool calls.
//
// Pure functions: any thread.
#pragma once

#include <string>

#include "daemon/http/chat_request.h"
#include "engine/api/grammar.h"

namespace engramd::daemon::http {

// Before the prompt is made: an answer that is JSON from its first byte has no reasoning in it.
void settle_thinking(ChatQuestion& question);

struct AnswerRules {
  engine::grammar::SharedConstraint constraint;  // null: any text
  // What the dialect writes before an answer's text; appended to the prompt and fed to the parser.
  // Markers in it are tokens.
  std::string opening;
  // The answer starts with this, where a call is required and nothing comes before it.
  std::string forced_prefix;
  bool calls_are_safe = false;  // a call that is begun is well formed, and of a tool there is
  bool ends_with_call = false;  // after the first one
};
// Of tools that the grammar cannot say the calls stay free, unless a call is required.
tl::expected<AnswerRules, ApiError> answer_rules(const ChatQuestion& question,
                                                 const ServedModel& served, bool opens_reasoning);

}  // namespace engramd::daemon::http
