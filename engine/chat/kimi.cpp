// Kimi-K2, and K2-Thinking, which reasons.
//
//   <|im_assistant|>assistant<|im_middle|><think>...</think>text<|tool_calls_section_begin|>
//   <|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{...}<|tool_call_end|>
//   <|tool_calls_section_end|><|im_end|>
// (no line ends between them). A call's id is its tool's name and its number in the conversation.
//
// K2-Thinking keeps reasoning until the first answer without a call: later prompts of a task of
// many calls are prefixes of each other, the one after the answer is not.
#include <algorithm>

#include "engine/chat/dialects.h"
#include "engine/chat/prompt_writer.h"
#include "engine/chat/stream.h"

namespace engramd::engine::chat {
namespace {

constexpr std::string_view kSectionBegin = "<|tool_calls_section_begin|>";
constexpr std::string_view kSectionEnd = "<|tool_calls_section_end|>";
constexpr std::string_view kCallBegin = "<|tool_call_begin|>";
constexpr std::string_view kArgumentBegin = "<|tool_call_argument_begin|>";
constexpr std::string_view kCallEnd = "<|tool_call_end|>";
constexpr std::string_view kFunctions = "functions.";

class KimiParser final : public StreamParser {
 public:
  explicit KimiParser(const ParserOptions& options) : StreamParser(options) {
    if (options.opens_reasoning) state_ = State::reasoning;
  }

 private:
  enum class State { text, reasoning, section, id, arguments, broken };

  bool step() override {
    switch (state_) {
      case State::text:
      case State::reasoning: {
        const bool reasoning = state_ == State::reasoning;
        const std::string_view markers[] = {reasoning ? "</think>" : "<think>", kSectionBegin,
                                            kCallBegin};
        const auto found = pass_until(markers, reasoning ? Kind::reasoning : Kind::text);
        if (!found) return false;
        if (*found == 0) {
          drop_layout("");
          state_ = reasoning ? State::text : State::reasoning;
          return true;
        }
        begin_raw(markers[*found]);
        state_ = *found == 1 ? State::section : State::id;
        return true;
      }
      case State::section:
        return take_section();
      case State::id:
        return take_id();
      case State::arguments:
        return take_arguments();
      case State::broken:
        if (!skip_past(kCallEnd)) return false;
        break_call("a tool call without <|tool_call_argument_begin|>");
        state_ = State::section;
        begin_raw();
        return true;
    }
    return false;
  }

  bool take_section() {
    if (!skip_space()) return false;
    const Match call = starts_with(kCallBegin), end = starts_with(kSectionEnd);
    if (call == Match::maybe || end == Match::maybe) return false;
    if (call == Match::yes) {
      consume(kCallBegin.size());
      state_ = State::id;
      return true;
    }
    if (end == Match::yes) {
      consume(kSectionEnd.size());
      forget_raw();
    } else {
      break_call("a section of tool calls that holds something else");
    }
    trim_next_words(" \t\r\n");
    state_ = State::text;
    return true;
  }

  bool take_id() {
    constexpr size_t kMaxId = 1024;
    const size_t at = buffer().find(kArgumentBegin);
    const size_t taken =
        at == std::string_view::npos ? buffer().size() : at + kArgumentBegin.size();
    if (taken > kMaxId || buffer().find(kCallEnd) < at) {
      state_ = State::broken;
      return true;
    }
    if (at == std::string_view::npos) return false;
    std::string_view name = trimmed(buffer().substr(0, at));
    if (name.starts_with(kFunctions)) name.remove_prefix(kFunctions.size());
    name = name.substr(0, name.rfind(':'));
    const std::string copy(name);
    if (copy.empty()) {
      state_ = State::broken;
      return true;
    }
    consume(at + kArgumentBegin.size());
    drop_space();
    begin_call(copy);
    arguments_.clear();
    state_ = State::arguments;
    return true;
  }

  bool take_arguments() {
    const size_t at = buffer().find(kCallEnd);
    const bool found = at != std::string_view::npos;
    size_t n = at;
    if (!found) {
      const size_t bar = buffer().rfind('<');
      n = bar != std::string_view::npos && kCallEnd.starts_with(buffer().substr(bar))
              ? bar
              : buffer().size();
    }
    arguments_ += buffer().substr(0, n);
    arguments(buffer().substr(0, n));
    consume(n);
    if (!found) return false;
    consume(kCallEnd.size());
    if (trimmed(arguments_).empty()) {
      arguments("{}");
      end_call();
    } else if (const auto value = parse_json(arguments_); value && value->is_object()) {
      end_call();
    } else {
      break_call("the arguments of " + call_name() + " are not a JSON object");
    }
    begin_raw();
    state_ = State::section;
    return true;
  }

