// Tool calls in each dialect: free text, then nothing but a call that its schema accepts.
#include <catch2/catch.hpp>

#include "tests/engine/grammar_support.h"

using namespace engramd;
using namespace engramd::engine;
using grammar::CallableTool;
using grammar::Envelope;
using grammar::ToolCallOptions;

namespace {

#define DSML "｜DSML｜"

const std::vector<CallableTool> kTools = {
    {"read", R"({"type": "object", "properties": {"path": {"type": "string"},
       "line": {"type": "integer"}}, "required": ["path"]})"},
    {"set", R"({"type": "object", "properties": {"mode": {"enum": ["on", "off"]},
       "note": {"type": ["string", "null"]}, "tags": {"items": {"type": "string"}},
       "short": {"type": "string", "maxLength": 3}}, "required": ["mode"]})"},
    {"stop", ""}};

const test::BareModel& model() {
  static const test::BareModel made(test::json_vocabulary(
      {"<|start|>", "<|end|>", "<|return|>", "<|call|>", "<|channel|>", "<|message|>",
       "<|constrain|>", DSML, "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>",
       "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>", "<think>",
       "</think>", "<|python_tag|>"}));
  return made;
}

struct Texts {
  std::vector<std::string> yes, no;
};

void check(const ToolCallOptions& options, const Texts& texts) {
  const auto made = grammar::constraint_from_tools(kTools, options, model().trie);
  if (!made) FAIL(made.error().message);
  for (const std::string& text : texts.yes) {
    INFO("should be accepted: " << text);
    CHECK(test::is_match((*made)->automaton(), model().trie->with_markers(text)));
  }
  for (const std::string& text : texts.no) {
    INFO("should be refused: " << text);
    CHECK_FALSE(test::is_match((*made)->automaton(), model().trie->with_markers(text)));
  }
}

ToolCallOptions of(Envelope envelope) {
  ToolCallOptions options;
  options.envelope = envelope;
  return options;
}

std::string hermes(const std::string& body) {
  return "<tool_call>\n" + body + "\n</tool_call>";
}
std::string xml(const std::string& name, const std::string& body) {
  return "<tool_call>\n<function=" + name + ">\n" + body + "</function>\n</tool_call>";
}
std::string parameter(const std::string& name, const std::string& value) {
  return "<parameter=" + name + ">\n" + value + "\n</parameter>\n";
}

}  // namespace

TEST_CASE("hermes: a JSON object between tags") {
  const std::string call = hermes(R"({"name": "read", "arguments": {"path": "a/b", "line": 3}})");
  check(of(Envelope::hermes),
        {{"", "just text", "I <b>look</b> <tool_cal it.\n" + call, call + "\n" + call,
          call + " and then?", hermes(R"({"name": "stop", "arguments": {}})"),
          hermes(R"({"name": "set", "arguments": {"mode": "on", "note": "</tool_call>"}})"),
          "<think>I could <tool_call> it</think>" + call, "é€😀"},
         {"<tool_call>", "<tool_call>no", hermes(R"({"name": "write", "arguments": {}})"),
          hermes(R"({"name": "read", "arguments": {}})"),
          hermes(R"({"name": "read", "arguments": {"path": 3}})"),
          hermes(R"({"name": "read", "arguments": {"path": "a", "more": 1}})"),
          call + "<tool_call>", "<think>x</think><tool_call>y", "\xFF"}});
  ToolCallOptions once = of(Envelope::hermes);
  once.required = true;
  once.several = false;
  check(once, {{call, "text first " + call}, {"", "only text", call + call, call + " more"}});
  ToolCallOptions thinking = of(Envelope::hermes);
  thinking.opens_reasoning = true;
  check(thinking, {{"hm <tool_call> hm</think>" + call}, {"hm</think><tool_call> hm"}});
}

TEST_CASE("qwen: tags, with text as it is") {
  check(of(Envelope::qwen_xml),
        {{xml("read", parameter("path", "a b\n<c>&\"") + parameter("line", "12")),
          xml("read", parameter("path", "")), xml("stop", ""),
          xml("set", parameter("mode", "on") + parameter("note", "null")),
          xml("set", parameter("mode", "off") + parameter("note", "plain words")),
          xml("set", parameter("mode", "on") + parameter("tags", R"(["a", "b"])")),
          xml("set", parameter("mode", "on") + parameter("short", "abc")),
          "text " + xml("stop", "") + "\n" + xml("stop", ""), ""},
         {xml("read", parameter("line", "12")), xml("read", parameter("path", "</parameter>")),
          xml("read", parameter("path", "a") + parameter("line", "x")),
          xml("set", parameter("mode", "\"on\"")), xml("set", parameter("mode", "maybe")),
          // Would be read as a number, a list, true.
          xml("set", parameter("mode", "on") + parameter("note", "5")),
          xml("set", parameter("mode", "on") + parameter("note", "[]")),
          xml("set", parameter("mode", "on") + parameter("note", "true")),
          xml("set", parameter("mode", "on") + parameter("short", "abcd")),
          xml("set", parameter("mode", "on") + parameter("tags", "a")), "<tool_call>\n",
          xml("other", "")}});
}

