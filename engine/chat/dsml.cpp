// DSML: DeepSeek-V4 and V4.1. Their checkpoints have no template but a program, which this follows;
// so do the templates that others wrote for V4.
//
//   <bos>system<User>question<Assistant><think>...</think>text
//
//   <DSML tool_calls>
//   <DSML invoke name="f">
//   <DSML parameter name="a" string="true">as it is</DSML parameter>
//   <DSML parameter name="n" string="false">3</DSML parameter>
//   </DSML invoke>
//   </DSML tool_calls><eos>
// where DSML is a token with wide bars. V4.1 writes the tags with a space and `calls`, puts a
// marker before every system message, and counts the effort from 1 to 100.
//
// Without tools, reasoning before the last user message is gone from the prompt of the next turn;
// with tools all of it stays, and a prompt is a prefix of the next.
#include <algorithm>

#include "engine/chat/dialects.h"
#include "engine/chat/prompt_writer.h"
#include "engine/chat/stream.h"

namespace engramd::engine::chat {
namespace {

#define DSML "｜DSML｜"

struct Tags {
  std::string_view calls, calls_end, invoke, invoke_end, parameter, parameter_end;
};
constexpr Tags kTags4 = {"<" DSML "tool_calls>", "</" DSML "tool_calls>", "<" DSML "invoke",
                         "</" DSML "invoke>",    "<" DSML "parameter",    "</" DSML "parameter>"};
constexpr Tags kTags41 = {"<" DSML " calls>",   "</" DSML " calls>",   "<" DSML " invoke",
                          "</" DSML " invoke>", "<" DSML " parameter", "</" DSML " parameter>"};

struct Variant {
  std::string_view name;
  const Tags& tags;
  bool system_marker = false;                // and effort as a number
  std::string_view effort_high, effort_max;  // in words
};

// A name="value" of a tag.
std::string attribute(std::string_view tag, std::string_view name) {
  const std::string open = " " + std::string(name) + "=\"";
  const size_t at = tag.find(open);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = tag.substr(at + open.size());
  return std::string(rest.substr(0, rest.find('"')));
}

class DsmlParser final : public StreamParser {
 public:
  DsmlParser(const Tags& tags, const ParserOptions& options) : StreamParser(options), tags_(tags) {
    if (options.opens_reasoning) state_ = State::reasoning;
  }

 private:
  enum class State { text, reasoning, calls, parameters, value, broken };

  bool step() override {
    switch (state_) {
      case State::text:
      case State::reasoning:
        return take_words();
      case State::calls:
        return take_invoke();
      case State::parameters:
        return take_parameter();
      case State::value: {
        const std::string_view next[] = {tags_.parameter, tags_.invoke_end};
        if (!pass_value(tags_.parameter_end, next)) return false;
        state_ = State::parameters;
        return true;
      }
      case State::broken:
        if (!skip_past(tags_.calls_end)) return false;
        break_call("a tool call that is not invoke and parameter tags");
        state_ = State::text;
        return true;
    }
    return false;
  }

  bool take_words() {
    const bool reasoning = state_ == State::reasoning;
    // A call may start inside the reasoning and ends it.
    const std::string_view markers[] = {reasoning ? "</think>" : "<think>", tags_.calls};
    const auto found = pass_until(markers, reasoning ? Kind::reasoning : Kind::text);
    if (!found) return false;
    if (*found == 1) {
      drop_layout("\n\n");
      begin_raw(tags_.calls);
      state_ = State::calls;
    } else {
      drop_layout("");
      state_ = reasoning ? State::text : State::reasoning;
    }
    return true;
  }

  bool take_invoke() {
    if (!skip_space()) return false;
    const Match end = starts_with(tags_.calls_end);
    if (end == Match::maybe) return false;
    if (end == Match::yes) {
      consume(tags_.calls_end.size());
      forget_raw();
      trim_next_words(" \t\r\n");
      state_ = State::text;
      return true;
    }
    return take_tag(tags_.invoke, [&](std::string_view tag) {
      const std::string name = attribute(tag, "name");
      if (name.empty()) return false;
      begin_call(name);
      state_ = State::parameters;
      return true;
    });
  }

