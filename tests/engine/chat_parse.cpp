// What the parsers of the chat dialects make of generated text, however it is cut.
#include <catch2/catch.hpp>
#include <random>

#include "base/text.h"
#include "engine/api/chat.h"

using namespace engramd;
namespace chat = engine::chat;
using chat::Event;

namespace {

const std::vector<chat::Tool> kTools = {
    {"f", "",
     R"({"type": "object", "properties": {"s": {"type": "string"}, "n": {"type": "integer"},
         "b": {"type": "boolean"}, "l": {"type": "array"}, "m": {"type": ["string", "null"]}}})"},
    {"g", "", ""}};

// Joins what is cut, so that any two ways of cutting the text can be compared.
void append(std::vector<Event>& all, std::vector<Event> more) {
  for (Event& event : more) {
    CHECK(utf8_valid(event.text));
    const bool joins = event.kind == Event::Kind::text || event.kind == Event::Kind::reasoning ||
                       event.kind == Event::Kind::call_arguments;
    if (joins && !all.empty() && all.back().kind == event.kind && all.back().call == event.call)
      all.back().text += event.text;
    else
      all.push_back(std::move(event));
  }
}

std::vector<Event> events_of(const chat::Dialect& dialect, std::string_view generated, bool reasons,
                             const std::vector<size_t>& cuts) {
  const auto parser = dialect.parser({kTools, reasons});
  std::vector<Event> all;
  size_t begin = 0;
  for (const size_t cut : cuts) {
    append(all, parser->feed(generated.substr(begin, cut - begin)));
    begin = cut;
  }
  append(all, parser->feed(generated.substr(begin)));
  append(all, parser->finish());
  return all;
}

// "text|<reasoning>|f({...})|broken: ...|!problem"
std::string shown(const std::vector<Event>& events) {
  std::string out;
  for (const Event& event : events) {
    const auto item = [&](const std::string& text) { out += (out.empty() ? "" : "|") + text; };
    switch (event.kind) {
      case Event::Kind::text:
        item(event.text);
        break;
      case Event::Kind::reasoning:
        item("<" + event.text + ">");
        break;
      case Event::Kind::call_begin:
        item(event.text + "(");
        break;
      case Event::Kind::call_arguments:
        out += event.text;
        break;
      case Event::Kind::call_end:
        out += ")";
        break;
      case Event::Kind::call_broken:
        item("broken: " + event.text);
        break;
      case Event::Kind::problem:
        item("!");
        break;
    }
  }
  return out;
}

void check_answer(const char* name, std::string_view generated, const std::string& expected,
                  bool reasons = false) {
  const chat::Dialect* dialect = chat::find_dialect(name);
  REQUIRE(dialect != nullptr);
  INFO(name << ": " << generated);
  const auto whole = events_of(*dialect, generated, reasons, {});
  CHECK(shown(whole) == expected);
  std::vector<size_t> every;
  for (size_t i = 1; i < generated.size(); ++i) every.push_back(i);
  CHECK(shown(events_of(*dialect, generated, reasons, every)) == shown(whole));
  std::mt19937 random(static_cast<unsigned>(generated.size()));
  for (int round = 0; round < 50; ++round) {
    std::vector<size_t> some;
    for (const size_t cut : every)
      if (random() % 5 == 0) some.push_back(cut);
    REQUIRE(events_of(*dialect, generated, reasons, some) == whole);
  }
}

}  // namespace

TEST_CASE("Hermes: text, reasoning and calls as JSON") {
  check_answer("qwen2.5", "Just text, 2 < 3 and <b>.", "Just text, 2 < 3 and <b>.");
  check_answer("qwen3", "<think>\nLet me see.\n</think>\n\nDone.\n", "<Let me see.>|Done.\n");
  check_answer(
      "qwen3",
      "<think>\n\n</think>\n\nI look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"s\": "
      "\"a } </tool_call> \\\" b\", \"n\": 3}}\n</tool_call>",
      "I look.|f({\"s\": \"a } </tool_call> \\\" b\", \"n\": 3})");
  check_answer(
      "qwen3",
      "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"name\": "
      "\"g\"}\n</tool_call>",
      "f({})|g({})");
  // Arguments first, and in a string.
  check_answer("qwen3", "<tool_call>{\"arguments\": {\"n\": 1}, \"name\": \"f\"}</tool_call> ok",
               "f({\"n\": 1})|ok");
  check_answer("qwen3",
               "<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"n\\\": 1}\"}</tool_call>",
               "f({\"n\": 1})");
  // Two objects between one pair of tags; no closing tag.
  check_answer("qwen3", "<tool_call>{\"name\": \"f\"}\n{\"name\": \"g\"}", "f({})|g({})");
}