TEST_CASE("dsml: the tag says what is a string") {
  const auto calls = [](const std::string& body) {
    return "<" DSML "tool_calls>\n" + body + "</" DSML "tool_calls>";
  };
  const auto invoke = [](const std::string& name, const std::string& body) {
    return "<" DSML "invoke name=\"" + name + "\">\n" + body + "</" DSML "invoke>\n";
  };
  const auto value = [](const std::string& name, const char* is_string, const std::string& text) {
    return "<" DSML "parameter name=\"" + name + "\" string=\"" + is_string + "\">" + text +
           "</" DSML "parameter>\n";
  };
  check(of(Envelope::dsml),
        {{"text\n\n" +
              calls(invoke("read", value("path", "true", "a\n\"b") + value("line", "false", "3"))),
          calls(invoke("stop", "\n") + invoke("stop", "\n")), "no call",
          calls(invoke("set", value("mode", "true", "on") + value("note", "true", "5"))),
          calls(invoke("set", value("mode", "true", "on") + value("note", "false", "null")))},
         {calls(""), calls(invoke("read", value("path", "false", "a"))),
          calls(invoke("read", value("path", "true", "a") + value("line", "true", "3"))),
          calls(invoke("stop", "\n")) + "more",
          calls(invoke("set", value("mode", "true", "on") + value("note", "false", "5")))}});
  check(of(Envelope::dsml_41), {{"<" DSML " calls>\n<" DSML " invoke name=\"stop\">\n\n</" DSML
                                 " invoke>\n</" DSML " calls>"},
                                {"<" DSML " calls>\n</" DSML " calls>"}});
}

TEST_CASE("glm: keys and values") {
  const auto call = [](const char* end) {
    const std::string e = end;
    return "<tool_call>read" + e + "<arg_key>path</arg_key>" + e + "<arg_value>a\n</arg_value>" +
           e + "<arg_key>line</arg_key>" + e + "<arg_value>7</arg_value>" + e + "</tool_call>";
  };
  check(of(Envelope::glm), {{call("\n"), call(""), "so: " + call("") + call("") + " done",
                             "<tool_call>stop</tool_call>"},
                            {"<tool_call>read</tool_call>", "<tool_call>other</tool_call>",
                             "<tool_call>read<arg_key>path</arg_key><arg_value>a</tool_call>"}});
}

TEST_CASE("kimi: a section of calls with numbers") {
  const auto call = [](const std::string& name, const std::string& arguments) {
    return "<|tool_call_begin|>functions." + name + "<|tool_call_argument_begin|>" + arguments +
           "<|tool_call_end|>";
  };
  const auto section = [](const std::string& calls) {
    return "<|tool_calls_section_begin|>" + calls + "<|tool_calls_section_end|>";
  };
  check(of(Envelope::kimi),
        {{section(call("read:0", R"({"path": "a"})")),
          "text" + section(call("stop:1", "{}") + call("stop:2", "{}")), "text"},
         {section(""), section(call("read:0", "{}")), section(call("read", R"({"path": "a"})")),
          call("stop:1", "{}")}});
}

TEST_CASE("harmony: messages on channels") {
  const std::string think =
      "<|channel|>analysis<|message|>to=functions.x?<|end|><|start|>assistant";
  const std::string body = R"({"path":"a"}<|call|>)";
  check(of(Envelope::harmony),
        {{"<|channel|>final<|message|>text", think + "<|channel|>final<|message|>text<|return|>",
          think + "<|channel|>commentary to=functions.read <|constrain|>json<|message|>" + body,
          think + " to=functions.read<|channel|>commentary json<|message|>" + body,
          "<|channel|>commentary to=functions.stop<|message|>{}<|call|>"},
         {"text", think, "<|channel|>commentary to=functions.read<|message|>{}<|call|>",
          "<|channel|>commentary to=functions.no<|message|>{}<|call|>",
          "<|channel|>commentary to=functions.stop<|message|>{}",
          "<|channel|>final<|message|>a<|channel|>"}});
  ToolCallOptions required = of(Envelope::harmony);
  required.required = true;
  check(required, {{think + " to=functions.stop<|channel|>commentary<|message|>{}<|call|>"},
                   {"<|channel|>final<|message|>text"}});
}

TEST_CASE("llama: the answer is a call, or it is not one from its first character") {
  check(of(Envelope::llama3), {{R"({"name": "read", "parameters": {"path": "a"}})", "text {", "",
                                R"(<|python_tag|>{"name": "stop", "parameters": {}})"},
                               {"{}", R"({"name": "read", "parameters": {}})", " {"}});
}

