// Harmony: gpt-oss.
//
//   <|start|>assistant<|channel|>analysis<|message|>...<|end|>
//   <|start|>assistant<|channel|>commentary to=functions.f
//   <|constrain|>json<|message|>{...}<|call|>
//   <|start|>assistant<|channel|>final<|message|>...<|return|>
// (no line ends between them). The answer starts after "<|start|>assistant".
//
// The analysis before a call stays in the prompt until a final answer follows, then it is gone.
#include "engine/chat/dialects.h"
#include "engine/chat/prompt_writer.h"
#include "engine/chat/stream.h"

namespace engramd::engine::chat {
namespace {

constexpr std::string_view kFunctions = "functions.";

class HarmonyParser final : public StreamParser {
 public:
  explicit HarmonyParser(const ParserOptions& options) : StreamParser(options) { begin_raw(); }

 private:
  enum class State { header, reasoning, text, call };

  bool step() override {
    if (state_ == State::header) return take_header();
    static constexpr std::string_view kEnds[] = {"<|end|>", "<|return|>", "<|call|>", "<|start|>"};
    if (state_ == State::call) return take_arguments(kEnds);
    const auto found = pass_until(kEnds, state_ == State::text ? Kind::text : Kind::reasoning);
    if (!found) return false;
    drop_space();
    begin_raw(*found == 3 ? kEnds[3] : std::string_view());
    state_ = State::header;
    return true;
  }

  // "assistant<|channel|>commentary to=functions.f <|constrain|>json", up to <|message|>.
  bool take_header() {
    constexpr std::string_view kMessage = "<|message|>";
    constexpr size_t kMaxHeader = 4096;
    const size_t end = buffer().find(kMessage);
    const size_t taken = end == std::string_view::npos ? buffer().size() : end + kMessage.size();
    if (taken > kMaxHeader) {
      consume(kMaxHeader);
      break_call("a message without <|message|>");
      state_ = State::text;
      return true;
    }
    if (end == std::string_view::npos) return false;
    const std::string header(buffer().substr(0, end));
    consume(end + kMessage.size());
    const std::string channel = word_after(header, "<|channel|>");
    std::string recipient = word_after(header, "to=");
    if (recipient == "assistant") recipient.clear();
    if (!recipient.empty()) {
      if (recipient.starts_with(kFunctions)) recipient.erase(0, kFunctions.size());
      if (recipient.empty()) recipient = "functions";
      begin_call(recipient);
      arguments_.clear();
      state_ = State::call;
      return true;
    }
    forget_raw();
    state_ = channel == "analysis" ? State::reasoning : State::text;
    return true;
  }

  bool take_arguments(std::span<const std::string_view> ends) {
    size_t first = std::string_view::npos, length = 0;
    for (const std::string_view end : ends) {
      const size_t at = buffer().find(end);
      if (at >= first) continue;
      first = at;
      length = end == "<|start|>" ? 0 : end.size();
    }
    if (first == std::string_view::npos) {
      const size_t bar = buffer().rfind("<|");
      const size_t safe = bar != std::string_view::npos && buffer().size() - bar < 12 ? bar
                          : buffer().ends_with('<') ? buffer().size() - 1
                                                    : buffer().size();
      pass(safe);
      return false;
    }
    pass(first);
    consume(length);
    finish_call();
    begin_raw();
    state_ = State::header;
    return true;
  }

  void pass(size_t n) {
    arguments_ += buffer().substr(0, n);
    arguments(buffer().substr(0, n));
    consume(n);
  }

  void finish_call() {
    if (trimmed(arguments_).empty()) {
      arguments("{}");
      end_call();
      return;
    }
    const auto value = parse_json(arguments_);
    if (value && value->is_object())
      end_call();
    else
      break_call("the arguments of " + call_name() + " are not a JSON object");
  }

  void leftover() override {
    if (state_ == State::call) {
      // The stop token may have been kept by the caller.
      pass(buffer().size());
      finish_call();
    } else if (state_ == State::header && (buffer().empty() || buffer() == "<|start|>")) {
      consume(buffer().size());
    } else {
      StreamParser::leftover();
    }
  }

  static std::string word_after(std::string_view text, std::string_view what) {
    const size_t at = text.find(what);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = text.substr(at + what.size());
    return std::string(rest.substr(0, rest.find_first_of(" <")));
  }