  bool take_parameter() {
    if (!skip_space()) return false;
    const Match end = starts_with(tags_.invoke_end);
    if (end == Match::maybe) return false;
    if (end == Match::yes) {
      consume(tags_.invoke_end.size());
      end_parameters();
      end_call();
      begin_raw();
      state_ = State::calls;
      return true;
    }
    return take_tag(tags_.parameter, [&](std::string_view tag) {
      const std::string name = attribute(tag, "name");
      if (name.empty()) return false;
      const std::string is_string = attribute(tag, "string");
      const ParameterType type = is_string == "true"    ? ParameterType::string
                                 : is_string == "false" ? ParameterType::other
                                                        : types_.of(call_name(), name);
      begin_parameter(name, type, false);
      state_ = State::value;
      return true;
    });
  }

  // `open` and what follows it up to ">".
  template <class Then>
  bool take_tag(std::string_view open, const Then& then) {
    const Match match = starts_with(open);
    if (match == Match::maybe) return false;
    const size_t end = buffer().find('>');
    if (match == Match::yes && end == std::string_view::npos && !at_end()) return false;
    if (match == Match::no || end == std::string_view::npos) {
      state_ = State::broken;
      return true;
    }
    const std::string tag(buffer().substr(open.size(), end - open.size()));
    consume(end + 1);
    if (!then(tag)) state_ = State::broken;
    return true;
  }

  void leftover() override {
    // All calls may be complete and only the outer tag missing.
    if (state_ == State::calls && trimmed(buffer()).empty()) {
      consume(buffer().size());
      forget_raw();
    }
    StreamParser::leftover();
  }

  const Tags& tags_;
  State state_ = State::text;
};

// ---- rendering

constexpr std::string_view kBos = "<｜begin▁of▁sentence｜>";
constexpr std::string_view kEos = "<｜end▁of▁sentence｜>";
constexpr std::string_view kUser = "<｜User｜>";
constexpr std::string_view kAssistant = "<｜Assistant｜>";
constexpr std::string_view kSystem = "<｜System｜>";

constexpr std::string_view kThorough =
    "Reasoning Effort: Absolute maximum with no shortcuts permitted.\nYou MUST be very thorough in "
    "your thinking and comprehensively decompose the problem to resolve the root cause, rigorously "
    "stress-testing your logic against all potential paths, edge cases, and adversarial "
    "scenarios.\nExplicitly write out your entire deliberation process, documenting every "
    "intermediate step, considered alternative, and rejected hypothesis to ensure absolutely no "
    "assumption is left unchecked.\n\n";
constexpr std::string_view kBeyond =
    "Reasoning Effort: Beyond maximum — exhaustive, relentless, and uncompromising.\nYou MUST "
    "reason with the utmost depth and rigor, leaving absolutely nothing to chance: exhaustively "
    "decompose the problem into its most fundamental components, trace every causal chain to its "
    "root, and resolve the underlying cause rather than any surface symptom.\nDo not stop "
    "reasoning "
    "until you have independently verified the solution from multiple angles and are certain that "
    "no assumption remains unchecked and no error remains undiscovered.\n\n";

bool is_user_turn(const Message& message) {
  return message.role == Role::user || message.role == Role::tool;
}

class Dsml final : public Dialect {
 public:
  explicit Dsml(Variant variant) : variant_(variant) {}
  std::string_view name() const override { return variant_.name; }
  std::vector<std::string_view> stops() const override { return {kEos}; }
  std::unique_ptr<Parser> parser(const ParserOptions& options) const override {
    return std::make_unique<DsmlParser>(variant_.tags, options);
  }

