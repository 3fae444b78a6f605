// The parts of the completer that need neither an index nor a model.
#include <catch2/catch.hpp>

#include <cmath>

#include "daemon/completion/calibration.h"
#include "daemon/completion/decode.h"
#include "daemon/completion/judge.h"
#include "daemon/completion/memory_context.h"
#include "daemon/completion/prompt.h"
#include "daemon/completion/prompt_window.h"
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

Decoded said(const engine::Tokenizer& tokenizer, const repoindex::RepositoryMemory* memory,
             std::string_view before, const DecodeOptions& options,
             const CancelToken& cancel = {}) {
  const LineEnds ends(tokenizer);
  auto decoded = decode(tokenizer, ends, Gate(),
                        {nullptr, memory, memory_context(tokenizer, before)}, options, cancel);
  if (!decoded) FAIL(decoded.error().message);
  return *std::move(decoded);
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
  info.architecture = "engramd";
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
  DecodeOptions options;
  options.stop_when = [](const Decoded& so_far) { return so_far.text.ends_with('\n'); };
  const std::string_view before = "def h(x):\n";
  auto result = said(*tokenizer, memory.get(), before, options);
  CHECK(result.text == "    return value\n");
  CHECK(result.stop_reason == "stop");
  CHECK(result.tokens.back().memory_choice);

  CancelSource cancelled;
  cancelled.cancel();
  result = said(*tokenizer, memory.get(), before, options, cancelled.token());
  CHECK(result.stop_reason == "cancelled");
  CHECK(result.tokens.empty());
}

TEST_CASE("a half-typed word is healed along what the memory knows") {
  const auto tokenizer = words_tokenizer();
  const auto memory = memory_of(*tokenizer, "    return value\n    return value\n");
  const std::string_view known = "    return val";
  const size_t healed = heal_with_memory(*tokenizer, *memory, known);
  CHECK(known.substr(healed) == " val");
  DecodeOptions options;
  options.forced = known.substr(healed);
  options.stop_when = [](const Decoded& so_far) { return so_far.text.ends_with('\n'); };
  const auto result = said(*tokenizer, memory.get(), known.substr(0, healed), options);
  CHECK(result.text == " value\n");
  CHECK(result.tokens[0].probability > 0.9f);  // among what agrees with the word begun

  const std::string_view unknown = "    return qqq";
  CHECK(heal_with_memory(*tokenizer, *memory, unknown) == unknown.size());
}

TEST_CASE("without a memory's help the last token left of the cursor is generated again") {
  const auto tokenizer = words_tokenizer();
  const auto cut = [&](std::string_view text) {
    return text.substr(last_token_start(*tokenizer, text));
  };
  CHECK(cut("    return val") == "val");  // this vocabulary has no " val"
  CHECK(cut("x = ") == " ");
  CHECK(cut("x\n        ") == " ");  // the spaces before it are a token of their own
  CHECK(cut("x\n") == "");
  CHECK(cut("") == "");
}

TEST_CASE("line ends that look alike are one, and a text of nothing is none") {
  auto data = test::small_vocabulary({"\xC4\x8A \xC4\x8A", ") \xC4\x8A", ") \xC4\x8A\xC4\x8A"});
  auto made = engine::tokenizer::make_tokenizer(std::move(data));
  REQUIRE(made);
  const engine::Tokenizer& tokenizer = **made;
  const LineEnds ends(tokenizer);
  const auto id = [&](std::string_view bytes) {
    for (size_t i = 0; i < tokenizer.n_vocab(); ++i)
      if (tokenizer.bytes(static_cast<engine::TokenId>(i)) == bytes)
        return static_cast<engine::TokenId>(i);
    return engine::TokenId{-1};
  };
  CHECK(ends.group(id(")\n")) == ends.group(id(")\n\n")));
  CHECK(ends.group(id("\n")) == LineEnds::kEmpty);
  CHECK(ends.group(id("\n\n")) == LineEnds::kEmpty);
  CHECK(ends.group(id(")")) == LineEnds::kNone);
  CHECK(ends.group(-1) == LineEnds::kNone);
  CHECK(ends.text(ends.group(id(")\n"))) == ")");

  // After "f(x" the memory has seen both ends; together they are all it has seen.
  const auto tokens = [&](std::string_view text, std::string_view end) {
    auto all = tokenizer.encode(text);
    all.push_back(id(end));
    return all;
  };
  const auto memory = repoindex::RepositoryMemory::from_documents(
      {{"a", tokens("f(x", ")\n")}, {"b", tokens("f(x", ")\n\n")}, {"c", tokens("end", "\n")}});
  REQUIRE(memory);
  DecodeOptions options;
  options.max_tokens = 1;
  auto result = said(tokenizer, memory->get(), "f(x", options);
  REQUIRE(result.tokens.size() == 1);
  CHECK(result.text.starts_with(")\n"));
  CHECK(result.tokens[0].evidence.memory_top == result.tokens[0].probability);
  const auto answer = (*memory)->next(tokenizer.encode("f(x"));
  CHECK(result.tokens[0].probability > 1.9f * answer.candidates[0].probability);

  result = said(tokenizer, memory->get(), "end", options);
  CHECK(result.text.find('\n') == std::string::npos);  // the line is complete: nothing is sure
  CHECK((result.tokens.empty() || result.tokens[0].probability < 0.5f));
  options.may_start_below = true;
  CHECK(said(tokenizer, memory->get(), "end", options).text == "\n");
}