  State state_ = State::header;
  std::string arguments_;
};

// ---- the tools as TypeScript, which is how Harmony describes them

bool is_required(const Value* required, std::string_view name) {
  if (required == nullptr) return false;
  for (const auto& [none, value] : required->members)
    if (value.text == name) return true;
  return false;
}

std::string with_null(std::string type, const Value& spec) {
  const Value* nullable = spec.find("nullable");
  if (nullable != nullptr && nullable->text == "true") type += " | null";
  return type;
}

std::string joined(const Value& list, std::string_view between) {
  std::string out;
  for (const auto& [none, value] : list.members)
    out.append(out.empty() ? "" : between).append(value.text);
  return out;
}

std::string typescript(const Value& spec, const Value* required);

std::string typescript_array(const Value& spec, const Value* required) {
  const Value* items = spec.find("items");
  if (items == nullptr || !items->is_object()) return "any[]";
  const std::string inner = typescript(*items, required);
  return inner == "object | object" || inner.size() > 50 ? "any[]" : inner + "[]";
}

std::string typescript_object(const Value& spec, const Value* required) {
  const Value* properties = spec.find("properties");
  if (properties == nullptr || properties->members.empty()) return "object";
  if (const Value* own = spec.find("required")) required = own;
  std::string out = "{\n";
  for (size_t i = 0; i < properties->members.size(); ++i) {
    const auto& [name, property] = properties->members[i];
    // The line end and the spaces are the published template's.
    out += name + (is_required(spec.find("required"), name) ? "" : "?") + ": \n                " +
           typescript(property, required);
    if (i + 1 < properties->members.size()) out += ", ";
  }
  return out + "}";
}

std::string typescript(const Value& spec, const Value* required) {
  const Value* type = spec.find("type");
  const std::string_view name = type == nullptr ? std::string_view() : std::string_view(type->text);
  if (type != nullptr && type->is_container()) return joined(*type, " | ");
  if (name == "array") return with_null(typescript_array(spec, required), spec);
  if (const Value* choices = spec.find("oneOf")) {
    std::string out;
    for (const auto& [none, choice] : choices->members)
      out += (out.empty() ? "" : " | ") + typescript(choice, required);
    return out;
  }
  if (name == "string") {
    const Value* choices = spec.find("enum");
    if (choices != nullptr && !choices->members.empty())
      return "\"" + joined(*choices, "\" | \"") + "\"";
    return with_null("string", spec);
  }
  if (name == "number" || name == "integer") return "number";
  if (name == "boolean") return "boolean";
  return name == "object" ? typescript_object(spec, required) : "any";
}

Result<std::string> typescript_namespace(const std::vector<Tool>& tools) {
  std::string out = "## functions\n\nnamespace functions {\n\n";
  for (const Tool& tool : tools) {
    out += "// " + tool.description + "\ntype " + tool.name + " = ";
    Value schema;
    if (!tool.parameters.empty()) {
      ENGRAMD_TRY(schema, parse_object(tool.parameters, "the parameters of tool " + tool.name));
    }
    const Value* properties = schema.find("properties");
    if (properties == nullptr || properties->members.empty()) {
      out += "() => any;\n\n";
      continue;
    }
    const Value* required = schema.find("required");
    out += "(_: {\n";
    for (const auto& [name, spec] : properties->members) {
      if (const std::string_view about = spec.string_member("description"); !about.empty())
        out.append("// ").append(about) += "\n";
      out += name + (is_required(required, name) ? "" : "?") + ": " + typescript(spec, required);
      if (const Value* value = spec.find("default"))
        out += ", // default: " +
               (spec.find("enum") != nullptr ? to_python_text(*value) : to_json(*value));
      out += ",\n";
    }
    out += "}) => any;\n\n";
  }
  return out + "} // namespace functions";
}

class Harmony final : public Dialect {
 public:
  std::string_view name() const override { return "harmony"; }
  // <|end|> ends a message, not the answer.
  std::vector<std::string_view> stops() const override { return {"<|return|>", "<|call|>"}; }
  std::unique_ptr<Parser> parser(const ParserOptions& options) const override {
    return std::make_unique<HarmonyParser>(options);
  }