  Result<Prompt> render(const Request& request) const override {
    PromptWriter prompt;
    // V4.1 thinks unless told otherwise, V4 when told to.
    const bool thinks = request.thinking == Thinking::on ||
                        (request.thinking == Thinking::by_default && variant_.system_marker);
    prompt.mark(kBos);
    ENGRAMD_TRY(const size_t first, write_system(prompt, request, thinks));

    size_t last_question = 0;
    bool keeps_all = !request.tools.empty();
    for (size_t i = first; i < request.messages.size(); ++i) {
      const Message& message = request.messages[i];
      if (message.role != Role::assistant) last_question = i;
      keeps_all = keeps_all || message.role == Role::tool;
    }
    bool in_user = false;
    for (size_t i = first; i < request.messages.size();) {
      const Message& message = request.messages[i];
      if (message.role == Role::assistant) {
        prompt.mark(kAssistant);
        const bool shown = thinks && (keeps_all || i > last_question);
        if (shown) prompt.mark("<think>").data(message.reasoning);
        prompt.mark("</think>").data(message.text);
        if (!message.tool_calls.empty()) ENGRAMD_CHECK(write_calls(prompt, message.tool_calls));
        prompt.mark(kEos);
        in_user = false;
        ++i;
      } else if (message.role == Role::system) {
        if (variant_.system_marker)
          prompt.mark(kSystem);
        else
          prompt.mark(in_user ? "\n\n" : kUser);
        prompt.data(message.text);
        in_user = !variant_.system_marker;
        ++i;
      } else {
        i = write_user_turn(prompt, request, i, in_user);
        in_user = true;
      }
    }
    if (request.add_generation_prompt) {
      prompt.mark(kAssistant).mark(thinks ? "<think>" : "</think>");
      if (thinks) prompt.opens_reasoning();
    }
    return prompt.take();
  }

 private:
  // Effort, system text and tools; the index of the first message after them.
  Result<size_t> write_system(PromptWriter& prompt, const Request& request, bool thinks) const {
    const bool has_system = is_at(request, 0, Role::system);
    size_t first = 0;
    if (variant_.system_marker) {
      if (thinks || has_system || !request.tools.empty()) prompt.mark(kSystem);
      if (thinks) {
        ENGRAMD_TRY(const int effort, effort_number(request.effort));
        prompt.mark("Reasoning Effort: ")
            .mark(std::to_string(effort))
            .mark(" (range 1-100, the higher the value, the more thorough the reasoning)\n\n");
      }
      if (has_system) prompt.data(request.messages[first++].text);
    } else {
      if (thinks && request.effort == "max") prompt.mark(variant_.effort_max);
      if (thinks && request.effort == "high") prompt.mark(variant_.effort_high);
      for (bool any = false; is_at(request, first, Role::system); ++first) {
        if (request.messages[first].text.empty()) continue;
        if (any) prompt.mark("\n\n");
        prompt.data(request.messages[first].text);
        any = true;
      }
    }
    if (!request.tools.empty()) ENGRAMD_CHECK(write_tools(prompt, request.tools));
    return first;
  }

  static Result<int> effort_number(std::string_view effort) {
    if (effort == "low") return 50;
    if (effort.empty() || effort == "medium" || effort == "high") return 75;
    if (effort == "max") return 100;
    int number = 0;
    for (const char c : effort) {
      if (c < '0' || c > '9' || number > 100) return bad_effort(effort);
      number = 10 * number + (c - '0');
    }
    if (number < 1 || number > 100) return bad_effort(effort);
    return number;
  }
  static tl::unexpected<Error> bad_effort(std::string_view effort) {
    return fail(ErrorCode::invalid_input,
                "reasoning effort is " + std::string(effort) +
                    ", expected low, medium, high, max or a number from 1 to 100");
  }

