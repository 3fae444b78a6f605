#include "engine/grammar/envelopes.h"

#include <algorithm>

#include "engine/grammar/json_schema.h"

namespace engramd::engine::grammar {
namespace {

constexpr size_t kMaxTools = 1024;

// A dialect with a tag for each argument.
struct Tags {
  // Around the call and its name.
  std::string_view call, after_name, call_end;
  // Around an argument's name and value; ` string="true"` where the tag says what a value is.
  std::string_view parameter, after_key, after_key_other, closing, forbidden, after_value;
  StringRule strings = StringRule::by_type;
};

#define DSML "｜DSML｜"
// A ~ is a line end that may be there.
constexpr Tags kQwen = {
    "~<function=",  ">~", "</function>~</tool_call>", "<parameter=", ">\n", ">\n", "\n</parameter>",
    "</parameter>", "~",  StringRule::by_type};
constexpr Tags kGlm = {"",
                       "~",
                       "</tool_call>",
                       "<arg_key>",
                       "</arg_key>~<arg_value>",
                       "</arg_key>~<arg_value>",
                       "</arg_value>",
                       "",
                       "~",
                       StringRule::by_type};
constexpr Tags kDsml = {"<" DSML "invoke name=\"",
                        "\">~",
                        "~</" DSML "invoke>~",
                        "<" DSML "parameter name=\"",
                        "\" string=\"true\">",
                        "\" string=\"false\">",
                        "</" DSML "parameter>",
                        "",
                        "~",
                        StringRule::by_marker};
constexpr Tags kDsml41 = {"<" DSML " invoke name=\"",
                          "\">~",
                          "~</" DSML " invoke>~",
                          "<" DSML " parameter name=\"",
                          "\" string=\"true\">",
                          "\" string=\"false\">",
                          "</" DSML " parameter>",
                          "",
                          "~",
                          StringRule::by_marker};

// Around the calls of an answer.
struct Surroundings {
  std::string_view opening;     // ends the free text
  std::string_view never = {};  // may not stand in it
  bool text_follows = true;     // after a call; else the answer ends
  // The dialect's parser does not look for calls between <think> tags, nor does the grammar.
  bool skips_reasoning = false;
};

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 256 &&
         name.find_first_of("<>\"\\\n\r\t{}") == std::string_view::npos;
}

class Writer {
 public:
  Writer(Rules& rules, std::span<const CallableTool> tools, const ToolCallOptions& options,
         const TokenTrie& trie)
      : rules_(rules),
        json_(rules, JsonLayout::compact),
        tools_(tools),
        options_(options),
        trie_(trie) {}

  Result<Rule> write() {
    switch (options_.envelope) {
      case Envelope::hermes: {
        ENGRAMD_TRY(const Expr call, json_call("arguments"));
        return around({"<tool_call>", "", true, true},
                      rules_.sequence({text("~"), call, text("~</tool_call>")}));
      }
      case Envelope::qwen_xml: {
        ENGRAMD_TRY(const Expr call, tagged_call(kQwen));
        return around({"<tool_call>"}, call);
      }
      case Envelope::glm: {
        ENGRAMD_TRY(const Expr call, tagged_call(kGlm));
        return around({"<tool_call>"}, call);
      }
      case Envelope::dsml:
      case Envelope::dsml_41: {
        const bool newer = options_.envelope == Envelope::dsml_41;
        ENGRAMD_TRY(const Expr call, tagged_call(newer ? kDsml41 : kDsml));
        const Expr calls =
            rules_.sequence({text("\n"), rules_.repeat(call, 1, options_.several ? kUnlimited : 1),
                             text(newer ? "</" DSML " calls>" : "</" DSML "tool_calls>")});
        return around({newer ? "<" DSML " calls>" : "<" DSML "tool_calls>", "", false}, calls);
      }
      case Envelope::kimi:
        return kimi();
      case Envelope::harmony:
        return harmony();
      case Envelope::llama3:
        return llama3();
    }
    return fail(ErrorCode::internal, "an envelope that is not known");
  }

 private:
  // The format's own words: special tokens in them are tokens.
  Expr marked(std::string_view words) { return rules_.literal(trie_.with_markers(words)); }

