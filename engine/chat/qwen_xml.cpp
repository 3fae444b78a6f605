// ChatML with tool calls in tags: Qwen3-Coder (no reasoning, tools described in tags) and
// Qwen3.5 and later (reasoning, tools described as JSON).
//
//   <tool_call>
//   <function=f>
//   <parameter=a>
//   value, over as many lines as it has
//   </parameter>
//   </function>
//   </tool_call><|im_end|>
//
// A value's type is not written: the tool's schema decides what is a string. Qwen3.5 shows
// reasoning only after the last user message: an answer's reasoning is gone from the prompt of the
// next turn.
#include <algorithm>

#include "engine/chat/dialects.h"
#include "engine/chat/prompt_writer.h"
#include "engine/chat/stream.h"

namespace engramd::engine::chat {
namespace {

class QwenXmlParser final : public StreamParser {
 public:
  explicit QwenXmlParser(const ParserOptions& options) : StreamParser(options) {
    if (options.opens_reasoning) begin_reasoning();
  }

 private:
  enum class State { text, reasoning, function, parameters, value, closing, broken };

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
          state_ = State::function;
        }
        return found.has_value();
      }
      case State::reasoning: {
        // Some answers call from inside the reasoning.
        static constexpr std::string_view kMarkers[] = {"</think>", "<tool_call>"};
        const auto found = pass_until(kMarkers, Kind::reasoning);
        if (!found) return false;
        drop_space();
        trim_next_words("\n");
        state_ = State::text;
        if (*found == 1) {
          begin_raw(kMarkers[1]);
          state_ = State::function;
        }
        return true;
      }
      case State::function:
        return take_tag("<function=", [&](std::string_view name) {
          drop_space();
          begin_call(name);
          state_ = State::parameters;
        });
      case State::parameters:
        return take_parameter();
      case State::value: {
        static constexpr std::string_view kNext[] = {"<parameter=", "</function>", "</tool_call>"};
        if (!pass_value("</parameter>", kNext)) return false;
        state_ = State::parameters;
        return true;
      }
      case State::closing: {
        if (!skip_space()) return false;
        const Match match = starts_with("</tool_call>");
        if (match == Match::maybe) return false;
        if (match == Match::yes) consume(std::string_view("</tool_call>").size());
        trim_next_words(" \t\r\n");
        state_ = State::text;
        return true;
      }
      case State::broken:
        if (!skip_past("</tool_call>")) return false;
        break_call("a tool call without <function=...> and <parameter=...> tags");
        state_ = State::text;
        return true;
    }
    return false;
  }

  bool take_parameter() {
    if (!skip_space()) return false;
    for (const std::string_view close : {"</function>", "</tool_call>"}) {
      const Match match = starts_with(close);
      if (match == Match::maybe) return false;
      if (match == Match::no) continue;
      // The outer tag is closing's to take.
      if (close == "</function>") consume(close.size());
      end_parameters();
      end_call();
      state_ = State::closing;
      return true;
    }
    return take_tag("<parameter=", [&](std::string_view name) {
      begin_parameter(name, types_.of(call_name(), name), true);
      state_ = State::value;
    });
  }

  // <function=NAME> or <parameter=NAME>, after white space.
  template <class Then>
  bool take_tag(std::string_view open, const Then& then) {
    if (!skip_space()) return false;
    const Match match = starts_with(open);
    if (match == Match::maybe) return false;
    const size_t end = buffer().find('>');
    const size_t line_end = buffer().find('\n');
    if (match == Match::no || line_end < end || end == open.size()) {
      state_ = State::broken;
      return true;
    }
    if (end == std::string_view::npos) return false;
    const std::string name(trimmed(buffer().substr(open.size(), end - open.size())));
    consume(end + 1);
    if (name.empty())
      state_ = State::broken;
    else
      then(name);
    return true;
  }

  State state_ = State::text;
};

// ---- rendering

constexpr std::string_view kReminder =
    "- Required parameters MUST be specified\n"
    "- You may provide optional reasoning for your function call in natural language BEFORE the "
    "function call, but NOT after\n"
    "- If there is no function call available, answer the question like normal with your current "
    "knowledge and do not tell the user about function calls\n</IMPORTANT>";

Status write_call(PromptWriter& prompt, const ToolCall& call) {
  ENGRAMD_TRY(const Value arguments, parse_object(call.arguments, "the arguments of " + call.name));
  prompt.mark("<tool_call>\n<function=").data(call.name).mark(">\n");
  for (const auto& [name, value] : arguments.members)
    prompt.mark("<parameter=")
        .data(name)
        .mark(">\n")
        .data(to_python_text(value))
        .mark("\n</parameter>\n");
  prompt.mark("</function>\n</tool_call>");
  return {};
}

