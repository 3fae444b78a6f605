#include "agent/model/text_calls/text_calls.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace engramd::agent;

namespace {

const std::vector<ToolDescription> kTools = {
    {"open", "Read a file.",
     R"({"type":"object","properties":{"path":{"type":"string"},"first_line":{"type":"integer"}},)"
     R"("required":["path"]})"},
    {"run_tests", "Run them.", R"({"type":"object","properties":{}})"}};

void check_call(const std::string& text, const std::string& rest = "I look.") {
  INFO(text);
  const TextCalls found = find_text_calls(text, kTools);
  REQUIRE(found.calls.size() == 1);
  CHECK(found.calls[0].name == "open");
  CHECK(nlohmann::json::parse(found.calls[0].arguments_json) ==
        nlohmann::json({{"path", "a/b.py"}, {"first_line", 3}}));
  CHECK(found.text == rest);
}

void check_no_call(const std::string& text) {
  INFO(text);
  const TextCalls found = find_text_calls(text, kTools);
  CHECK(found.calls.empty());
  CHECK(found.text == text);
}

constexpr const char* kObject =
    R"({"name": "open", "arguments": {"path": "a/b.py", "first_line": 3}})";

}  // namespace

TEST_CASE("calls in the formats of model families, found in a reply's text") {
  const std::string object = kObject;
  check_call("I look.\n<tool_call>\n" + object + "\n</tool_call>");
  check_call(
      "I look.\n<tool_call>\n<function=open>\n<parameter=path>\na/b.py\n</parameter>\n"
      "<parameter=first_line>\n3\n</parameter>\n</function>\n</tool_call>");
  check_call(
      "I look.\n<function=open>\n<parameter=path>\na/b.py\n</parameter>\n"
      "<parameter=first_line>\n3\n</parameter>\n</function>");
  check_call(
      "I look.\n<tool_call>open\n<arg_key>path</arg_key>\n<arg_value>a/b.py</arg_value>\n"
      "<arg_key>first_line</arg_key>\n<arg_value>3</arg_value>\n</tool_call>");
  check_call(
      "I look.<|tool_calls_section_begin|><|tool_call_begin|>functions.open:0"
      "<|tool_call_argument_begin|>{\"path\": \"a/b.py\", \"first_line\": 3}"
      "<|tool_call_end|><|tool_calls_section_end|>");
}

TEST_CASE("calls as plain JSON, with and without a fence") {
  const std::string object = kObject;
  check_call("I look.\n```json\n" + object + "\n```");
  check_call("I look.\n```\n" + object + "\n```\n");
  check_call("I look. " + object);
  check_call(R"(I look. {"tool": "open", "args": {"path": "a/b.py", "first_line": 3}})");
  check_call(
      R"(I look. {"type": "function", "function": {"name": "open", "parameters": {"path": "a/b.py", "first_line": 3}}})");
  check_call(
      R"(I look. {"name": "open", "arguments": "{\"path\": \"a/b.py\", \"first_line\": 3}"})");
}

TEST_CASE("calls as Mistral writes them, and between invoke tags") {
  const std::string object = kObject;
  check_call("I look.[TOOL_CALLS][" + object + "]");
  check_call("I look.[TOOL_CALLS]open[ARGS]{\"path\": \"a/b.py\", \"first_line\": 3}");
  check_call(
      "I look.\n<function_calls>\n<invoke name=\"open\">\n<parameter name=\"path\">a/b.py"
      "</parameter>\n<parameter name=\"first_line\">3</parameter>\n</invoke>\n"
      "</function_calls>");
}

TEST_CASE("what only looks like a call stays text") {
  check_no_call("I would call open(path) now.");
  check_no_call(R"(The answer is {"name": "close", "arguments": {"path": "a"}}.)");
  check_no_call(R"({"path": "a/b.py", "first_line": 3})");
  check_no_call("<tool_call>\n{\"name\": \"open\", \"argu");
  check_no_call("<function=close>\n</function>");
  check_no_call("[TOOL_CALLS] nothing");
  check_no_call("<invoke name=\"open\">never closed");
  check_no_call(std::string(5000, '{'));
  check_no_call("");
}

TEST_CASE("several calls keep their order") {
  const TextCalls found = find_text_calls(
      "<tool_call>\n{\"name\": \"open\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>\n"
      "<tool_call>\n{\"name\": \"run_tests\", \"arguments\": {}}\n</tool_call>",
      kTools);
  REQUIRE(found.calls.size() == 2);
  CHECK(found.calls[0].name == "open");
  CHECK(found.calls[1].name == "run_tests");
}
