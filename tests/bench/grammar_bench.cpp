// What a constraint costs: compiling it, the first mask, and a mask for each token of an answer.
//
//   grammar_bench TOKENIZER
//   TOKENIZER: a .gguf, a tokenizer.json or a checkpoint folder
//
// Milliseconds of CPU time of one core. "cold" is the first answer under a constraint, "warm" the
// same answer again.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "engine/api/tokenizer_file.h"
#include "engine/grammar/constraint.h"

using namespace engramd;
using namespace engramd::engine;

namespace {

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

struct Subject {
  std::string name;
  std::function<Result<grammar::SharedConstraint>()> make;
  std::string answer;
};

struct Walk {
  double first = 0, longest = 0, sum = 0;
  size_t n = 0;
};

Walk walk(const grammar::Constraint& constraint, const std::vector<TokenId>& tokens) {
  Walk result;
  auto matcher = grammar::Matcher::start(constraint.automaton());
  grammar::TokenSet allowed;
  if (!matcher) return result;
  for (const TokenId token : tokens) {
    const double start = cpu_ms();
    if (!constraint.masks().allowed(*matcher, allowed)) break;
    const double ms = cpu_ms() - start;
    if (result.n++ == 0) result.first = ms;
    result.longest = std::max(result.longest, ms);
    result.sum += ms;
    const auto taken = matcher->take(constraint.masks().trie().text(token));
    if (!allowed.has(token) || !taken || !*taken) {
      std::fprintf(stderr, "token %zu of the answer is not allowed\n", result.n);
      break;
    }
  }
  return result;
}

std::string parameter(const std::string& name, const std::string& value) {
  return "<parameter=" + name + ">\n" + value + "\n</parameter>\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: grammar_bench TOKENIZER\n");
    return 2;
  }
  const auto tokenizer = load_tokenizer(argv[1]);
  if (!tokenizer) {
    std::fprintf(stderr, "grammar_bench: %s\n", tokenizer.error().message.c_str());
    return 1;
  }
  const double trie_start = cpu_ms();
  const auto trie = grammar::make_token_trie(**tokenizer);
  std::printf("%zu tokens, %zu nodes, prepared in %.0f ms\n\n", trie->n_vocab(), trie->n_nodes(),
              cpu_ms() - trie_start);

  const std::string edit = R"({"type": "object", "properties": {
      "path": {"type": "string", "description": "file"},
      "edits": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {
        "old_text": {"type": "string"}, "new_text": {"type": "string"},
        "replace_all": {"type": "boolean"}}, "required": ["old_text", "new_text"]}},
      "dry_run": {"type": "boolean"}}, "required": ["path", "edits"]})";
  const std::string search = R"({"type": "object", "properties": {
      "query": {"type": "string", "minLength": 1, "maxLength": 200},
      "kind": {"enum": ["text", "symbol", "file"]}, "limit": {"type": "integer", "minimum": 1,
      "maximum": 100}, "since": {"type": "string", "format": "date"},
      "paths": {"type": "array", "items": {"type": "string"}, "maxItems": 20}},
      "required": ["query"]})";
  const std::string run = R"({"type": "object", "properties": {"command": {"type": "string"},
      "timeout_s": {"type": "number", "minimum": 0, "maximum": 600},
      "env": {"type": "object", "additionalProperties": {"type": "string"}}},
      "required": ["command"]})";
  std::vector<grammar::CallableTool> tools = {
      {"edit_file", edit}, {"search", search}, {"run", run}};
  std::vector<grammar::CallableTool> many;
  for (int i = 0; i < 64; ++i)
    many.push_back({"tool_" + std::to_string(i), i % 3 == 0 ? edit : i % 3 == 1 ? search : run});

  const std::string edit_json =
      R"({"path": "src/engine/decode.cpp", "edits": [{"old_text": "  return token;\n", )"
      R"("new_text": "  // The caller checks \"n\".\n  return n > 0 ? token : -1;\n", )"
      R"("replace_all": false}], "dry_run": true})";
  const auto tool_constraint = [&](const std::vector<grammar::CallableTool>& which,
                                   grammar::Envelope envelope) {
    return [&which, envelope, &trie] {
      grammar::ToolCallOptions options;
      options.envelope = envelope;
      return grammar::constraint_from_tools(which, options, trie);
    };
  };
  const auto schema_constraint = [&](std::string schema) {
    return [schema, &trie] {
      return grammar::constraint_from_schema(schema, grammar::JsonLayout::lines, trie);
    };
  };
  const std::string search_json =
      R"({"query": "where is the token mask made", "kind": "symbol", "limit": 25, )"
      R"("since": "2025-11-26", "paths": ["engine/grammar", "tests"]})";
  std::string hermes = "I will look for it first.\n<tool_call>\n{\"name\": \"";
  const std::vector<Subject> subjects = {
      {"edit schema", schema_constraint(edit), edit_json},
      {"search schema", schema_constraint(search), search_json},
      {"any JSON", schema_constraint("{}"), edit_json},
      {"hermes, 3 tools", tool_constraint(tools, grammar::Envelope::hermes),
       hermes + "edit_file\", \"arguments\": " + edit_json + "}\n</tool_call>"},
      {"hermes, 64 tools", tool_constraint(many, grammar::Envelope::hermes),
       hermes + "tool_31\", \"arguments\": " + search_json + "}\n</tool_call>"},
      {"qwen xml, 3 tools", tool_constraint(tools, grammar::Envelope::qwen_xml),
       "I will.\n<tool_call>\n<function=run>\n" +
           parameter("command", "grep -rn \"mask\" engine | head\necho $? > /tmp/x") +
           parameter("timeout_s", "2.5") + "</function>\n</tool_call>"}};
  std::printf("%-18s %8s %8s | %8s %8s %8s | %8s %8s | %s\n", "constraint", "compile", "first",
              "mean", "p100", "sum", "mean", "p100", "tokens");
  std::printf("%-18s %8s %8s | %26s | %17s |\n", "", "", "mask", "cold", "warm");
  for (const Subject& subject : subjects) {
    const double start = cpu_ms();
    const auto constraint = subject.make();
    const double compile_ms = cpu_ms() - start;
    if (!constraint) {
      std::fprintf(stderr, "%s: %s\n", subject.name.c_str(), constraint.error().message.c_str());
      return 1;
    }
    const auto tokens = (*tokenizer)->encode_with_specials(subject.answer);
    const Walk cold = walk(**constraint, tokens);
    const Walk warm = walk(**constraint, tokens);
    const auto n = static_cast<double>(std::max<size_t>(cold.n, 1));
    std::printf("%-18s %8.2f %8.2f | %8.3f %8.2f %8.1f | %8.3f %8.2f | %zu\n", subject.name.c_str(),
                compile_ms, cold.first, cold.sum / n, cold.longest, cold.sum, warm.sum / n,
                warm.longest, cold.n);
  }
  return 0;
}
