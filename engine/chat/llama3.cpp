// Llama 3.1 to 3.3: an answer is text, or one tool call and nothing else.
//
//   <|start_header_id|>assistant<|end_header_id|>
//
//   {"name": "f", "parameters": {...}}<|eot_id|>
//
// Tools are described in the first user message. Prompts are prefixes of each other.
#include "engine/chat/call_object.h"
#include "engine/chat/dialects.h"
#include "engine/chat/prompt_writer.h"
#include "engine/chat/stream.h"

namespace engramd::engine::chat {
namespace {

class Llama3Parser final : public StreamParser {
 public:
  explicit Llama3Parser(const ParserOptions& options) : StreamParser(options) { begin_raw(); }

 private:
  enum class State { begin, object, text };

  bool step() override {
    switch (state_) {
      case State::begin: {
        if (!skip_space()) return false;
        const Match tag = starts_with("<|python_tag|>");
        if (tag == Match::maybe) return false;
        if (tag == Match::yes) {
          consume(std::string_view("<|python_tag|>").size());
          return true;
        }
        if (buffer()[0] == '{') {
          state_ = State::object;
          return true;
        }
        give_up();
        return true;
      }
      case State::object: {
        const size_t n = object_.take(buffer());
        consume(n);
        if (!object_.name().empty() && object_.has_arguments()) {
          if (!in_call()) begin_call(object_.name());
          arguments(object_.take_arguments());
        }
        if (object_.broken()) {
          give_up();
          return true;
        }
        if (!object_.done()) return false;
        if (in_call() && object_.arguments_are_object()) {
          end_call();
          trim_next_words(" \t\r\n;");
          begin_raw();
          object_ = CallObject("parameters");
          state_ = State::begin;
        } else {
          give_up();
        }
        return true;
      }
      case State::text: {
        pass_until({}, Kind::text);
        return false;
      }
    }
    return false;
  }

  // JSON that is no call is an answer like any other.
  void give_up() {
    if (in_call())
      break_call("a tool call that is not {\"name\": ..., \"parameters\": {...}}");
    else
      give_raw_as_text();
    state_ = State::text;
  }

  void leftover() override {
    if (state_ != State::text && !in_call()) {
      consume(buffer().size());
      give_raw_as_text();
      return;
    }
    StreamParser::leftover();
  }

  State state_ = State::begin;
  CallObject object_{"parameters"};
};

// As Python's json.dumps(indent=4).
void append_indented(std::string& out, const Value& value, size_t depth) {
  if (!value.is_container() || value.members.empty()) {
    out += to_json(value);
    return;
  }
  out += value.is_object() ? "{" : "[";
  for (size_t i = 0; i < value.members.size(); ++i) {
    out += i > 0 ? ",\n" : "\n";
    out.append(4 * (depth + 1), ' ');
    if (value.is_object()) out += json_string(value.members[i].first) + ": ";
    append_indented(out, value.members[i].second, depth + 1);
  }
  out += '\n';
  out.append(4 * depth, ' ');
  out += value.is_object() ? "}" : "]";
}

class Llama3 final : public Dialect {
 public:
  std::string_view name() const override { return "llama-3"; }
  std::vector<std::string_view> stops() const override {
    return {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"};
  }
  std::unique_ptr<Parser> parser(const ParserOptions& options) const override {
    return std::make_unique<Llama3Parser>(options);
  }

  Result<Prompt> render(const Request& request) const override {
    PromptWriter prompt;
    prompt.mark("<|begin_of_text|>");
    header(prompt, "system");
    if (!request.tools.empty()) prompt.mark("Environment: ipython\n");
    // The date that the published template falls back to.
    prompt.mark("Cutting Knowledge Date: December 2023\nToday Date: ")
        .data(request.date.empty() ? std::string_view("26 Jul 2024") : request.date)
        .mark("\n\n");
    size_t i = 0;
    if (is_at(request, 0, Role::system)) prompt.data(trimmed(request.messages[i++].text));
    prompt.mark("<|eot_id|>");
    bool tools_wanted = !request.tools.empty();
    for (; i < request.messages.size(); ++i) {
      const Message& message = request.messages[i];
      if (message.role == Role::assistant && !message.tool_calls.empty()) {
        ENGRAMD_CHECK(write_calls(prompt, message));
        continue;
      }
      header(prompt, role_name(message.role));
      if (tools_wanted && message.role == Role::user) {
        ENGRAMD_CHECK(write_tools(prompt, request.tools));
        tools_wanted = false;
      }
      if (message.role == Role::tool)
        prompt.data(json_string(message.text));
      else
        prompt.data(trimmed(message.text));
      prompt.mark("<|eot_id|>");
    }
    if (tools_wanted)
      return fail(ErrorCode::invalid_input,
                  "llama-3: tools are described in the first user message, and there is none");
    if (request.add_generation_prompt) header(prompt, "assistant");
    return prompt.take();
  }

 private:
  static std::string_view role_name(Role role) {
    switch (role) {
      case Role::system:
        return "system";
      case Role::user:
        return "user";
      case Role::assistant:
        return "assistant";
      case Role::tool:
        return "ipython";
    }
    return {};
  }
  static void header(PromptWriter& prompt, std::string_view role) {
    prompt.mark("<|start_header_id|>").mark(role).mark("<|end_header_id|>\n\n");
  }

  static Status write_tools(PromptWriter& prompt, const std::vector<Tool>& tools) {
    prompt.mark(
        "Given the following functions, please respond with a JSON for a function call with its "
        "proper arguments that best answers the given prompt.\n\nRespond in the format {\"name\": "
        "function name, \"parameters\": dictionary of argument name and its value}.Do not use "
        "variables.\n\n");
    for (const Tool& tool : tools) {
      ENGRAMD_TRY(const std::string json, tool_json(tool));
      ENGRAMD_TRY(const Value value, parse_json(json));
      std::string indented;
      append_indented(indented, value, 0);
      prompt.data(indented).mark("\n\n");
    }
    return {};
  }

  // One call a message; more of them are more messages.
  static Status write_calls(PromptWriter& prompt, const Message& message) {
    for (const ToolCall& call : message.tool_calls) {
      ENGRAMD_TRY(const Value arguments,
                  parse_object(call.arguments, "the arguments of " + call.name));
      header(prompt, "assistant");
      prompt.mark("{\"name\": \"")
          .data(call.name)
          .mark("\", \"parameters\": ")
          .data(to_json(arguments))
          .mark("}<|eot_id|>");
    }
    return {};
  }
};

}  // namespace

const Dialect& llama3() {
  static const Llama3 dialect;
  return dialect;
}

}  // namespace engramd::engine::chat