  void leftover() override {
    // Calls may be complete and only the section's end missing.
    if (state_ == State::section && trimmed(buffer()).empty()) {
      consume(buffer().size());
      forget_raw();
    }
    StreamParser::leftover();
  }

  State state_ = State::text;
  std::string arguments_;
};

class Kimi final : public Dialect {
 public:
  Kimi(std::string_view name, bool reasons) : name_(name), reasons_(reasons) {}
  std::string_view name() const override { return name_; }
  std::vector<std::string_view> stops() const override { return {"<|im_end|>", "[EOS]"}; }
  std::unique_ptr<Parser> parser(const ParserOptions& options) const override {
    return std::make_unique<KimiParser>(options);
  }

  Result<Prompt> render(const Request& request) const override {
    PromptWriter prompt;
    if (!request.tools.empty()) {
      prompt.mark("<|im_system|>tool_declare<|im_middle|>[");
      for (size_t i = 0; i < request.tools.size(); ++i) {
        ENGRAMD_TRY(const std::string json, tool_json(request.tools[i]));
        prompt.mark(i > 0 ? ", " : "").data(json);
      }
      prompt.mark("]<|im_end|>");
    }
    if (!is_at(request, 0, Role::system) && (reasons_ || !request.messages.empty())) {
      prompt.mark(
          "<|im_system|>system<|im_middle|>You are Kimi, an AI assistant created by Moonshot "
          "AI.<|im_end|>");
      if (!reasons_) prompt.mark("\n");
    }
    size_t kept_from = 0;  // reasoning of what comes after is shown
    for (size_t i = request.messages.size(); reasons_ && i > 0; --i)
      if (request.messages[i - 1].role == Role::assistant &&
          request.messages[i - 1].tool_calls.empty())
        kept_from = i;
    std::vector<Waiting> waiting;
    size_t n_calls = 0;
    for (size_t i = 0; i < request.messages.size(); ++i) {
      const Message& message = request.messages[i];
      switch (message.role) {
        case Role::system:
          prompt.mark("<|im_system|>system<|im_middle|>").data(message.text);
          break;
        case Role::user:
          prompt.mark("<|im_user|>user<|im_middle|>").data(message.text);
          break;
        case Role::tool:
          prompt.mark("<|im_system|>tool<|im_middle|>## Return of ");
          prompt.data(take_waiting(waiting, message.tool_call_id, n_calls));
          prompt.mark("\n").data(message.text);
          break;
        case Role::assistant:
          prompt.mark("<|im_assistant|>assistant<|im_middle|>");
          if (reasons_) {
            prompt.mark("<think>");
            if (i >= kept_from) prompt.data(message.reasoning);
            prompt.mark("</think>");
          }
          prompt.data(message.text);
          ENGRAMD_CHECK(write_calls(prompt, message.tool_calls, n_calls, waiting));
          break;
      }
      prompt.mark("<|im_end|>");
    }
    if (request.add_generation_prompt) prompt.mark("<|im_assistant|>assistant<|im_middle|>");
    return prompt.take();
  }

 private:
  // A call whose result has not come: the caller's id of it, and the one in the prompt.
  struct Waiting {
    std::string id, written;
  };
  // By the caller's id, else the oldest.
  static std::string take_waiting(std::vector<Waiting>& waiting, std::string_view id,
                                  size_t n_calls) {
    auto found = std::find_if(waiting.begin(), waiting.end(),
                              [&](const Waiting& call) { return !id.empty() && call.id == id; });
    if (found == waiting.end()) found = waiting.begin();
    if (found == waiting.end())
      return std::string(kFunctions) + "unknown:" + std::to_string(n_calls);
    std::string written = std::move(found->written);
    waiting.erase(found);
    return written;
  }

  static Status write_calls(PromptWriter& prompt, const std::vector<ToolCall>& calls,
                            size_t& n_calls, std::vector<Waiting>& waiting) {
    if (calls.empty()) return {};
    prompt.mark(kSectionBegin);
    for (const ToolCall& call : calls) {
      ENGRAMD_CHECK(parse_object(call.arguments, "the arguments of " + call.name));
      waiting.push_back(
          {call.id, std::string(kFunctions) + call.name + ":" + std::to_string(n_calls++)});
      // As the model wrote them: nothing makes it write them another way.
      prompt.mark(kCallBegin)
          .data(waiting.back().written)
          .mark(kArgumentBegin)
          .data(call.arguments)
          .mark(kCallEnd);
    }
    prompt.mark(kSectionEnd);
    return {};
  }

  std::string_view name_;
  bool reasons_;
};

}  // namespace

const Dialect& kimi_k2() {
  static const Kimi dialect("kimi-k2", false);
  return dialect;
}
const Dialect& kimi_k2_thinking() {
  static const Kimi dialect("kimi-k2-thinking", true);
  return dialect;
}

}  // namespace engramd::engine::chat