TEST_CASE("Hermes: a malformed call is told and its bytes are kept") {
  check_answer("qwen3", "a <tool_call>\nf(1)\n</tool_call> b",
               "a|!| <tool_call>\nf(1)\n</tool_call> b");
  check_answer("qwen3", "<tool_call>{\"name\": \"f\", \"arguments\": {\"n\": 1,}}</tool_call>b",
               "f({\"n\": 1,}|!|broken: <tool_call>{\"name\": \"f\", \"arguments\": {\"n\": "
               "1,}}</tool_call>|b");
  check_answer(
      "qwen3", "<tool_call>{\"name\": \"f\", \"arguments\": {\"s\": \"cut",
      "f({\"s\": \"cut|!|broken: <tool_call>{\"name\": \"f\", \"arguments\": {\"s\": \"cut");
  check_answer("qwen3", "<tool_call>{\"arguments\": {}}</tool_call>",
               "!|<tool_call>{\"arguments\": {}}</tool_call>");
  check_answer("qwen3", "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
               "f([1]|!|broken: <tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>");
  check_answer("qwen3", "x <tool_cal", "x <tool_cal");
  check_answer("qwen3", "<tool_call>", "!|<tool_call>");
}

TEST_CASE("Qwen XML: the schema says what is a string") {
  check_answer(
      "qwen3-coder",
      "I look.\n\n<tool_call>\n<function=f>\n<parameter=s>\n12\n</parameter>\n<parameter=n>\n12\n"
      "</parameter>\n<parameter=b>\nTrue\n</parameter>\n<parameter=l>\n[1,  2]\n</parameter>\n"
      "</function>\n</tool_call>",
      "I look.|f({\"s\": \"12\", \"n\": 12, \"b\": true, \"l\": [1, 2]})");
  // Over several lines, with quotes, with its own closing tag, empty.
  check_answer(
      "qwen3-coder",
      "<tool_call>\n<function=f>\n<parameter=s>\nline \"1\"\n\n  line 2\\\n</parameter> here\n"
      "</parameter>\n</function>\n</tool_call>",
      "f({\"s\": \"line \\\"1\\\"\\n\\n  line 2\\\\\\n</parameter> here\"})");
  check_answer("qwen3-coder",
               "<tool_call><function=f><parameter=s></parameter></function></tool_call>",
               "f({\"s\": \"\"})");
  check_answer("qwen3-coder", "<tool_call>\n<function=g>\n</function>\n</tool_call>\n", "g({})");
  // Not what the schema says: kept as a string. May be null: it is.
  check_answer("qwen3-coder",
               "<tool_call>\n<function=f>\n<parameter=n>\nmany\n</parameter>\n<parameter=m>\nnull\n"
               "</parameter>\n</function>\n</tool_call>",
               "f({\"n\": \"many\", \"m\": null})");
  check_answer(
      "qwen3.5",
      "I think.\n</think>\n\n<tool_call>\n<function=g>\n</function>\n</tool_call>\n<tool_call>\n"
      "<function=f>\n<parameter=n>\n1\n</parameter>\n</function>\n</tool_call>",
      "<I think.>|g({})|f({\"n\": 1})", true);
  check_answer("qwen3.5", "hm <tool_call>\n<function=g>\n</function>\n</tool_call>", "<hm>|g({})",
               true);
}

TEST_CASE("Qwen XML: a malformed call is told and its bytes are kept") {
  check_answer("qwen3-coder", "<tool_call>\n{\"name\": \"f\"}\n</tool_call>x",
               "!|<tool_call>\n{\"name\": \"f\"}\n</tool_call>x");
  check_answer("qwen3-coder", "<tool_call>\n<function=f>\n<parameter=s>\nabc",
               "f({\"s\": \"abc|!|broken: <tool_call>\n<function=f>\n<parameter=s>\nabc");
  check_answer("qwen3-coder", "<tool_call>\n<function=f>\noops\n</function>\n</tool_call>",
               "f(|!|broken: <tool_call>\n<function=f>\noops\n</function>\n</tool_call>");
  check_answer("qwen3-coder", "<tool_call><function=></function></tool_call>",
               "!|<tool_call><function=></function></tool_call>");
}