class QwenXml : public Dialect {
 public:
  std::vector<std::string_view> stops() const override { return {"<|im_end|>", "<|endoftext|>"}; }
  std::unique_ptr<Parser> parser(const ParserOptions& options) const override {
    return std::make_unique<QwenXmlParser>(options);
  }
};

class Qwen3Coder final : public QwenXml {
 public:
  std::string_view name() const override { return "qwen3-coder"; }

  Result<Prompt> render(const Request& request) const override {
    PromptWriter prompt;
    const bool has_system = is_at(request, 0, Role::system);
    if (has_system || !request.tools.empty()) {
      prompt.mark("<|im_start|>system\n");
      if (has_system)
        prompt.data(request.messages[0].text);
      else
        prompt.mark(
            "You are Qwen, a helpful AI assistant that can interact with a computer to solve "
            "tasks.");
      if (!request.tools.empty()) ENGRAMD_CHECK(write_tools(prompt, request.tools));
      prompt.mark("<|im_end|>\n");
    }
    for (size_t i = has_system ? 1 : 0; i < request.messages.size(); ++i)
      ENGRAMD_CHECK(write_message(prompt, request, i));
    if (request.add_generation_prompt) prompt.mark("<|im_start|>assistant\n");
    return prompt.take();
  }

 private:
  // What the schema says beyond the keys that have tags of their own.
  static void write_other_keys(PromptWriter& prompt, const Value& object,
                               std::initializer_list<std::string_view> handled) {
    for (const auto& [key, value] : object.members) {
      if (std::find(handled.begin(), handled.end(), key) != handled.end()) continue;
      prompt.mark("\n<").data(key).mark(">");
      prompt.data(value.is_container() ? to_json(value) : to_python_text(value));
      prompt.mark("</").data(key).mark(">");
    }
  }

  static Status write_tools(PromptWriter& prompt, const std::vector<Tool>& tools) {
    prompt.mark("\n\n# Tools\n\nYou have access to the following tools:\n\n<tools>");
    for (const Tool& tool : tools) {
      prompt.mark("\n<function>\n<name>").data(tool.name).mark("</name>");
      if (!tool.description.empty())
        prompt.mark("\n<description>").data(trimmed(tool.description)).mark("</description>");
      prompt.mark("\n<parameters>");
      Value schema;
      schema.kind = Value::Kind::object;
      if (!tool.parameters.empty()) {
        ENGRAMD_TRY(schema, parse_object(tool.parameters, "the parameters of tool " + tool.name));
      }
      if (const Value* properties = schema.find("properties"))
        for (const auto& [name, property] : properties->members) {
          prompt.mark("\n<parameter>\n<name>").data(name).mark("</name>");
          if (const Value* type = property.find("type"))
            prompt.mark("\n<type>").data(to_python_text(*type)).mark("</type>");
          if (property.find("description") != nullptr)
            prompt.mark("\n<description>")
                .data(trimmed(property.string_member("description")))
                .mark("</description>");
          write_other_keys(prompt, property, {"name", "type", "description"});
          prompt.mark("\n</parameter>");
        }
      write_other_keys(prompt, schema, {"type", "properties"});
      prompt.mark("\n</parameters>\n</function>");
    }
    prompt.mark(
        "\n</tools>\n\nIf you choose to call a tool ONLY reply in the following format with NO "
        "suffix:\n\n<tool_call>\n<function=example_function_name>\n"
        "<parameter=example_parameter_1>\nvalue_1\n</parameter>\n"
        "<parameter=example_parameter_2>\nvalue_2\n</parameter>\n</function>\n</tool_call>\n\n"
        "<IMPORTANT>\nReminder:\n- Function calls MUST follow the specified format: the tool "
        "calling block MUST begin with an opening <tool_call> tag and end with a closing "
        "</tool_call> tag.\n");
    prompt.mark(kReminder);
    return {};
  }

  static Status write_message(PromptWriter& prompt, const Request& request, size_t i) {
    const Message& message = request.messages[i];
    if (message.role == Role::tool) {
      if (i == 0 || !is_at(request, i - 1, Role::tool)) prompt.mark("<|im_start|>user\n");
      prompt.mark("<tool_response>\n").data(message.text).mark("\n</tool_response>\n");
      if (!is_at(request, i + 1, Role::tool)) prompt.mark("<|im_end|>\n");
      return {};
    }
    if (message.role == Role::assistant && !message.tool_calls.empty()) {
      prompt.mark("<|im_start|>assistant");
      if (const std::string_view text = trimmed(message.text); !text.empty())
        prompt.mark("\n").data(text).mark("\n");
      for (const ToolCall& call : message.tool_calls) {
        prompt.mark("\n");
        ENGRAMD_CHECK(write_call(prompt, call));
      }
      prompt.mark("<|im_end|>\n");
      return {};
    }
    const std::string_view role = message.role == Role::user     ? "user"
                                  : message.role == Role::system ? "system"
                                                                 : "assistant";
    prompt.mark("<|im_start|>").mark(role).mark("\n").data(message.text).mark("<|im_end|>\n");
    return {};
  }
};

