// GLM-4.5 and 4.6 (with line ends between the parts), and GLM-4.7 and later (without).
//
//   <|assistant|>
//   <think>...</think>
//   text
//   <tool_call>f
//   <arg_key>a</arg_key>
//   <arg_value>value</arg_value>
//   </tool_call>
// A turn ends where the next marker (<|user|>, <|observation|>) begins. A value's type is not
// written: the tool's schema decides what is a string.
//
// Reasoning is shown only after the last user message: an answer's reasoning is gone from the
// prompt of the next turn.
#include "engine/chat/dialects.h"
#include "engine/chat/prompt_writer.h"
#include "engine/chat/stream.h"

namespace engramd::engine::chat {
namespace {

class GlmParser final : public StreamParser {
 public:
  explicit GlmParser(const ParserOptions& options) : StreamParser(options) {
    trim_next_words("\n");
    if (options.opens_reasoning) state_ = State::reasoning;
  }

 private:
  enum class State { text, reasoning, name, key, gap, value, broken };

  bool step() override {
    switch (state_) {
      case State::text:
      case State::reasoning: {
        const bool reasoning = state_ == State::reasoning;
        const std::string_view markers[] = {reasoning ? "</think>" : "<think>", "<tool_call>"};
        const auto found = pass_until(markers, reasoning ? Kind::reasoning : Kind::text);
        if (!found) return false;
        if (*found == 1) {
          begin_raw(markers[1]);
          state_ = State::name;
        } else {
          if (reasoning) drop_space();
          trim_next_words("\n");
          state_ = reasoning ? State::text : State::reasoning;
        }
        return true;
      }
      case State::name:
        return take_name();
      case State::key:
        return take_key();
      case State::gap: {
        if (!skip_space()) return false;
        const Match match = starts_with("<arg_value>");
        if (match == Match::maybe) return false;
        if (match == Match::yes) consume(std::string_view("<arg_value>").size());
        state_ = match == Match::yes ? State::value : State::broken;
        if (match == Match::yes) begin_parameter(key_, types_.of(call_name(), key_), false);
        return true;
      }
      case State::value: {
        static constexpr std::string_view kNext[] = {"<arg_key>", "</tool_call>"};
        if (!pass_value("</arg_value>", kNext)) return false;
        state_ = State::key;
        return true;
      }
      case State::broken:
        if (!skip_past("</tool_call>")) return false;
        break_call("a tool call that is not a name and <arg_key>, <arg_value> pairs");
        state_ = State::text;
        return true;
    }
    return false;
  }

  // Up to the first key or the end.
  bool take_name() {
    const size_t end = buffer().find('<');
    if (end == std::string_view::npos) return false;
    const std::string_view rest = buffer().substr(end);
    bool tag = false, may_be = false;
    for (const std::string_view open : {"<arg_key>", "</tool_call>"}) {
      tag = tag || rest.starts_with(open);
      may_be = may_be || (!at_end() && open.starts_with(rest));
    }
    if (!tag && may_be) return false;
    const std::string name(trimmed(buffer().substr(0, end)));
    if (!tag || name.empty() || name.find_first_of(" \n{") != std::string::npos) {
      state_ = State::broken;
      return true;
    }
    consume(end);
    drop_space();
    begin_call(name);
    state_ = State::key;
    return true;
  }

  bool take_key() {
    if (!skip_space()) return false;
    const Match end = starts_with("</tool_call>");
    if (end == Match::yes) {
      consume(std::string_view("</tool_call>").size());
      end_parameters();
      end_call();
      trim_next_words(" \t\r\n");
      state_ = State::text;
      return true;
    }
    constexpr std::string_view kOpen = "<arg_key>", kClose = "</arg_key>";
    const Match open = starts_with(kOpen);
    if (end == Match::maybe || open == Match::maybe) return false;
    const size_t close = buffer().find(kClose);
    if (open == Match::yes && close == std::string_view::npos && !at_end()) return false;
    if (open == Match::no || close == std::string_view::npos || close == kOpen.size()) {
      state_ = State::broken;
      return true;
    }
    key_ = trimmed(buffer().substr(kOpen.size(), close - kOpen.size()));
    consume(close + kClose.size());
    state_ = State::gap;
    return true;
  }

  State state_ = State::text;
  std::string key_;
};

class Glm final : public Dialect {
 public:
  // "\n" between the parts, or nothing.
  Glm(std::string_view name, std::string_view line_end) : name_(name), line_end_(line_end) {}
  std::string_view name() const override { return name_; }
  std::vector<std::string_view> stops() const override {
    return {"<|user|>", "<|observation|>", "<|endoftext|>"};
  }
  std::unique_ptr<Parser> parser(const ParserOptions& options) const override {
    return std::make_unique<GlmParser>(options);
  }