  Status write_tools(PromptWriter& prompt, const std::vector<Tool>& tools) const {
    const Tags& tags = variant_.tags;
    const auto invoke = [&](std::string_view name) {
      prompt.mark(tags.invoke).mark(" name=\"").mark(name).mark("\">\n");
    };
    prompt.mark(
        "\n\n## Tools\n\nYou have access to a set of tools to help answer the user's question. You "
        "can invoke tools by writing a \"");
    prompt.mark(tags.calls).mark("\" block like the following:\n\n").mark(tags.calls).mark("\n");
    invoke("$TOOL_NAME");
    prompt.mark(tags.parameter)
        .mark(" name=\"$PARAMETER_NAME\" string=\"true|false\">$PARAMETER_VALUE")
        .mark(tags.parameter_end)
        .mark("\n...\n")
        .mark(tags.invoke_end)
        .mark("\n");
    invoke("$TOOL_NAME2");
    prompt.mark("...\n").mark(tags.invoke_end).mark("\n").mark(tags.calls_end);
    prompt.mark(
        "\n\nString parameters should be specified as is and set `string=\"true\"`. For all other "
        "types (numbers, booleans, arrays, objects), pass the value in JSON format and set "
        "`string=\"false\"`.\n\nIf thinking_mode is enabled (triggered by <think>), you MUST "
        "output "
        "your complete reasoning inside <think>...</think> BEFORE any tool calls or final "
        "response.\n\nOtherwise, output directly after </think> with tool calls or final "
        "response.\n\n### Available Tool Schemas\n\n");
    for (const Tool& tool : tools) {
      ENGRAMD_TRY(const std::string json, function_json(tool));
      prompt.data(json).mark("\n");
    }
    prompt.mark(
        "\nYou MUST strictly follow the above defined tool name and parameter schemas to invoke "
        "tool calls.\n");
    return {};
  }

  Status write_calls(PromptWriter& prompt, const std::vector<ToolCall>& calls) const {
    const Tags& tags = variant_.tags;
    prompt.mark("\n\n").mark(tags.calls).mark("\n");
    for (const ToolCall& call : calls) {
      ENGRAMD_TRY(const Value arguments,
                  parse_object(call.arguments, "the arguments of " + call.name));
      prompt.mark(tags.invoke).mark(" name=\"").data(call.name).mark("\">\n");
      for (const auto& [name, value] : arguments.members)
        prompt.mark(tags.parameter)
            .mark(" name=\"")
            .data(name)
            .mark(value.is_string() ? "\" string=\"true\">" : "\" string=\"false\">")
            .data(value.is_string() ? value.text : to_json(value))
            .mark(tags.parameter_end)
            .mark("\n");
      if (arguments.members.empty()) prompt.mark("\n");
      prompt.mark(tags.invoke_end).mark("\n");
    }
    prompt.mark(tags.calls_end);
    return {};
  }

  // Users' messages and tools' results that follow each other are one turn; results come in the
  // order of the calls. Returns the index behind it.
  static size_t write_user_turn(PromptWriter& prompt, const Request& request, size_t begin,
                                bool in_user) {
    size_t end = begin;
    while (end < request.messages.size() && is_user_turn(request.messages[end])) ++end;
    std::vector<const Message*> results;
    for (size_t i = begin; i < end; ++i)
      if (request.messages[i].role == Role::tool) results.push_back(&request.messages[i]);
    const auto order = [&](const Message* result) {
      if (begin == 0) return size_t{0};
      const auto& calls = request.messages[begin - 1].tool_calls;
      for (size_t k = 0; k < calls.size(); ++k)
        if (calls[k].id == result->tool_call_id) return k;
      return size_t{0};
    };
    std::stable_sort(results.begin(), results.end(),
                     [&](const Message* a, const Message* b) { return order(a) < order(b); });
    auto next = results.begin();
    for (size_t i = begin; i < end; ++i) {
      prompt.mark(in_user ? "\n\n" : kUser);
      in_user = true;
      if (request.messages[i].role == Role::user) {
        prompt.data(request.messages[i].text);
        continue;
      }
      // A result may not end itself.
      constexpr std::string_view kEnd = "</tool_result>";
      std::string text = (*next++)->text;
      for (size_t at = 0; (at = text.find(kEnd, at)) != std::string::npos;)
        text.replace(at, 1, "&lt;");
      prompt.mark("<tool_result>").data(text).mark(kEnd);
    }
    return end;
  }

  Variant variant_;
};

}  // namespace

const Dialect& deepseek_v4() {
  static const Dsml dialect({"deepseek-v4", kTags4, false, "", kThorough});
  return dialect;
}
const Dialect& deepseek_v4_0731() {
  static const Dsml dialect({"deepseek-v4-0731", kTags4, false, kThorough, kBeyond});
  return dialect;
}
const Dialect& deepseek_v41() {
  static const Dsml dialect({"deepseek-v4.1", kTags41, true, "", ""});
  return dialect;
}

}  // namespace engramd::engine::chat
