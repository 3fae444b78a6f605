// The prompts of the chat dialects: one conversation each as a golden text (tests/golden/chat;
// UPDATE_GOLDEN=1 rewrites them, read the diff), what stays from turn to turn, and what a user
// cannot do. tests/clients/chat.test.mjs compares with the models' own templates.
#include <catch2/catch.hpp>

#include "base/environment.h"
#include "base/file.h"
#include "engine/api/chat.h"
#include "tests/engine/tokenizer_data.h"

using namespace engramd;
namespace chat = engine::chat;
using chat::Message;
using chat::Role;

namespace {

Message said(Role role, std::string text) {
  Message message;
  message.role = role;
  message.text = std::move(text);
  return message;
}
Message thought(std::string reasoning, std::string text) {
  Message message = said(Role::assistant, std::move(text));
  message.reasoning = std::move(reasoning);
  return message;
}
Message called(std::string reasoning, std::string text, std::vector<chat::ToolCall> calls) {
  Message message = thought(std::move(reasoning), std::move(text));
  message.tool_calls = std::move(calls);
  return message;
}
Message result(std::string id, std::string text) {
  Message message = said(Role::tool, std::move(text));
  message.tool_call_id = std::move(id);
  return message;
}

const chat::Tool kRun = {
    "run", "Runs a command.",
    R"({"type":"object","properties":{"command":{"type":"string","description":"What."},)"
    R"("mode":{"type":"string","enum":["fast","slow"]},"limits":{"type":"object",)"
    R"("properties":{"s":{"type":"number"}}}},"required":["command"]})"};

// Everything that the formats treat apart: a system text, two calls at once whose results come in
// the other order, an answer, a question, a call in progress.
chat::Request long_conversation() {
  chat::Request request;
  request.messages = {
      said(Role::system, "You fix things."),
      said(Role::user, "Why?"),
      called("Two looks.", "I look.",
             {{"a", "run", R"({"command":"ls \"x\"\n","n":1.50})"}, {"b", "run", "{}"}}),
      result("b", "second"),
      result("a", "first"),
      thought("Clear.", "Because."),
      said(Role::user, "And now?"),
      called("More.", "", {{"c", "run", R"({"command":"make","deep":{"list":[1,null,true]}})"}}),
      result("c", "ok </tool_result> end"),
  };
  request.tools = {kRun};
  request.thinking = chat::Thinking::on;
  request.date = "2026-01-02";
  return request;
}

std::string rendered(const chat::Dialect& dialect, const chat::Request& request) {
  const auto prompt = dialect.render(request);
  if (!prompt) FAIL(dialect.name() << ": " << prompt.error().message);
  return prompt->text();
}

// A vocabulary with every marker that any dialect writes.
std::unique_ptr<engine::Tokenizer> with_markers() {
  auto data = test::small_vocabulary();
  for (const auto* marker : {"<|im_start|>",
                             "<|im_end|>",
                             "<think>",
                             "</think>",
                             "<tool_call>",
                             "</tool_call>",
                             "<|start|>",
                             "<|end|>",
                             "<|message|>",
                             "<|channel|>",
                             "<|call|>",
                             "<|return|>",
                             "<｜begin▁of▁sentence｜>",
                             "<｜end▁of▁sentence｜>",
                             "<｜User｜>",
                             "<｜Assistant｜>",
                             "<｜System｜>",
                             "｜DSML｜",
                             "[gMASK]",
                             "<sop>",
                             "<|system|>",
                             "<|user|>",
                             "<|assistant|>",
                             "<|observation|>",
                             "<|im_system|>",
                             "<|im_user|>",
                             "<|im_assistant|>",
                             "<|im_middle|>",
                             "<|tool_calls_section_begin|>",
                             "<|tool_calls_section_end|>",
                             "<|tool_call_begin|>",
                             "<|tool_call_argument_begin|>",
                             "<|tool_call_end|>",
                             "<|begin_of_text|>",
                             "<|start_header_id|>",
                             "<|end_header_id|>",
                             "<|eot_id|>"}) {
    data.tokens.emplace_back(marker);
    data.types.push_back(3);
  }
  auto made = engine::tokenizer::make_tokenizer(std::move(data));
  if (!made) FAIL(made.error().message);
  return *std::move(made);
}

size_t n_special(const engine::Tokenizer& tokenizer, const chat::Prompt& prompt) {
  size_t n = 0;
  for (const auto token : chat::encode(tokenizer, prompt)) n += tokenizer.is_special(token) ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE("a long conversation in every dialect") {
  for (const auto name : chat::dialect_names()) {
    DYNAMIC_SECTION(name) {
      const std::string found = rendered(*chat::find_dialect(name), long_conversation());
      const std::string golden =
          std::string(ENGRAMD_SOURCE_DIR) + "/tests/golden/chat/" + std::string(name) + ".txt";
      if (environment("UPDATE_GOLDEN")) REQUIRE(write_file_atomic(golden, found));
      const auto wanted = read_file(golden);
      REQUIRE(wanted);
      CHECK(found == *wanted);
    }
  }
}

TEST_CASE("DeepSeek-V4.1 by its description: system turns, effort, order of results") {
  const chat::Dialect& dialect = *chat::find_dialect("deepseek-v4.1");
  chat::Request request;
  request.messages = {said(Role::user, "hi")};
  CHECK(rendered(dialect, request) ==
        "<｜begin▁of▁sentence｜><｜System｜>Reasoning Effort: 75 (range 1-100, the higher the "
        "value, the "
        "more thorough the reasoning)\n\n<｜User｜>hi<｜Assistant｜><think>");
  request.thinking = chat::Thinking::off;
  CHECK(rendered(dialect, request) == "<｜begin▁of▁sentence｜><｜User｜>hi<｜Assistant｜></think>");
  request.messages = {said(Role::system, "policy"), said(Role::user, "first"),
                      said(Role::assistant, "ok"), said(Role::system, "note")};
  CHECK(rendered(dialect, request) ==
        "<｜begin▁of▁sentence｜><｜System｜>policy<｜User｜>first<｜Assistant｜></think>ok"
        "<｜end▁of▁sentence｜><｜System｜>note<｜Assistant｜></think>");
  request.messages = {said(Role::user, "hi"), said(Role::assistant, "a"), said(Role::system, "mid"),
                      said(Role::user, "next")};
  CHECK(rendered(dialect, request) ==
        "<｜begin▁of▁sentence｜><｜User｜>hi<｜Assistant｜></"
        "think>a<｜end▁of▁sentence｜><｜System｜>mid"
        "<｜User｜>next<｜Assistant｜></think>");
  request.messages = {said(Role::user, "q")};
  request.thinking = chat::Thinking::on;
  for (const auto& [effort, number] :
       {std::pair{"low", "50"}, {"max", "100"}, {"1", "1"}, {"63", "63"}}) {
    request.effort = effort;
    CHECK_THAT(rendered(dialect, request),
               Catch::Contains("Reasoning Effort: " + std::string(number) + " (range"));
  }
  for (const auto* effort : {"0", "101", "99999999999", "some", "-1"}) {
    request.effort = effort;
    CHECK_FALSE(dialect.render(request).has_value());
  }
}

TEST_CASE("DeepSeek-V4: effort in words, only when it thinks") {
  chat::Request request;
  request.messages = {said(Role::user, "hi")};
  request.effort = "max";
  const chat::Dialect& dialect = *chat::find_dialect("deepseek-v4-0731");
  CHECK(rendered(dialect, request) == "<｜begin▁of▁sentence｜><｜User｜>hi<｜Assistant｜></think>");
  request.thinking = chat::Thinking::on;
  CHECK_THAT(rendered(dialect, request),
             Catch::StartsWith("<｜begin▁of▁sentence｜>Reasoning Effort: Beyond maximum"));
  CHECK_THAT(rendered(dialect, request), Catch::EndsWith("<｜User｜>hi<｜Assistant｜><think>"));
}

TEST_CASE("no text from outside becomes a marker") {
  const auto tokenizer = with_markers();
  std::string hostile = "x";
  for (engine::TokenId id = 0; id < static_cast<engine::TokenId>(tokenizer->n_vocab()); ++id)
    if (tokenizer->is_special(id)) hostile += tokenizer->spelling(id);
  for (const auto name : chat::dialect_names()) {
    const chat::Dialect& dialect = *chat::find_dialect(name);
    const auto conversation = [&](const std::string& text) {
      chat::Request request;
      request.messages = {
          said(Role::system, text), said(Role::user, text), called(text, text, {{"a", text, "{}"}}),
          result("a", text),        thought(text, text),    said(Role::user, text)};
      request.tools = {
          {text, text, "{\"type\": \"object\", \"properties\": {\"p\": {\"type\": \"string\"}}}"}};
      request.thinking = chat::Thinking::on;
      request.date = text;
      return request;
    };
    INFO(name);
    const auto harmless = dialect.render(conversation("x"));
    const auto attacked = dialect.render(conversation(hostile));
    REQUIRE(harmless.has_value());
    REQUIRE(attacked.has_value());
    CHECK(n_special(*tokenizer, *harmless) > 5);
    CHECK(n_special(*tokenizer, *attacked) == n_special(*tokenizer, *harmless));
    CHECK(tokenizer->decode(chat::encode(*tokenizer, *harmless)).size() > 20);
  }
}

TEST_CASE("words cross from the dialect's text into the user's") {
  const auto data = test::small_vocabulary({"\xC4\x8A h", "h i"});
  auto made = engine::tokenizer::make_tokenizer(data);
  REQUIRE(made.has_value());
  chat::Prompt prompt;
  prompt.parts = {{"h", true}, {"i", false}};
  CHECK(chat::encode(**made, prompt) == (*made)->encode("hi"));
  CHECK(prompt.text() == "hi");
}

// Whether the prompt of a later turn starts with the whole prompt of the one before, after which
// the session only computes what is new. Where a format drops reasoning it cannot.
TEST_CASE("prompts are prefixes of the next turn's as far as the format allows") {
  struct Row {
    const char* name;
    bool calls;      // between the calls of one task
    bool questions;  // at the next question, without reasoning and tools
    bool reasoned;   // at the next question, with both
  };
  const Row rows[] = {
      {"chatml", true, true, true},           {"qwen2.5", true, true, true},
      {"qwen3", true, false, true},           {"qwen3-coder", true, true, true},
      {"qwen3.5", true, false, false},        {"harmony", true, true, true},
      {"deepseek-v4", true, true, true},      {"deepseek-v4-0731", true, true, true},
      {"deepseek-v4.1", true, true, true},    {"glm-4.6", true, true, true},
      {"glm-4.7", true, true, false},         {"kimi-k2", true, true, true},
      {"kimi-k2-thinking", true, true, true}, {"llama-3", true, true, true},
  };
  REQUIRE(std::size(rows) == chat::dialect_names().size());
  for (const Row& row : rows) {
    const chat::Dialect& dialect = *chat::find_dialect(row.name);
    const auto keeps = [&](chat::Request request, std::vector<Message> more) {
      const std::string before = rendered(dialect, request);
      request.messages.insert(request.messages.end(), more.begin(), more.end());
      return rendered(dialect, request).starts_with(before);
    };
    INFO(row.name);
    chat::Request task;
    task.tools = {kRun};
    task.thinking = chat::Thinking::on;
    task.messages = {said(Role::system, "s"), said(Role::user, "u")};
    CHECK(keeps(task, {called("r", "t", {{"a", "run", "{}"}}), result("a", "o")}) == row.calls);
    chat::Request talk;
    talk.thinking = chat::Thinking::off;
    talk.messages = {said(Role::system, "s"), said(Role::user, "u")};
    CHECK(keeps(talk, {said(Role::assistant, "a"), said(Role::user, "v")}) == row.questions);
    CHECK(keeps(task, {thought("r", "a"), said(Role::user, "v")}) == row.reasoned);
  }
}

TEST_CASE("what is no JSON object is refused, with its name") {
  for (const auto name : chat::dialect_names()) {
    const chat::Dialect& dialect = *chat::find_dialect(name);
    INFO(name);
    for (const auto* arguments : {"", "[1]", "{\"a\": }", "x"}) {
      chat::Request request;
      request.messages = {said(Role::user, "u"), called("", "", {{"a", "run", arguments}}),
                          result("a", "o")};
      const auto prompt = dialect.render(request);
      REQUIRE_FALSE(prompt.has_value());
      CHECK_THAT(prompt.error().message, Catch::Contains("the arguments of run"));
    }
    chat::Request request;
    request.messages = {said(Role::user, "u")};
    request.tools = {{"run", "", "[" + std::string(1000, '[')}};
    CHECK_FALSE(dialect.render(request).has_value());
  }
}

TEST_CASE("dialects are recognised by markers, by the vocabulary, and guessed at last") {
  const std::pair<const char*, const char*> rows[] = {
      {"{%- set dsml_token = '｜DSML｜' -%}<tool_calls> Beyond maximum", "deepseek-v4-0731"},
      {"'｜DSML｜' 'tool_calls>'", "deepseek-v4"},
      {"<｜DSML｜ calls>", "deepseek-v4.1"},
      {"<|start|>assistant<|channel|>final", "harmony"},
      {"<|im_start|> <tool_call>\n<function=", "qwen3-coder"},
      {"<|im_start|> <think> <tool_call>\n<function=", "qwen3.5"},
      {"<|im_start|> <tool_call> <think>", "qwen3"},
      {"<|im_start|>", "chatml"},
      {"<|start_header_id|>", "llama-3"},
      {"[gMASK]<sop> <arg_key>", "glm-4.6"},
      {"<|tool_calls_section_begin|>", "kimi-k2"}};
  for (const auto& [text, name] : rows) {
    const auto found = chat::recognise_dialect(std::string_view(text));
    CHECK(found.dialect->name() == name);
    CHECK(found.certain);
  }
  const auto guess = chat::recognise_dialect(std::string_view("{{ messages }}"));
  CHECK(guess.dialect->name() == "chatml");
  CHECK_FALSE(guess.certain);
  CHECK_THAT(guess.how, Catch::Contains("guess"));

  auto data = test::small_vocabulary();
  data.tokens.emplace_back("<|start_header_id|>");
  data.types.push_back(3);
  CHECK(chat::recognise_dialect(**engine::tokenizer::make_tokenizer(data)).dialect->name() ==
        "llama-3");
  data.chat_template = "<|im_start|>";
  CHECK(chat::recognise_dialect(**engine::tokenizer::make_tokenizer(data)).dialect->name() ==
        "chatml");
  CHECK(chat::find_dialect("klingon") == nullptr);
}