  Result<Prompt> render(const Request& request) const override {
    PromptWriter prompt;
    write_system(prompt, request);
    const bool has_system = is_at(request, 0, Role::system);
    const std::string_view instructions =
        has_system ? std::string_view(request.messages[0].text) : std::string_view();
    if (!instructions.empty() || !request.tools.empty()) {
      prompt.mark("<|start|>developer<|message|>");
      if (!instructions.empty()) prompt.mark("# Instructions\n\n").data(instructions).mark("\n\n");
      if (!request.tools.empty()) {
        ENGRAMD_TRY(const std::string tools, typescript_namespace(request.tools));
        prompt.mark("# Tools\n\n").data(tools);
      }
      prompt.mark("<|end|>");
    }
    for (size_t i = has_system ? 1 : 0; i < request.messages.size(); ++i)
      ENGRAMD_CHECK(write_message(prompt, request, i));
    if (request.add_generation_prompt) prompt.mark("<|start|>assistant");
    return prompt.take();
  }

 private:
  static void write_system(PromptWriter& prompt, const Request& request) {
    std::string_view effort = "medium";
    if (request.effort == "low" || request.thinking == Thinking::off) effort = "low";
    if (request.effort == "high" || request.effort == "max") effort = "high";
    prompt.mark(
        "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
        "Knowledge cutoff: 2024-06\n");
    if (!request.date.empty()) prompt.mark("Current date: ").data(request.date).mark("\n");
    prompt.mark("\nReasoning: ")
        .mark(effort)
        .mark(
            "\n\n# Valid channels: analysis, commentary, final. Channel must be included for every "
            "message.");
    if (!request.tools.empty())
      prompt.mark("\nCalls to these tools must go to the commentary channel: 'functions'.");
    prompt.mark("<|end|>");
  }

  static Status write_message(PromptWriter& prompt, const Request& request, size_t i) {
    const Message& message = request.messages[i];
    switch (message.role) {
      case Role::system:
        prompt.mark("<|start|>developer<|message|>").data(message.text).mark("<|end|>");
        return {};
      case Role::user:
        prompt.mark("<|start|>user<|message|>").data(message.text).mark("<|end|>");
        return {};
      case Role::tool: {
        const std::string_view caller = caller_of(request, i);
        if (caller.empty())
          return fail(ErrorCode::invalid_input,
                      "harmony: a tool's result without a call before it");
        prompt.mark("<|start|>functions.")
            .data(caller)
            .mark(" to=assistant<|channel|>commentary<|message|>")
            .data(json_string(message.text))
            .mark("<|end|>");
        return {};
      }
      case Role::assistant:
        return write_answer(prompt, request, i);
    }
    return {};
  }

  static Status write_answer(PromptWriter& prompt, const Request& request, size_t i) {
    const Message& message = request.messages[i];
    if (message.tool_calls.empty()) {
      const bool last = i + 1 == request.messages.size() && !request.add_generation_prompt;
      if (last && !message.reasoning.empty()) channel(prompt, "analysis", message.reasoning);
      prompt.mark("<|start|>assistant<|channel|>final<|message|>")
          .data(message.text)
          .mark(last ? "<|return|>" : "<|end|>");
      return {};
    }
    if (!final_follows(request, i)) {
      // A text beside a call is analysis, unless there is analysis already.
      if (!message.reasoning.empty()) channel(prompt, "analysis", message.reasoning);
      if (!message.text.empty())
        channel(prompt, message.reasoning.empty() ? "analysis" : "commentary", message.text);
    }
    for (const ToolCall& call : message.tool_calls) {
      ENGRAMD_TRY(const Value arguments,
                  parse_object(call.arguments, "the arguments of " + call.name));
      prompt.mark("<|start|>assistant to=functions.")
          .data(call.name)
          .mark("<|channel|>commentary json<|message|>")
          .data(to_json(arguments))
          .mark("<|call|>");
    }
    return {};
  }

  static void channel(PromptWriter& prompt, std::string_view name, std::string_view text) {
    prompt.mark("<|start|>assistant<|channel|>")
        .mark(name)
        .mark("<|message|>")
        .data(text)
        .mark("<|end|>");
  }

  static bool final_follows(const Request& request, size_t i) {
    for (++i; i < request.messages.size(); ++i)
      if (request.messages[i].role == Role::assistant && request.messages[i].tool_calls.empty())
        return true;
    return false;
  }

  // By the result's id, else the last call's name.
  static std::string_view caller_of(const Request& request, size_t i) {
    std::string_view last;
    for (size_t k = i; k > 0; --k)
      for (const ToolCall& call : request.messages[k - 1].tool_calls) {
        if (!call.id.empty() && call.id == request.messages[i].tool_call_id) return call.name;
        if (last.empty()) last = call.name;
      }
    return last;
  }
};

}  // namespace

const Dialect& harmony() {
  static const Harmony dialect;
  return dialect;
}

}  // namespace engramd::engine::chat