  // The same with a ~ as a line end or nothing.
  Expr text(std::string_view words) {
    std::vector<Expr> parts;
    for (size_t begin = 0; begin <= words.size();) {
      const size_t end = std::min(words.find('~', begin), words.size());
      parts.push_back(marked(words.substr(begin, end - begin)));
      if (end < words.size()) parts.push_back(rules_.optional(rules_.literal("\n")));
      begin = end + 1;
    }
    return rules_.sequence(parts);
  }

  // ---- what is called

  Result<Expr> arguments(const CallableTool& tool) {
    if (tool.parameters.empty()) return rules_.literal("{}");
    ENGRAMD_TRY(JsonSchema schema, JsonSchema::parse(json_, tool.parameters));
    return schema.object();
  }

  // Each tool's own part, in alternatives.
  template <class Part>
  Result<Expr> each_tool(const Part& part) {
    std::vector<Expr> choices;
    for (const CallableTool& tool : tools_) {
      auto written = part(tool);
      if (!written) return fail(std::move(written).error().with("tool " + tool.name));
      choices.push_back(*written);
    }
    return rules_.any_of(choices);
  }

  // {"name": "f", "arguments": {...}}
  Result<Expr> json_call(std::string_view arguments_name) {
    ENGRAMD_TRY(const Expr tool, each_tool([&](const CallableTool& one) -> Result<Expr> {
                  ENGRAMD_TRY(const Expr object, arguments(one));
                  return rules_.sequence({json_.key(one.name), json_.comma(),
                                          json_.key(arguments_name), json_.colon(), object});
                }));
    return rules_.sequence({rules_.literal("{\"name\":"), rules_.optional(rules_.literal(" ")),
                            tool, rules_.literal("}")});
  }

  Result<Expr> tagged_call(const Tags& tags) {
    return each_tool([&](const CallableTool& tool) -> Result<Expr> {
      if (!is_plain_name(tool.name))
        return fail(ErrorCode::invalid_input, "its name cannot be written in a tag");
      ENGRAMD_TRY(const Expr values, tagged_arguments(tags, tool));
      return rules_.sequence({text(tags.call), rules_.literal(tool.name), text(tags.after_name),
                              values, text(tags.call_end)});
    });
  }

  Result<Expr> tagged_arguments(const Tags& tags, const CallableTool& tool) {
    if (tool.parameters.empty()) return rules_.empty();
    ENGRAMD_TRY(JsonSchema schema, JsonSchema::parse(json_, tool.parameters));
    const std::string closing = trie_.with_markers(tags.closing);
    ENGRAMD_TRY(const auto parameters, schema.parameters(closing, tags.forbidden, tags.strings));
    std::vector<Expr> parts;
    for (const TaggedParameter& parameter : parameters) {
      if (!is_plain_name(parameter.name))
        return fail(ErrorCode::unsupported,
                    "its parameter \"" + parameter.name + "\" cannot be written in a tag");
      const Expr value =
          rules_.any_of({rules_.sequence({text(tags.after_key), parameter.string}),
                         rules_.sequence({text(tags.after_key_other), parameter.other})});
      const Expr whole = rules_.sequence(
          {text(tags.parameter), rules_.literal(parameter.name), value, text(tags.after_value)});
      parts.push_back(parameter.required ? whole : rules_.optional(whole));
    }
    return rules_.sequence(parts);
  }

  // ---- what is around it

  // The spelling as tokens, and as text where that is something else: parsers take either.
  void add_ending(std::vector<Ending>& endings, std::string_view spelling, Expr then) {
    const std::string marked = trie_.with_markers(spelling);
    endings.push_back({marked, then});
    if (marked != spelling) endings.push_back({std::string(spelling), then});
  }

  // Text; with special tokens where nobody must be kept from ending the answer.
  Characters free_characters(bool may_end) {
    Characters set = Characters::text();
    if (may_end) {
      set.add(Characters::markers());
      return set;
    }
    for (const char* tag : {"<think>", "</think>"}) {
      const auto marked = to_characters(trie_.with_markers(tag));
      if (marked && marked->size() == 1) set.add({{marked->front(), marked->front()}});
    }
    return set;
  }