  Result<Prompt> render(const Request& request) const override {
    PromptWriter prompt;
    prompt.mark("[gMASK]<sop>");
    if (!request.tools.empty()) ENGRAMD_CHECK(write_tools(prompt, request.tools));
    const size_t last_question = last_of(request, Role::user);
    const bool has_question = last_question != static_cast<size_t>(-1);
    const bool compact = line_end_.empty();
    for (size_t i = 0; i < request.messages.size(); ++i) {
      const Message& message = request.messages[i];
      switch (message.role) {
        case Role::system:
          prompt.mark("<|system|>").mark(line_end_).data(message.text);
          break;
        case Role::user:
          prompt.mark("<|user|>").mark(line_end_).data(message.text);
          if (!compact && request.thinking == Thinking::off && !message.text.ends_with("/nothink"))
            prompt.mark("/nothink");
          break;
        case Role::tool:
          if (i == 0 || !is_at(request, i - 1, Role::tool)) prompt.mark("<|observation|>");
          prompt.mark(line_end_).mark("<tool_response>").mark(line_end_).data(message.text);
          prompt.mark(line_end_).mark("</tool_response>");
          break;
        case Role::assistant:
          ENGRAMD_CHECK(write_answer(prompt, message, !has_question || i > last_question));
          break;
      }
    }
    if (!request.add_generation_prompt) return prompt.take();
    prompt.mark("<|assistant|>");
    if (compact) {
      prompt.mark(request.thinking == Thinking::off ? "</think>" : "<think>");
      if (request.thinking != Thinking::off) prompt.opens_reasoning();
    } else if (request.thinking == Thinking::off) {
      prompt.mark("\n<think></think>");
    }
    return prompt.take();
  }

 private:
  Status write_tools(PromptWriter& prompt, const std::vector<Tool>& tools) const {
    prompt.mark(
        "<|system|>\n# Tools\n\nYou may call one or more functions to assist with the user "
        "query.\n\nYou are provided with function signatures within <tools></tools> XML "
        "tags:\n<tools>\n");
    for (const Tool& tool : tools) {
      ENGRAMD_TRY(const std::string json, tool_json(tool));
      prompt.data(json).mark("\n");
    }
    prompt.mark(
        "</tools>\n\nFor each function call, output the function name and arguments within the "
        "following XML format:\n");
    // The same with and without line ends.
    prompt.mark("<tool_call>{function-name}").mark(line_end_);
    for (const std::string_view n : {"1", "2"})
      prompt.mark("<arg_key>{arg-key-")
          .mark(n)
          .mark("}</arg_key>")
          .mark(line_end_)
          .mark("<arg_value>{arg-value-")
          .mark(n)
          .mark("}</arg_value>")
          .mark(line_end_);
    prompt.mark("...").mark(line_end_).mark("</tool_call>");
    return {};
  }

  Status write_answer(PromptWriter& prompt, const Message& message, bool after_question) const {
    prompt.mark("<|assistant|>").mark(line_end_);
    if (after_question && !message.reasoning.empty())
      prompt.mark("<think>").data(trimmed(message.reasoning)).mark("</think>");
    else
      prompt.mark(line_end_.empty() ? "</think>" : "<think></think>");
    if (const std::string_view text = trimmed(message.text); !text.empty())
      prompt.mark(line_end_).data(text);
    for (const ToolCall& call : message.tool_calls) {
      ENGRAMD_TRY(const Value arguments,
                  parse_object(call.arguments, "the arguments of " + call.name));
      prompt.mark(line_end_).mark("<tool_call>").data(call.name).mark(line_end_);
      for (const auto& [name, value] : arguments.members)
        prompt.mark("<arg_key>")
            .data(name)
            .mark("</arg_key>")
            .mark(line_end_)
            .mark("<arg_value>")
            .data(value.is_string() ? value.text : to_json(value))
            .mark("</arg_value>")
            .mark(line_end_);
      prompt.mark("</tool_call>");
    }
    return {};
  }

  std::string_view name_, line_end_;
};

}  // namespace

const Dialect& glm46() {
  static const Glm dialect("glm-4.6", "\n");
  return dialect;
}
const Dialect& glm47() {
  static const Glm dialect("glm-4.7", "");
  return dialect;
}

}  // namespace engramd::engine::chat