TEST_CASE("what a given text would have cost is told token by token") {
  const auto tokenizer = words_tokenizer();
  const auto memory = memory_of(*tokenizer, "ab cd\nab cd\n");
  const auto given = tokenizer->encode("ab cq");
  DecodeOptions options;
  options.given = given;
  const auto result = said(*tokenizer, memory.get(), "ab cd\n", options);
  REQUIRE(result.tokens.size() == given.size());
  CHECK(result.text == "ab cq");
  CHECK(result.tokens[0].probability > 0.5f);
  CHECK(result.tokens.back().probability == 0);
}

TEST_CASE("a gate's numbers are checked before they are used") {
  std::vector<double> numbers{1, kStepFeatures, kLineFeatures, 1};
  numbers.resize(4 + (kStepFeatures + 1) + 2 + 2 * kLineFeatures, 0);
  numbers[4 + kStepFeatures + 2] = 2;  // the output's bias: the share is sigmoid(2)
  numbers[numbers.size() - 1] = 1;     // later lines: sigmoid(1)
  const auto gate = Gate::read(numbers);
  REQUIRE(gate);
  StepEvidence both;
  both.memory = both.network = true;
  CHECK(gate->weight(both) == Approx(0.8808).margin(0.001));
  both.network = false;
  CHECK(gate->weight(both) == 1);
  both.memory = false;
  CHECK(gate->weight(both) == 0);
  LineEvidence line;
  line.mixed = true;
  CHECK(gate->confidence(line) == Approx(0.5));
  line.continued = true;
  CHECK(gate->confidence(line) == Approx(0.7311).margin(0.001));

  auto wrong = numbers;
  wrong.pop_back();
  CHECK_FALSE(Gate::read(wrong).has_value());
  wrong = numbers;
  wrong[3] = 1e9;
  CHECK_FALSE(Gate::read(wrong).has_value());
  wrong = numbers;
  wrong[6] = std::nan("");
  CHECK_FALSE(Gate::read(wrong).has_value());
  CHECK_FALSE(Gate::read({}).has_value());
}

TEST_CASE("lines below the cursor's stay while they are sure") {
  const auto tokenizer = words_tokenizer();
  const StopRules rules("x = ", "\n", {false, 6, true});
  const auto decoded = [&](std::vector<std::pair<std::string, float>> lines) {
    Decoded all;
    all.stop_reason = "stop";
    for (const auto& [text, probability] : lines)
      for (const auto token : tokenizer->encode(text)) {
        all.tokens.push_back({.token = token, .probability = probability});
        all.text += tokenizer->bytes(token);
      }
    return all;
  };
  const auto shown = [&](const Decoded& all) {
    return judge(*tokenizer, Gate(), rules, all,
                 {.n_forced = 0, .whole_line = false, .mixed = true, .wanted = 0.5});
  };
  CHECK(shown(decoded({{"1\n", 0.99f}, {"y=2\n", 0.99f}})).text == "1\ny=2");
  CHECK(shown(decoded({{"1\n", 0.99f}, {"y=2\n", 0.6f}})).text == "1");
  // Cut where its own brackets are closed.
  CHECK(shown(decoded({{"1\n", 0.99f}, {"f(\n", 0.99f}, {"q)\n", 0.5f}})).text == "1");
  const Judged sure = shown(decoded({{"1\n", 0.9f}}));
  CHECK(sure.confidence == Approx(0.81));
  CHECK(sure.lines.size() == 1);
}