  // Free text up to the opening, calls, and then the same again or the end.
  Result<Rule> around(const Surroundings& around, Expr calls) {
    Expr then = calls;
    if (around.text_follows && options_.several) {
      // Once there was a call the answer may end.
      const Texts again = declare_texts();
      then = rules_.sequence({calls, rules_.reference(again.outside)});
      ENGRAMD_CHECK(define_texts(again, around, then, true));
    }
    if (options_.at_once) {
      const Rule root = rules_.declare("a call at once");
      rules_.define(root, rules_.sequence({end_of_reasoning(), marked(around.opening), then}));
      return root;
    }
    const Texts first = declare_texts();
    ENGRAMD_CHECK(define_texts(first, around, then, !options_.required));
    return around.skips_reasoning && options_.opens_reasoning ? first.inside : first.outside;
  }

  // The dialects whose prompt may open the reasoning all close it by the same tag.
  Expr end_of_reasoning() { return options_.opens_reasoning ? text("~</think>~~") : text("~"); }

  struct Texts {
    Rule outside, inside;  // of reasoning
  };
  Texts declare_texts() { return {rules_.declare("text"), rules_.declare("reasoning")}; }

  Status define_texts(const Texts& texts, const Surroundings& around, Expr then, bool may_end) {
    const Expr at_end = may_end ? rules_.empty() : rules_.never();
    const Characters set = free_characters(may_end);
    std::vector<Ending> endings;
    add_ending(endings, around.opening, then);
    if (!around.never.empty()) add_ending(endings, around.never, rules_.never());
    if (around.skips_reasoning) {
      add_ending(endings, "<think>", rules_.reference(texts.inside));
      std::vector<Ending> leaves;
      add_ending(leaves, "</think>", rules_.reference(texts.outside));
      ENGRAMD_CHECK(define_text_until(rules_, texts.inside, leaves, at_end, set));
    }
    return define_text_until(rules_, texts.outside, endings, at_end, set);
  }

  Result<Rule> kimi() {
    ENGRAMD_TRY(
        const Expr tool, each_tool([&](const CallableTool& one) -> Result<Expr> {
          if (!is_plain_name(one.name))
            return fail(ErrorCode::invalid_input, "its name cannot be written in an id");
          ENGRAMD_TRY(const Expr object, arguments(one));
          return rules_.sequence({rules_.literal(one.name + ":"),
                                  rules_.repeat(rules_.bytes(ByteSet::range('0', '9')), 1, 4),
                                  marked("<|tool_call_argument_begin|>"), object});
        }));
    const Expr call = rules_.sequence({marked("<|tool_call_begin|>"), rules_.literal("functions."),
                                       tool, marked("<|tool_call_end|>")});
    const Expr calls = rules_.sequence({rules_.repeat(call, 1, options_.several ? kUnlimited : 1),
                                        marked("<|tool_calls_section_end|>")});
    return around({"<|tool_calls_section_begin|>", "<|tool_call_begin|>", false}, calls);
  }

