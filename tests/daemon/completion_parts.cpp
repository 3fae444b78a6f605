// The parts of the completer that need neither an index nor a model.
#include <catch2/catch.hpp>

#include "daemon/completion/calibration.h"
#include "daemon/completion/memory_decode.h"
#include "daemon/completion/prompt.h"
#include "daemon/completion/stop_rules.h"
#include "daemon/completion/typed_over.h"
#include "tests/engine/tokenizer_data.h"

using namespace engramd;
using namespace engramd::daemon;

namespace {

std::unique_ptr<engine::Tokenizer> words_tokenizer() {
  // "\xC4\xA0" is a space in the printable byte alphabet.
  auto data =
      test::small_vocabulary({"r e", "re t", "ret u", "retu r", "retur n", "\xC4\xA0 return", "v a",
                              "va l", "val u", "valu e", "\xC4\xA0 value"});
  for (const auto* control : {"<|fim_suffix|>", "<|fim_middle|>"}) {
    data.tokens.emplace_back(control);
    data.types.push_back(3);
  }
  auto made = engine::tokenizer::make_tokenizer(std::move(data));
  if (!made) FAIL(made.error().message);
  return *std::move(made);
}

void check_healed(std::string_view text, std::string_view expected_cut) {
  INFO(text);
  CHECK(text.substr(healing_start(text)) == expected_cut);
}

struct Shown {
  bool done;
  std::string text;
};
// The text around the cursor mark, what was generated, and what should become of it.
void check_shown(std::string_view document, std::string_view generated, const Shown& expected,
                 StopSettings settings = {}) {
  const size_t cursor = document.find("<|>");
  REQUIRE(cursor != std::string_view::npos);
  const StopRules rules(document.substr(0, cursor), document.substr(cursor + 3), settings);
  INFO(document << "\ngenerated: " << generated);
  CHECK(rules.done(generated) == expected.done);
  CHECK(rules.trimmed(generated) == expected.text);
}

std::shared_ptr<const repoindex::RepositoryMemory> memory_of(const engine::Tokenizer& tokenizer,
                                                             std::string_view text) {
  auto memory = repoindex::RepositoryMemory::from_documents({{"a.py", tokenizer.encode(text)}});
  if (!memory) FAIL(memory.error().message);
  return *std::move(memory);
}

}  // namespace

TEST_CASE("healing cuts whole words with the character tokenizers join to them") {
  check_healed("    ret", " ret");
  check_healed("self.na", ".na");
  check_healed("foo(ba", "(ba");
  check_healed("x = ", " ");
  check_healed("x =", " =");
  check_healed("f()", "()");
  check_healed("\n    ", "    ");
  check_healed("\nname", "name");
  check_healed("x = 1\n", "");
  check_healed("", "");
  check_healed("caf\xC3\xA9", "caf\xC3\xA9");
  check_healed(std::string(200, 'a'), "");  // too long to be worth it
}

TEST_CASE("typing gets one line, without what follows the cursor already") {
  check_shown("x = <|>\ny", "foo(1)", {false, "foo(1)"});
  check_shown("x = <|>\ny", "foo(1)\n", {true, "foo(1)"});
  check_shown("x = <|>\ny", "foo(1)  \nbar", {true, "foo(1)"});
  check_shown("print(<|>)\n", "x)", {true, "x"});
  check_shown("print(<|>)\n", "f(x)", {false, "f(x"});  // its own bracket is still to be closed
  check_shown("print(<|>)\n", "f(x))", {true, "f(x)"});
  check_shown("if x<|>:\n", " == 1:", {true, " == 1"});
  check_shown("f(<|>e)\n", "name", {false, "name"});  // "e" is not the end of "name"
  check_shown("a = b<|>\n", "  ", {false, ""});
}

TEST_CASE("a suggestion is not what the line below says") {
  check_shown("def f():\n    <|>\n    return x\n", "return x\n", {true, ""});
  check_shown("f(\n    a,<|>\n    b)\n", "\n    b)\n", {true, ""}, {true, 4});
}

TEST_CASE("several lines only while an own bracket is open, or when asked for") {
  const std::string call = "foo(\n    a,\n    b)\n";
  check_shown("x = <|>\n", call, {true, "foo(\n    a,\n    b)"}, {false, 6});
  check_shown("x = <|>\n", "foo(\n    a,\n", {false, "foo(\n    a,"}, {false, 6});
  check_shown("x = <|>\n", "1\ny = 2\nz = 3\n", {true, "1"}, {false, 6});
  check_shown("x = <|>\n", "1\ny = 2\nz = 3\n", {true, "1\ny = 2"}, {true, 2});
  check_shown("g(<|>, 1)\n", call, {true, "foo("}, {true, 6});  // text follows: one line
}

TEST_CASE("a block opener may be followed by the line below it") {
  check_shown("def f(x):<|>\n", "\n    return x\n", {true, "\n    return x"});
  check_shown("    if x:<|>\n", "\n        y()\nz()\n", {true, "\n        y()"});
  check_shown("x = 1<|>\n", "\ny = 2\n", {true, ""});
}

TEST_CASE("a dedent ends the suggestion") {
  check_shown("def f():\n    <|>\n", "a = 1\n    b = 2\nc = 3\n", {true, "a = 1\n    b = 2"},
              {true, 9});
}

TEST_CASE("brackets in strings do not count") {
  CHECK(bracket_balance("f(\"((\")") == 0);
  CHECK(bracket_balance("f('\\'(', [") == 2);
  CHECK(bracket_balance("}") == -1);
}