class Qwen35 final : public QwenXml {
 public:
  std::string_view name() const override { return "qwen3.5"; }

  Result<Prompt> render(const Request& request) const override {
    PromptWriter prompt;
    const bool has_system = is_at(request, 0, Role::system);
    const std::string_view system =
        has_system ? trimmed(request.messages[0].text) : std::string_view();
    if (!request.tools.empty()) {
      ENGRAMD_CHECK(write_tools(prompt, request.tools));
      if (!system.empty()) prompt.mark("\n\n").data(system);
      prompt.mark("<|im_end|>\n");
    } else if (has_system) {
      prompt.mark("<|im_start|>system\n").data(system).mark("<|im_end|>\n");
    }
    const size_t last_question = last_of(request, Role::user);
    if (last_question == static_cast<size_t>(-1))
      return fail(ErrorCode::invalid_input, "qwen3.5: the conversation has no user message");
    for (size_t i = has_system ? 1 : 0; i < request.messages.size(); ++i)
      ENGRAMD_CHECK(write_message(prompt, request, i, i > last_question));
    if (request.add_generation_prompt) {
      prompt.mark("<|im_start|>assistant\n");
      if (request.thinking == Thinking::off) {
        prompt.mark("<think>\n\n</think>\n\n");
      } else {
        prompt.mark("<think>\n");
        prompt.opens_reasoning();
      }
    }
    return prompt.take();
  }

 private:
  static Status write_tools(PromptWriter& prompt, const std::vector<Tool>& tools) {
    prompt.mark(
        "<|im_start|>system\n# Tools\n\nYou have access to the following functions:\n\n<tools>");
    for (const Tool& tool : tools) {
      ENGRAMD_TRY(const std::string json, tool_json(tool));
      prompt.mark("\n").data(json);
    }
    prompt.mark(
        "\n</tools>\n\nIf you choose to call a function ONLY reply in the following format with NO "
        "suffix:\n\n<tool_call>\n<function=example_function_name>\n"
        "<parameter=example_parameter_1>\nvalue_1\n</parameter>\n"
        "<parameter=example_parameter_2>\nThis is the value for the second parameter\nthat can "
        "span\nmultiple lines\n</parameter>\n</function>\n</tool_call>\n\n<IMPORTANT>\nReminder:\n"
        "- Function calls MUST follow the specified format: an inner <function=...></function> "
        "block must be nested within <tool_call></tool_call> XML tags\n");
    prompt.mark(kReminder);
    return {};
  }

  static Status write_message(PromptWriter& prompt, const Request& request, size_t i,
                              bool after_question) {
    const Message& message = request.messages[i];
    const std::string_view text = trimmed(message.text);
    switch (message.role) {
      case Role::system:
        return fail(ErrorCode::invalid_input,
                    "qwen3.5: a system message comes first or not at all");
      case Role::user:
        prompt.mark("<|im_start|>user\n").data(text).mark("<|im_end|>\n");
        return {};
      case Role::tool:
        if (i == 0 || !is_at(request, i - 1, Role::tool)) prompt.mark("<|im_start|>user");
        prompt.mark("\n<tool_response>\n").data(text).mark("\n</tool_response>");
        if (!is_at(request, i + 1, Role::tool)) prompt.mark("<|im_end|>\n");
        return {};
      case Role::assistant:
        break;
    }
    prompt.mark("<|im_start|>assistant\n");
    if (after_question)
      prompt.mark("<think>\n").data(trimmed(message.reasoning)).mark("\n</think>\n\n");
    prompt.data(text);
    for (size_t call = 0; call < message.tool_calls.size(); ++call) {
      if (call > 0)
        prompt.mark("\n");
      else if (!text.empty())
        prompt.mark("\n\n");
      ENGRAMD_CHECK(write_call(prompt, message.tool_calls[call]));
    }
    prompt.mark("<|im_end|>\n");
    return {};
  }
};

}  // namespace

const Dialect& qwen3_coder() {
  static const Qwen3Coder dialect;
  return dialect;
}
const Dialect& qwen35() {
  static const Qwen35 dialect;
  return dialect;
}

}  // namespace engramd::engine::chat
