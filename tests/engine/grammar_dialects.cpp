// The grammar of a dialect's tool calls against the dialect's parser: what the one lets through,
// the other reads without a problem, and the arguments are what the tool's schema says.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "engine/api/chat.h"
#include "tests/engine/grammar_support.h"
#include "tests/engine/schema_check.h"

using namespace engramd;
using engine::TokenId;
using nlohmann::json;
namespace chat = engine::chat;
namespace grammar = engine::grammar;

namespace {

#define DSML "｜DSML｜"

const std::vector<chat::Tool> kTools = {
    {"read", "", R"({"type": "object", "properties": {"path": {"type": "string"},
       "line": {"type": "integer"}}, "required": ["path"]})"},
    {"set", "", R"({"type": "object", "properties": {"mode": {"enum": ["on", "off"]},
       "note": {"type": ["string", "null"]},
       "any": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
       "tags": {"type": "array", "items": {"type": "string"}},
       "short": {"type": "string", "minLength": 1, "maxLength": 3},
       "opt": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
       "o": {"type": "object"}}, "required": ["mode"]})"},
    {"stop", "", ""}};

struct Opening {
  grammar::Envelope envelope;
  std::vector<std::string> texts;
};
const std::vector<Opening> kOpenings = {
    {grammar::Envelope::hermes, {"<tool_call>", "first, text. <tool_call>"}},
    {grammar::Envelope::qwen_xml, {"<tool_call>", "text\n<tool_call>"}},
    {grammar::Envelope::glm, {"<tool_call>"}},
    {grammar::Envelope::dsml, {"<" DSML "tool_calls>", "text\n\n<" DSML "tool_calls>"}},
    {grammar::Envelope::dsml_41, {"<" DSML " calls>"}},
    {grammar::Envelope::kimi, {"<|tool_calls_section_begin|>"}},
    {grammar::Envelope::harmony, {"<|channel|>commentary to=functions.", " to=functions."}},
    {grammar::Envelope::llama3, {"{", "<|python_tag|>{"}}};

// Tokens drawn from what is allowed, those that close something more often from some point on.
// Nothing when it did not come to an end.
std::optional<std::string> random_answer(const test::BareModel& model,
                                         const grammar::Constraint& constraint,
                                         const std::string& opening, uint64_t seed) {
  std::mt19937_64 random(seed);
  auto matcher = grammar::Matcher::start(constraint.automaton());
  REQUIRE(matcher);
  REQUIRE(*matcher->take(model.trie->with_markers(opening)));
  std::string text = opening;
  grammar::TokenSet allowed;
  for (size_t n = 0; n < 300 && !matcher->is_complete(); ++n) {
    if (matcher->may_end() && random() % 2 == 0) break;
    if (!constraint.masks().allowed(*matcher, allowed)) return std::nullopt;
    std::vector<TokenId> all, closing;
    for (size_t i = 0; i < model.trie->n_vocab(); ++i) {
      const auto token = static_cast<TokenId>(i);
      if (!allowed.has(token)) continue;
      all.push_back(token);
      const auto spelling = model.tokenizer().spelling(token);
      if (n > seed % 60 && spelling.find_first_of("<>\"}]/\n") != std::string_view::npos)
        closing.push_back(token);
    }
    const auto& from = closing.empty() || random() % 4 == 0 ? all : closing;
    const TokenId token = from[random() % from.size()];
    if (!*matcher->take(model.trie->text(token))) return std::nullopt;
    text += model.tokenizer().spelling(token);
  }
  if (!matcher->may_end()) return std::nullopt;
  return text;
}

chat::Answer read(const chat::Dialect& dialect, std::string_view text, uint64_t seed) {
  std::mt19937_64 random(seed);
  chat::ParserOptions options;
  options.tools = kTools;
  const auto parser = dialect.parser(options);
  chat::Answer answer;
  while (!text.empty()) {
    const size_t n = std::min<size_t>(1 + random() % 9, text.size());
    for (const auto& event : parser->feed(text.substr(0, n))) chat::apply(answer, event);
    text.remove_prefix(n);
  }
  for (const auto& event : parser->finish()) chat::apply(answer, event);
  return answer;
}

bool is_good(const chat::ToolCall& call) {
  const auto tool = std::find_if(kTools.begin(), kTools.end(),
                                 [&](const chat::Tool& one) { return one.name == call.name; });
  if (tool == kTools.end()) return false;
  const json value = json::parse(call.arguments, nullptr, false);
  const json schema = tool->parameters.empty() ? json(true) : json::parse(tool->parameters);
  return value.is_object() && test::satisfies(value, schema, schema);
}

}  // namespace

TEST_CASE("what a dialect's grammar lets through, its parser reads, and the schema accepts") {
  const test::BareModel model(test::json_vocabulary(
      {"<|start|>", "<|end|>", "<|return|>", "<|call|>", "<|channel|>", "<|message|>",
       "<|constrain|>", DSML, "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>",
       "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>",
       "<|python_tag|>"}));
  std::vector<grammar::CallableTool> tools;
  for (const chat::Tool& tool : kTools) tools.push_back({tool.name, tool.parameters});
  for (const std::string_view name : chat::dialect_names()) {
    INFO(name);
    const auto envelope = grammar::envelope_of(name);
    REQUIRE(envelope.has_value());
    const auto opening = std::find_if(kOpenings.begin(), kOpenings.end(), [&](const Opening& one) {
      return one.envelope == *envelope;
    });
    REQUIRE(opening != kOpenings.end());
    size_t n_complete = 0;
    for (const bool several : {false, true}) {
      grammar::ToolCallOptions options;
      options.envelope = *envelope;
      options.required = true;
      options.several = several;
      const auto constraint = grammar::constraint_from_tools(tools, options, model.trie);
      if (!constraint) FAIL(constraint.error().message);
      for (uint64_t seed = 1; seed <= 60; ++seed) {
        const auto text =
            random_answer(model, **constraint, opening->texts[seed % opening->texts.size()], seed);
        if (!text) continue;
        ++n_complete;
        const chat::Answer answer = read(*chat::find_dialect(name), *text, seed);
        INFO(*text);
        CHECK(answer.problems.empty());
        CHECK(!answer.message.tool_calls.empty());
        CHECK((several || answer.message.tool_calls.size() == 1));
        for (const chat::ToolCall& call : answer.message.tool_calls) {
          INFO(call.name << " " << call.arguments);
          CHECK(is_good(call));
        }
      }
    }
    CHECK(n_complete > 20);
  }
  CHECK_FALSE(grammar::envelope_of("another").has_value());
}