TEST_CASE("the prompt has the order its architecture was trained on") {
  const auto tokenizer = words_tokenizer();
  engine::ModelInfo info;
  info.architecture = "engramd-moe";
  repoindex::Window window;
  window.parts.push_back({.path = "b.py", .range = {}, .text = "C", .why = "", .n_tokens = 1});
  const auto spelled = [&](const PromptStyle& style) {
    std::string text;
    for (const auto token : build_prompt(*tokenizer, style, window, "P", "S")) {
      const auto& specials = tokenizer->specials();
      text += token == specials.fim_prefix   ? "<pre>"
              : token == specials.fim_suffix ? "<suf>"
              : token == specials.fim_middle ? "<mid>"
                                             : std::string(tokenizer->bytes(token));
    }
    return text;
  };
  CHECK(spelled(prompt_style(info, tokenizer->specials())) == "<suf>S<pre>C\nP<mid>");
  info.architecture = "qwen3moe";
  CHECK(spelled(prompt_style(info, tokenizer->specials())) == "<pre>C\nP<suf>S<mid>");
  CHECK(spelled(prompt_style(info, {})) == "C\nP");  // no markers: left to right

  window.parts.clear();
  CHECK_FALSE(build_prompt(*tokenizer, {}, window, "", "").empty());
}

TEST_CASE("the memory alone completes what it has seen, and stops where told") {
  const auto tokenizer = words_tokenizer();
  const auto memory =
      memory_of(*tokenizer, "def f(x):\n    return value\ndef g(x):\n    return value\n");
  engine::GenerateOptions options;
  options.stop_when = [](std::string_view text) { return text.ends_with('\n'); };
  auto result =
      generate_from_memory(*tokenizer, *memory, tokenizer->encode("def h(x):\n"), options, {});
  CHECK(result.text == "    return value\n");
  CHECK(result.stop_reason == "stop");
  CHECK(result.probabilities.size() == result.tokens.size());

  CancelSource cancelled;
  cancelled.cancel();
  result = generate_from_memory(*tokenizer, *memory, tokenizer->encode("def h(x):\n"), options,
                                cancelled.token());
  CHECK(result.stop_reason == "cancelled");
  CHECK(result.tokens.empty());
}

TEST_CASE("a half-typed word is healed along what the memory knows") {
  const auto tokenizer = words_tokenizer();
  const auto memory = memory_of(*tokenizer, "    return value\n    return value\n");
  const std::string_view known = "    return val";
  const size_t healed = heal_with_memory(*tokenizer, *memory, known);
  CHECK(known.substr(healed) == " val");
  engine::GenerateOptions options;
  options.forced_prefix = known.substr(healed);
  options.stop_when = [](std::string_view text) { return text.ends_with('\n'); };
  const auto result = generate_from_memory(
      *tokenizer, *memory, memory_context(*tokenizer, known.substr(0, healed)), options, {});
  CHECK(result.text == " value\n");

  const std::string_view unknown = "    return qqq";
  CHECK(heal_with_memory(*tokenizer, *memory, unknown) == unknown.size());
}

TEST_CASE("the memory as a proposer sees the text, not the prompt") {
  const auto tokenizer = words_tokenizer();
  const auto memory = memory_of(*tokenizer, "ab cd\nab cd\n");
  const auto prompt = tokenizer->encode("something else entirely");
  MemoryProposer proposer(*tokenizer, memory, tokenizer->encode("ab"), prompt.size());
  auto proposal = proposer.propose(prompt);
  REQUIRE_FALSE(proposal.entries.empty());
  CHECK(tokenizer->bytes(proposal.entries[0].token) == " ");
  CHECK(proposal.confidence > 0);

  auto timeline = prompt;
  for (const auto token : tokenizer->encode(" c")) timeline.push_back(token);
  proposal = proposer.propose(timeline);
  CHECK(tokenizer->bytes(proposal.entries.at(0).token) == "d");
  CHECK(proposer.best().size() == 2);
  double sum = 0;
  for (const auto& entry : proposal.entries) sum += entry.probability;
  CHECK(sum <= 1.001);
}

TEST_CASE("the memory weighs more the longer the context it found") {
  CHECK(memory_weight(0, 0) == 0);
  float last = 0;
  for (size_t length = 1; length < 8; ++length) {
    CHECK(memory_weight(length, 3) >= last);
    last = memory_weight(length, 3);
  }
  CHECK(last <= 1);
}

TEST_CASE("closers that the editor wrote are replaced by the suggestion that writes them again") {
  // print("total|")
  CHECK(n_typed_over(" of the cart:\", cart.total())", "\")\nnext") == 2);
  // f(|)
  CHECK(n_typed_over("a, b)", ")") == 1);
  CHECK(n_typed_over("a, g(b))", ")") == 1);
  CHECK(n_typed_over("a, g(b)", ")") == 0);
  CHECK(n_typed_over("\")\"", ")") == 0);
  // [f({|})]
  CHECK(n_typed_over("'a': 1})", "})]") == 2);
  CHECK(n_typed_over("'a': ')'", "})]") == 0);
  // "it is|" with an escaped quote before the end
  CHECK(n_typed_over(" \\\"so\\\"", "\"") == 0);
  CHECK(n_typed_over(" \\\"so\\\"\"", "\"") == 1);
  // Only what stands right behind the cursor, and only closers.
  CHECK(n_typed_over("a)", " )") == 0);
  CHECK(n_typed_over("a;", ";") == 0);
  CHECK(n_typed_over("a)", "") == 0);
  CHECK(n_typed_over("", ")") == 0);
}