TEST_CASE("typing on a line changes nothing of the prompt before the prefix") {
  auto data = test::small_vocabulary({});
  for (const auto* control : {"<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"}) {
    data.tokens.emplace_back(control);
    data.types.push_back(3);
  }
  auto made = engine::tokenizer::make_tokenizer(std::move(data));
  REQUIRE(made);
  const engine::Tokenizer& tokenizer = **made;
  const auto& specials = tokenizer.specials();
  REQUIRE(specials.file_sep >= 0);
  const auto spelled = [&](const PromptWindow::Tokens& prompt) {
    std::string text;
    for (const auto token : prompt)
      text += token == specials.fim_prefix   ? "<pre>"
              : token == specials.fim_suffix ? "<suf>"
              : token == specials.fim_middle ? "<mid>"
              : token == specials.file_sep   ? "<sep>"
                                             : std::string(tokenizer.bytes(token));
    return text;
  };
  PromptWindow window(tokenizer, {.prefix_tokens = 300, .suffix_tokens = 8, .excerpt_tokens = 12});
  size_t n_asked = 0;
  const PromptWindow::FindExcerpts find = [&](const auto&, const auto&) {
    ++n_asked;
    return std::vector<PromptWindow::Tokens>{tokenizer.encode("best\n"), tokenizer.encode("next\n"),
                                             tokenizer.encode("left out\n")};
  };
  const std::string above = "a = 1\n", after = "  \n\nb = 2\nc = 3\n";
  const auto at = [&](const std::string& before) {
    return spelled(window.build({"a.py", before, after, above.size()}, find, 1000));
  };
  CHECK(at(above) == "<sep>next\n<sep>best\n<suf>b = 2\nc <pre>a = 1\n<mid>");
  CHECK(at(above + "x =") == "<sep>next\n<sep>best\n<suf>b = 2\nc <pre>a = 1\nx =<mid>");
  CHECK(n_asked == 1);
  // The next line asks anew; a line that goes on behind the cursor keeps its rest.
  const std::string below = above + "x = f(";
  CHECK(spelled(window.build({"a.py", below, ")\n", below.size()}, find, 1000)) ==
        "<sep>next\n<sep>best\n<suf>)\n<pre>a = 1\nx = f(<mid>");
  CHECK(n_asked == 2);

  // A long file: the prefix begins at a line, and at the same one for many keys.
  std::string file;
  for (int i = 0; i < 200; ++i) file += "line " + std::to_string(i) + '\n';
  const size_t line_begin = file.size();
  std::string first;
  size_t n_moved = 0;
  for (int key = 0; key < 60; ++key) {
    const std::string prompt = spelled(window.build({"b.py", file, after, line_begin}, find, 1000));
    const std::string begin = prompt.substr(0, prompt.find("<pre>") + 15);
    CHECK(begin.substr(begin.find("<pre>") + 5).starts_with("line "));
    n_moved += !first.empty() && begin != first;
    first = begin;
    file += 'x';
  }
  CHECK(n_moved <= 1);

  // A slow moment shortens the prompt of a new line; one that was begun keeps its length.
  const auto within = [&](const char* path, size_t affordable) {
    return spelled(window.build({path, "p\n", "\ns\n", 2}, find, 1000, affordable));
  };
  const std::string full = within("d.py", SIZE_MAX);
  CHECK(full == "<sep>next\n<sep>best\n<suf>s\n<pre>p\n<mid>");
  CHECK(within("d.py", 40) == full);
  CHECK(within("e.py", 40) == "<suf>s\n<pre>p\n<mid>");
  CHECK(within("e.py", SIZE_MAX) == "<suf>s\n<pre>p\n<mid>");

  // Less room: the excerpts go first.
  CHECK(spelled(window.build({"c.py", "p\n", "\ns\n", 2}, find, 40)) == "<suf>s\n<pre>p\n<mid>");
}

TEST_CASE("sure lines may follow while typing, where each of them is judged") {
  const std::string text = "1\ny = 2\nz = 3\n";
  check_shown("x = <|>\n", text, {true, "1\ny = 2"}, {false, 2, true});
  check_shown("g(<|>, 1)\n", text, {true, "1"}, {false, 6, true});
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

TEST_CASE("closers are what is left of a line when nothing else is") {
  CHECK(n_closers("\")\nnext") == 2);
  CHECK(n_closers(")]}  \r\n") == 3);
  CHECK(n_closers("\")") == 2);
  CHECK(n_closers(") + 1\n") == 0);
  CHECK(n_closers("\n)") == 0);
  CHECK(n_closers("") == 0);
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
