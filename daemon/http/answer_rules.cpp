#include "daemon/http/answer_rules.h"

#include "base/log.h"
#include "engine/api/chat_turn.h"

namespace engramd::daemon::http {
namespace {

namespace grammar = engine::grammar;

// What a dialect begins a call with, where that is text rather than control tokens.
std::string_view call_begin(grammar::Envelope envelope) {
  switch (envelope) {
    case grammar::Envelope::hermes:
    case grammar::Envelope::qwen_xml:
      return "<tool_call>\n";
    case grammar::Envelope::glm:
      return "<tool_call>";
    default:
      return {};
  }
}

// What a dialect writes before an answer that is no call.
std::string_view answer_begin(std::optional<grammar::Envelope> envelope) {
  return envelope == grammar::Envelope::harmony ? "<|channel|>final<|message|>" : "";
}

tl::unexpected<ApiError> refused(int status, std::string message, const char* param) {
  return tl::unexpected(ApiError{status, std::move(message), param, "", 0});
}

}  // namespace

void settle_thinking(ChatQuestion& question) {
  if (question.format.kind != AnswerFormat::Kind::text)
    question.chat.thinking = engine::chat::Thinking::off;
}

tl::expected<AnswerRules, ApiError> answer_rules(const ChatQuestion& question,
                                                 const ServedModel& served, bool opens_reasoning) {
  AnswerRules rules;
  const auto envelope = grammar::envelope_of(served.dialect->name());
  const auto& tools = question.chat.tools;
  if (question.format.kind != AnswerFormat::Kind::text) {
    if (!tools.empty())
      return refused(400, "response_format and tools cannot be had together; say tool_choice none",
                     "response_format");
    if (opens_reasoning)
      return refused(501, "a model that always reasons first cannot be held to a format here",
                     "response_format");
    const bool any = question.format.kind == AnswerFormat::Kind::json_object;
    const std::string schema = any ? R"({"type":"object"})" : question.format.schema;
    auto constraint = served.constraints->get("schema " + schema, [&] {
      return grammar::constraint_from_schema(schema, grammar::JsonLayout::compact, served.trie);
    });
    if (!constraint)
      return refused(400, constraint.error().message, "response_format.json_schema.schema");
    rules.constraint = *std::move(constraint);
    rules.opening = answer_begin(envelope);
    return rules;
  }
  if (tools.empty()) return rules;
  const bool must = question.tool_choice.kind != ToolChoice::Kind::automatic;
  if (!envelope) {
    if (!must) return rules;
    return refused(501, "calls cannot be required of this model's dialect", "tool_choice");
  }
  const bool named = question.tool_choice.kind == ToolChoice::Kind::named;
  std::vector<engine::chat::Tool> callable;
  for (const engine::chat::Tool& tool : tools)
    if (!named || tool.name == question.tool_choice.name) callable.push_back(tool);
  grammar::ToolCallOptions options;
  options.required = must;
  options.several = question.parallel_calls && !named;
  options.opens_reasoning = opens_reasoning;
  auto constraint = engine::chat::tool_call_constraint(*served.constraints, *served.dialect,
                                                       callable, options, served.trie);
  if (!constraint && must) return refused(400, constraint.error().message, "tools");
  if (!constraint) {
    log_warning("calls are not held to a grammar: " + constraint.error().message);
    return rules;
  }
  rules.constraint = *std::move(constraint);
  rules.calls_are_safe = true;
  rules.ends_with_call = must && !options.several;
  if (must && !opens_reasoning) rules.forced_prefix = call_begin(*envelope);
  return rules;
}

}  // namespace engramd::daemon::http