TEST_CASE("the token that completes an opening may not go beyond it with anything else") {
  // ">\n" is one token: behind "<tool_call" it opens a call and starts its first line.
  const auto made = grammar::constraint_from_tools(kTools, of(Envelope::qwen_xml), model().trie);
  REQUIRE(made);
  auto matcher = grammar::Matcher::start((*made)->automaton());
  REQUIRE(*matcher->take("text <tool_call"));
  grammar::TokenSet allowed;
  REQUIRE((*made)->masks().allowed(*matcher, allowed));
  for (size_t i = 0; i < model().trie->n_vocab(); ++i) {
    const auto token = static_cast<TokenId>(i);
    const std::string text = model().trie->text(token);
    if (text.starts_with(">")) {
      INFO(text);
      CHECK(allowed.has(token) == (text == ">" || text == ">\n"));
    }
  }
  CHECK(matcher->may_end());
  REQUIRE(*matcher->take(">"));
  CHECK_FALSE(matcher->may_end());
}

TEST_CASE("generated calls are whole, in every dialect") {
  for (const Envelope envelope :
       {Envelope::hermes, Envelope::qwen_xml, Envelope::dsml, Envelope::dsml_41, Envelope::glm,
        Envelope::harmony, Envelope::kimi, Envelope::llama3}) {
    ToolCallOptions options = of(envelope);
    options.required = true;
    options.several = false;
    GenerateOptions generate;
    generate.constraint = *grammar::constraint_from_tools(kTools, options, model().trie);
    generate.max_tokens = 400;
    generate.sample.temperature = 1;
    size_t n_complete = 0;
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      test::RandomSession session(model().tokenizer(), seed);
      // What opens and closes things; special tokens by their names.
      session.favoured = "<>|\"}/_\n";
      session.by = 4;
      generate.sample.seed = seed;
      // Free text from noise does not find an opening: it is forced.
      generate.forced_prefix = envelope == Envelope::hermes || envelope == Envelope::qwen_xml ||
                                       envelope == Envelope::glm
                                   ? "<tool_call>"
                                   : "";
      const auto result =
          decode::generate(session, model(), model().tokenizer().encode("p"), generate);
      if (!result) FAIL(result.error().message);
      std::string text;
      for (const TokenId token : result->tokens) text += model().trie->text(token);
      auto matcher = grammar::Matcher::start(generate.constraint->automaton());
      INFO(static_cast<int>(envelope) << ": " << result->text);
      CHECK(*matcher->take(text));
      n_complete += result->stop_reason == "grammar" && matcher->is_complete();
    }
    INFO(static_cast<int>(envelope));
    if (!generate.forced_prefix.empty() || envelope == Envelope::llama3) CHECK(n_complete > 10);
  }
}

TEST_CASE("tools that cannot be written are errors that name them") {
  const auto message = [](const CallableTool& tool, Envelope envelope) {
    const auto made = grammar::constraint_from_tools(std::vector{tool}, of(envelope), model().trie);
    return made ? std::string("accepted") : made.error().message;
  };
  CHECK_THAT(message({"f", "{\"not\": {}}"}, Envelope::hermes),
             Catch::Contains("tool f: the schema has not"));
  CHECK_THAT(message({"a>b", ""}, Envelope::qwen_xml), Catch::Contains("its name cannot"));
  CHECK_THAT(message({"f", "[1]"}, Envelope::kimi), Catch::Contains("tool f"));
  CHECK_THAT(message({"f", R"({"properties": {"a<b": {}}})"}, Envelope::glm),
             Catch::Contains("a<b"));
  CHECK_FALSE(grammar::constraint_from_tools({}, of(Envelope::hermes), model().trie).has_value());
}

TEST_CASE("a call at once: nothing comes before it, and reasoning is ended first") {
  const auto at_once = [](Envelope envelope, bool opens_reasoning = false) {
    ToolCallOptions options = of(envelope);
    options.several = false;
    options.at_once = true;
    options.opens_reasoning = opens_reasoning;
    return options;
  };
  const std::string call = hermes(R"({"name": "stop", "arguments": {}})");
  check(
      at_once(Envelope::hermes),
      {{call, "\n" + call}, {"", "text " + call, call + call, call + " more", "</think>" + call}});
  check(at_once(Envelope::hermes, true), {{"</think>\n\n" + call, "\n</think>" + call}, {call}});
  check(at_once(Envelope::qwen_xml, true),
        {{"</think>\n\n" + xml("stop", "")}, {"hm</think>" + xml("stop", ""), xml("stop", "")}});
  check(at_once(Envelope::harmony),
        {{" to=functions.stop<|channel|>commentary<|message|>{}<|call|>",
          "<|channel|>commentary to=functions.stop <|constrain|>json<|message|>{}<|call|>"},
         {"<|channel|>final<|message|>done<|return|>",
          "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary "
          "to=functions.stop<|message|>{}<|call|>"}});
  check(at_once(Envelope::llama3), {{R"({"name": "stop", "parameters": {}})"}, {"", "text", "{"}});
  check(at_once(Envelope::kimi),
        {{"<|tool_calls_section_begin|><|tool_call_begin|>functions.stop:0"
          "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>"},
         {"text", "text<|tool_calls_section_begin|>"}});
}
