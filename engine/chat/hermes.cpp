// ChatML, with tool calls as JSON between <tool_call> tags ("Hermes"): Qwen2.5, Qwen3, and every
// model whose template says no more than <|im_start|>.
//
//   <|im_start|>assistant
//   <think>
//   ...
//   </think>
//
//   text
//   <tool_call>
//   {"name": "f", "arguments": {"a": 1}}
//   </tool_call><|im_end|>
//
// Qwen3 shows reasoning only after the last user message: an answer's reasoning is gone from the
// prompt of the next turn.
#include "engine/chat/call_object.h"
#include "engine/chat/dialects.h"
#include "engine/chat/prompt_writer.h"
#include "engine/chat/stream.h"

namespace engramd::engine::chat {
namespace {

struct Variant {
  std::string_view name;
  std::string_view default_system;  // when the conversation has none
  bool reasons = false;
};

class HermesParser final : public StreamParser {
 public:
  explicit HermesParser(const ParserOptions& options) : StreamParser(options) {
    if (options.opens_reasoning) begin_reasoning();
  }

 private:
  enum class State { text, reasoning, object, closing, broken };

  void begin_reasoning() {
    state_ = State::reasoning;
    trim_next_words("\n");
  }

  bool step() override {
    switch (state_) {
      case State::text: {
        static constexpr std::string_view kMarkers[] = {"<think>", "<tool_call>"};
        const auto found = pass_until(kMarkers, Kind::text);
        if (found == 0) begin_reasoning();
        if (found == 1) {
          begin_raw(kMarkers[1]);
          object_ = CallObject("arguments");
          state_ = State::object;
        }
        return found.has_value();
      }
      case State::reasoning: {
        static constexpr std::string_view kMarkers[] = {"</think>"};
        if (!pass_until(kMarkers, Kind::reasoning)) return false;
        drop_space();
        trim_next_words("\n");
        state_ = State::text;
        return true;
      }
      case State::object:
        return take_object();
      case State::closing:
        return take_closing();
      case State::broken:
        if (!skip_past("</tool_call>")) return false;
        break_call("a tool call that is not {\"name\": ..., \"arguments\": {...}}");
        state_ = State::text;
        return true;
    }
    return false;
  }

  bool take_object() {
    if (!object_started_ && !skip_space()) return false;
    object_started_ = true;
    const size_t n = object_.take(buffer());
    consume(n);
    // First what is there, then what is wrong with it: the same events however the text was cut.
    if (!object_.name().empty()) {
      if (!in_call()) {
        drop_space();
        begin_call(object_.name());
      }
      arguments(object_.take_arguments());
    }
    if (object_.broken()) {
      state_ = State::broken;
      object_started_ = false;
      return true;
    }
    if (!object_.done()) return n > 0 && !buffer().empty();
    object_started_ = false;
    if (object_.name().empty() || !object_.arguments_are_object()) {
      state_ = State::broken;
      return true;
    }
    if (!object_.has_arguments()) arguments("{}");
    end_call();
    state_ = State::closing;
    return true;
  }

  // </tool_call> may be missing, and another object may follow.
  bool take_closing() {
    if (!skip_space()) return false;
    const Match match = starts_with("</tool_call>");
    if (match == Match::maybe) return false;
    if (match == Match::yes) {
      consume(std::string_view("</tool_call>").size());
    } else if (buffer()[0] == '{') {
      begin_raw();
      object_ = CallObject("arguments");
      state_ = State::object;
      return true;
    }
    trim_next_words(" \t\r\n");
    state_ = State::text;
    return true;
  }

  State state_ = State::text;
  CallObject object_{"arguments"};
  bool object_started_ = false;
};

class Hermes final : public Dialect {
 public:
  explicit Hermes(Variant variant) : variant_(variant) {}
  std::string_view name() const override { return variant_.name; }
  std::vector<std::string_view> stops() const override { return {"<|im_end|>", "<|endoftext|>"}; }
  std::unique_ptr<Parser> parser(const ParserOptions& options) const override {
    return std::make_unique<HermesParser>(options);
  }