  // Messages, each a header and a body. The answer starts behind "<|start|>assistant".
  Result<Rule> harmony() {
    const Rule header = rules_.declare("header");
    const Expr next = rules_.sequence({marked("<|start|>assistant"), rules_.reference(header)});
    const auto body = [&](Expr after_end, Expr after_return, Expr at_end) -> Result<Expr> {
      std::vector<Ending> endings;
      add_ending(endings, "<|end|>", after_end);
      add_ending(endings, "<|return|>", after_return);
      for (const char* other : {"<|call|>", "<|start|>", "<|message|>", "<|channel|>"})
        add_ending(endings, other, rules_.never());
      return text_until(rules_, endings, at_end, Characters::text());
    };
    ENGRAMD_TRY(const Expr thought, body(next, rules_.never(), rules_.never()));
    std::vector<Expr> headers;
    if (!options_.at_once)
      headers.push_back(rules_.sequence(
          {marked("<|channel|>"),
           rules_.any_of({rules_.literal("analysis"), rules_.literal("commentary")}),
           marked("<|message|>"), thought}));
    if (!options_.required && !options_.at_once) {
      ENGRAMD_TRY(const Expr answer, body(rules_.empty(), rules_.empty(), rules_.empty()));
      headers.push_back(rules_.sequence({marked("<|channel|>final<|message|>"), answer}));
    }
    // The recipient stands in the role or in the channel.
    ENGRAMD_TRY(const Expr call, each_tool([&](const CallableTool& tool) -> Result<Expr> {
                  if (!is_plain_name(tool.name))
                    return fail(ErrorCode::invalid_input, "its name cannot be written in a header");
                  ENGRAMD_TRY(const Expr object, arguments(tool));
                  const Expr name = rules_.literal(" to=functions." + tool.name);
                  const Expr type =
                      rules_.any_of({rules_.empty(), rules_.literal(" json"),
                                     marked(" <|constrain|>json"), marked("<|constrain|>json")});
                  const Expr recipient =
                      rules_.any_of({rules_.sequence({name, marked("<|channel|>commentary")}),
                                     rules_.sequence({marked("<|channel|>commentary"), name})});
                  return rules_.sequence({recipient, type, marked("<|message|>"), object});
                }));
    headers.push_back(rules_.sequence({call, marked("<|call|>")}));
    rules_.define(header, rules_.any_of(headers));
    return header;
  }

  // A call, or text that does not start like one.
  Result<Rule> llama3() {
    ENGRAMD_TRY(const Expr call, json_call("parameters"));
    const Expr more = rules_.repeat(rules_.sequence({rules_.literal("; "), call}), 0,
                                    options_.several ? kUnlimited : 0);
    std::vector<Expr> choices = {
        rules_.sequence({rules_.optional(marked("<|python_tag|>")), call, more})};
    if (!options_.required && !options_.at_once) {
      Characters first = free_characters(true), rest = first;
      const auto tag = to_characters(trie_.with_markers("<|python_tag|>"));
      if (tag && tag->size() == 1) first.remove({{tag->front(), tag->front()}});
      first.remove({{'\t', '\r'}, {' ', ' '}, {'{', '{'}});
      choices.push_back(rules_.optional(rules_.sequence(
          {one_character(rules_, first, Spelling::plain),
           rules_.repeat(one_character(rules_, rest, Spelling::plain), 0, kUnlimited)})));
    }
    const Rule root = rules_.declare("answer");
    rules_.define(root, rules_.any_of(choices));
    return root;
  }

  Rules& rules_;
  JsonText json_;
  const std::span<const CallableTool> tools_;
  const ToolCallOptions& options_;
  const TokenTrie& trie_;
};

}  // namespace

std::optional<Envelope> envelope_of(std::string_view dialect) {
  static constexpr std::pair<std::string_view, Envelope> kRows[] = {
      {"chatml", Envelope::hermes},         {"qwen2.5", Envelope::hermes},
      {"qwen3", Envelope::hermes},          {"qwen3-coder", Envelope::qwen_xml},
      {"qwen3.5", Envelope::qwen_xml},      {"harmony", Envelope::harmony},
      {"deepseek-v4", Envelope::dsml},      {"deepseek-v4-0731", Envelope::dsml},
      {"deepseek-v4.1", Envelope::dsml_41}, {"glm-4.6", Envelope::glm},
      {"glm-4.7", Envelope::glm},           {"kimi-k2", Envelope::kimi},
      {"kimi-k2-thinking", Envelope::kimi}, {"llama-3", Envelope::llama3}};
  for (const auto& [name, envelope] : kRows)
    if (name == dialect) return envelope;
  return std::nullopt;
}

Result<Rule> tool_call_rules(Rules& rules, std::span<const CallableTool> tools,
                             const ToolCallOptions& options, const TokenTrie& trie) {
  if (tools.empty()) return fail(ErrorCode::invalid_input, "there is no tool to call");
  if (tools.size() > kMaxTools)
    return fail(ErrorCode::invalid_input, "there are " + std::to_string(tools.size()) +
                                              " tools, at most " + std::to_string(kMaxTools));
  return Writer(rules, tools, options, trie).write();
}

}  // namespace engramd::engine::grammar