TEST_CASE("Harmony: channels and recipients") {
  check_answer("harmony", "<|channel|>final<|message|>Hello.<|return|>", "Hello.");
  check_answer(
      "harmony",
      "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hi.",
      "<Hm.>|Hi.");
  check_answer("harmony",
               "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary "
               "to=functions.f <|constrain|>json<|message|>{\"s\": \"<|x\", \"n\": 1}<|call|>",
               "<Hm.>|f({\"s\": \"<|x\", \"n\": 1})");
  check_answer("harmony", " to=functions.g<|channel|>commentary json<|message|>{}", "g({})");
  check_answer("harmony", "<|channel|>commentary<|message|>A plan.<|end|>", "A plan.");
  check_answer(
      "harmony", "<|channel|>commentary to=functions.f<|message|>{\"n\": <|call|>",
      "f({\"n\": |!|broken: <|channel|>commentary to=functions.f<|message|>{\"n\": <|call|>");
  check_answer("harmony", "no header at all", "!|no header at all");
}

TEST_CASE("DSML: the tag says what is a string") {
  check_answer("deepseek-v4", "Hello.\n", "Hello.\n");
  check_answer(
      "deepseek-v4",
      "I think.</think>I look.\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke "
      "name=\"f\">\n<｜DSML｜parameter "
      "name=\"s\" string=\"true\">\n 12 \n</｜DSML｜parameter>\n<｜DSML｜parameter name=\"n\" "
      "string=\"false\">12</｜DSML｜parameter>\n</｜DSML｜invoke>\n<｜DSML｜invoke name=\"g\">\n\n"
      "</｜DSML｜invoke>\n</｜DSML｜tool_calls>",
      "<I think.>|I look.|f({\"s\": \"\\n 12 \\n\", \"n\": 12})|g({})", true);
  check_answer(
      "deepseek-v4.1",
      "A call\n\n<｜DSML｜ calls>\n<｜DSML｜ invoke name=\"f\">\n<｜DSML｜ parameter name=\"s\" "
      "string=\"true\">x</｜DSML｜ parameter>\n</｜DSML｜ invoke>\n</｜DSML｜ calls>",
      "<A call>|f({\"s\": \"x\"})", true);
  check_answer("deepseek-v4",
               "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"g\">\n</｜DSML｜invoke>\n", "g({})");
  check_answer("deepseek-v4", "a<｜DSML｜tool_calls>b</｜DSML｜tool_calls>",
               "a|!|<｜DSML｜tool_calls>b</｜DSML｜tool_calls>");
  check_answer("deepseek-v4",
               "<｜DSML｜tool_calls><｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"s\" "
               "string=\"true\">x",
               "f({\"s\": \"x|!|broken: <｜DSML｜tool_calls><｜DSML｜invoke "
               "name=\"f\"><｜DSML｜parameter name=\"s\" "
               "string=\"true\">x");
}

TEST_CASE("GLM: names, keys and values") {
  check_answer("glm-4.6",
               "\n<think>Hm.</think>\nI look.\n<tool_call>f\n<arg_key>s</arg_key>\n<arg_value>a "
               "<b>\n</arg_value>\n"
               "<arg_key>l</arg_key>\n<arg_value>[\"x\"]</arg_value>\n</tool_call>",
               "<Hm.>|I look.|f({\"s\": \"a <b>\\n\", \"l\": [\"x\"]})");
  check_answer("glm-4.7",
               "Hm.</think>Hi.<tool_call>g</tool_call><tool_call>f<arg_key>n</"
               "arg_key><arg_value>4</arg_value></tool_call>",
               "<Hm.>|Hi.|g({})|f({\"n\": 4})", true);
  check_answer("glm-4.7", "<tool_call>not a name</tool_call>x",
               "!|<tool_call>not a name</tool_call>x");
  check_answer("glm-4.7", "<tool_call>f<arg_key>s</arg_key>oops</tool_call>",
               "f(|!|broken: <tool_call>f<arg_key>s</arg_key>oops</tool_call>");
}

TEST_CASE("Kimi: sections of calls") {
  check_answer(
      "kimi-k2",
      "I "
      "look.<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|"
      ">"
      "{\"s\": "
      "\"<|x\"}<|tool_call_end|><|tool_call_begin|>functions.g:1<|tool_call_argument_begin|>"
      "{}<|tool_call_end|><|tool_calls_section_end|>",
      "I look.|f({\"s\": \"<|x\"})|g({})");
  check_answer("kimi-k2-thinking", "<think>Hm.</think>Yes.", "<Hm.>|Yes.");
  check_answer("kimi-k2",
               "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_"
               "begin|>{<|tool_call_end|>",
               "f({|!|broken: "
               "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_"
               "begin|>{<|tool_call_end|>");
  check_answer("kimi-k2", "<|tool_calls_section_begin|>x<|tool_calls_section_end|>",
               "!|<|tool_calls_section_begin|>x<|tool_calls_section_end|>");
}