  Result<Prompt> render(const Request& request) const override {
    PromptWriter prompt;
    ENGRAMD_CHECK(write_system(prompt, request));
    // The last question: results of tools do not count.
    const size_t last_question = last_of(request, Role::user);
    for (size_t i = 0; i < request.messages.size(); ++i) {
      const Message& message = request.messages[i];
      switch (message.role) {
        case Role::system:
          if (i > 0) turn(prompt, "system", message.text);
          break;
        case Role::user:
          turn(prompt, "user", message.text);
          break;
        case Role::assistant: {
          const bool after_question = last_question != static_cast<size_t>(-1) && i > last_question;
          ENGRAMD_CHECK(
              write_answer(prompt, message, after_question, i + 1 == request.messages.size()));
          break;
        }
        case Role::tool:
          if (i == 0 || !is_at(request, i - 1, Role::tool)) prompt.mark("<|im_start|>user");
          prompt.mark("\n<tool_response>\n").data(message.text).mark("\n</tool_response>");
          if (!is_at(request, i + 1, Role::tool)) prompt.mark("<|im_end|>\n");
          break;
      }
    }
    if (request.add_generation_prompt) {
      prompt.mark("<|im_start|>assistant\n");
      if (variant_.reasons && request.thinking == Thinking::off)
        prompt.mark("<think>\n\n</think>\n\n");
    }
    return prompt.take();
  }

 private:
  static void turn(PromptWriter& prompt, std::string_view role, std::string_view text) {
    prompt.mark("<|im_start|>").mark(role).mark("\n").data(text).mark("<|im_end|>\n");
  }

  Status write_system(PromptWriter& prompt, const Request& request) const {
    const bool has_system = is_at(request, 0, Role::system);
    if (request.tools.empty()) {
      if (has_system)
        turn(prompt, "system", request.messages[0].text);
      else if (!variant_.default_system.empty())
        turn(prompt, "system", variant_.default_system);
      return {};
    }
    prompt.mark("<|im_start|>system\n");
    if (has_system)
      prompt.data(request.messages[0].text).mark("\n\n");
    else if (!variant_.default_system.empty())
      prompt.mark(variant_.default_system).mark("\n\n");
    prompt.mark(
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>");
    for (const Tool& tool : request.tools) {
      ENGRAMD_TRY(const std::string json, tool_json(tool));
      prompt.mark("\n").data(json);
    }
    prompt.mark(
        "\n</tools>\n\nFor each function call, return a json object with function name and "
        "arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n"
        "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n");
    return {};
  }

  Status write_answer(PromptWriter& prompt, const Message& message, bool after_question,
                      bool last) const {
    prompt.mark("<|im_start|>assistant");
    std::string_view text = message.text;
    // Where there is a call and no text, Qwen2.5's template writes one line end, Qwen3's another.
    const bool calls = !message.tool_calls.empty();
    if (!variant_.reasons) {
      if (!calls || !text.empty()) prompt.mark("\n").data(text);
    } else {
      prompt.mark("\n");
      if (after_question && (last || !message.reasoning.empty())) {
        text = without_leading(text, '\n');
        prompt.mark("<think>\n").data(trimmed(message.reasoning, "\n")).mark("\n</think>\n\n");
      }
      prompt.data(text);
    }
    for (size_t i = 0; i < message.tool_calls.size(); ++i) {
      const ToolCall& call = message.tool_calls[i];
      ENGRAMD_TRY(const Value arguments,
                  parse_object(call.arguments, "the arguments of " + call.name));
      if (!variant_.reasons || i > 0 || !message.text.empty()) prompt.mark("\n");
      prompt.mark("<tool_call>\n{\"name\": \"")
          .data(call.name)
          .mark("\", \"arguments\": ")
          .data(to_json(arguments))
          .mark("}\n</tool_call>");
    }
    prompt.mark("<|im_end|>\n");
    return {};
  }

  Variant variant_;
};

}  // namespace

const Dialect& chatml() {
  static const Hermes dialect({"chatml", "", false});
  return dialect;
}
const Dialect& qwen25() {
  static const Hermes dialect(
      {"qwen2.5", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", false});
  return dialect;
}
const Dialect& qwen3() {
  static const Hermes dialect({"qwen3", "", true});
  return dialect;
}

}  // namespace engramd::engine::chat