TEST_CASE("Llama 3: an answer is a call or text") {
  check_answer("llama-3", "{\"name\": \"f\", \"parameters\": {\"n\": 1}}", "f({\"n\": 1})");
  check_answer("llama-3", "<|python_tag|>{\"name\": \"f\", \"parameters\": {}}", "f({})");
  check_answer("llama-3", "{\"a\": 1}", "{\"a\": 1}");
  check_answer("llama-3", "{not JSON} at all", "{not JSON} at all");
  check_answer("llama-3", "Hello {\"name\": 1}", "Hello {\"name\": 1}");
  check_answer("llama-3", "{\"name\": \"f\", \"parameters\": {\"n\":",
               "f({\"n\":|!|broken: {\"name\": \"f\", \"parameters\": {\"n\":");
}

TEST_CASE("broken and unfinished UTF-8 becomes U+FFFD wherever it is cut") {
  for (const auto name : chat::dialect_names())
    check_answer(std::string(name).c_str(),
                 name == "harmony" ? "<|channel|>final<|message|>a\xFF \xE4\xB8\xAD\xE4\xB8"
                                   : "a\xFF \xE4\xB8\xAD\xE4\xB8",
                 "a\xEF\xBF\xBD \xE4\xB8\xAD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("no byte of random text is lost and nothing depends on the cuts") {
  static constexpr std::string_view kPieces[] = {"<think>",
                                                 "</think>",
                                                 "<tool_call>",
                                                 "</tool_call>",
                                                 "<function=f>",
                                                 "</function>",
                                                 "<parameter=s>",
                                                 "</parameter>",
                                                 "{\"name\": \"f\", ",
                                                 "\"arguments\": ",
                                                 "\"parameters\": ",
                                                 "{\"n\": 1}",
                                                 "}",
                                                 "f",
                                                 "<arg_key>",
                                                 "</arg_key>",
                                                 "<arg_value>",
                                                 "</arg_value>",
                                                 "<|channel|>",
                                                 "final",
                                                 "analysis",
                                                 "<|message|>",
                                                 "<|end|>",
                                                 "<|start|>",
                                                 " to=functions.f",
                                                 "<|call|>",
                                                 "<｜DSML｜tool_calls>",
                                                 "</｜DSML｜tool_calls>",
                                                 "<｜DSML｜invoke name=\"f\">",
                                                 "</｜DSML｜invoke>",
                                                 "<｜DSML｜parameter name=\"s\" string=\"true\">",
                                                 "</｜DSML｜parameter>",
                                                 "<｜DSML｜ calls>",
                                                 "<|tool_calls_section_begin|>",
                                                 "<|tool_call_begin|>",
                                                 "functions.f:0",
                                                 "<|tool_call_argument_begin|>",
                                                 "<|tool_call_end|>",
                                                 "<|tool_calls_section_end|>",
                                                 "<|python_tag|>",
                                                 "{",
                                                 "[",
                                                 "\"",
                                                 "\\",
                                                 "\n",
                                                 " ",
                                                 "<",
                                                 "中",
                                                 "x y"};
  std::mt19937 random(42);
  for (const auto name : chat::dialect_names()) {
    const chat::Dialect& dialect = *chat::find_dialect(name);
    for (int round = 0; round < 400; ++round) {
      std::string text;
      const size_t n = 1 + random() % 14;
      for (size_t i = 0; i < n; ++i) text += kPieces[random() % std::size(kPieces)];
      const bool reasons = random() % 2 == 0;
      const auto whole = events_of(dialect, text, reasons, {});
      std::vector<size_t> every;
      for (size_t i = 1; i < text.size(); ++i) every.push_back(i);
      INFO(name << ": " << text);
      REQUIRE(shown(events_of(dialect, text, reasons, every)) == shown(whole));
      // Calls begin and end in pairs, and their arguments are JSON objects.
      bool open = false;
      for (const Event& event : whole) {
        if (event.kind == Event::Kind::call_begin) {
          REQUIRE_FALSE(open);
          open = true;
        } else if (event.kind == Event::Kind::call_end || event.kind == Event::Kind::call_broken) {
          REQUIRE(open);
          open = false;
        }
      }
      REQUIRE_FALSE(open);
    }
  }
}

TEST_CASE("events add up to a message") {
  const auto parser = chat::find_dialect("qwen3")->parser({});
  chat::Answer answer;
  for (const Event& event :
       parser->feed("<think>\nA\n</think>\n\nB\n<tool_call>{\"name\": \"f\", \"arguments\": {}}"))
    chat::apply(answer, event);
  for (const Event& event : parser->finish()) chat::apply(answer, event);
  CHECK(answer.message.reasoning == "A");
  CHECK(answer.message.text == "B");
  REQUIRE(answer.message.tool_calls.size() == 1);
  CHECK(answer.message.tool_calls[0].arguments == "{}");
  CHECK(answer.problems.empty());
}
