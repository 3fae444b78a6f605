// Fill-in-the-middle prompts of the sets in use, written out with the tokens' spellings.
#include <catch2/catch.hpp>

#include "engine/api/fim.h"
#include "tests/engine/tokenizer_data.h"

using namespace engramd;
using engine::FimFile;
using engine::FimOrder;
using engine::FimRequest;

namespace {

std::unique_ptr<engine::Tokenizer> with_added(const std::vector<std::string>& added,
                                              bool add_bos = false) {
  auto data = test::small_vocabulary();
  // As converters write them: some control, some user-defined.
  for (const std::string& token : added) {
    if (std::find(data.tokens.begin(), data.tokens.end(), token) != data.tokens.end()) continue;
    data.tokens.push_back(token);
    data.types.push_back(data.tokens.size() % 2 == 0 ? 3 : 4);
  }
  // The small vocabulary has one of Qwen's; only that set may find it.
  if (added.empty() || added[0] != "<|fim_prefix|>") data.tokens[257] = "<|other|>";
  data.add_bos = add_bos;
  data.specials.bos = add_bos ? 256 : -1;
  auto made = engine::tokenizer::make_tokenizer(std::move(data));
  if (!made) FAIL(made.error().message);
  return *std::move(made);
}

std::string spelled(const engine::Tokenizer& tokenizer, const FimRequest& request) {
  std::string text;
  for (const auto token : engine::fim_prompt(tokenizer, request)) text += tokenizer.spelling(token);
  return text;
}

constexpr FimFile kFiles[] = {{"a.py", "x = 1\n"}, {"b.py", "y = 2"}};

FimRequest request_with(std::span<const FimFile> files) {
  FimRequest request;
  request.prefix = "def f(";
  request.suffix = "):\n";
  request.path = "c.py";
  request.repository = files.empty() ? "" : "repo";
  request.files = files;
  return request;
}

}  // namespace

TEST_CASE("Qwen's set, alone and with a repository") {
  const auto tokenizer = with_added(
      {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>"});
  CHECK(spelled(*tokenizer, request_with({})) ==
        "<|fim_prefix|>def f(<|fim_suffix|>):\n<|fim_middle|>");
  CHECK(spelled(*tokenizer, request_with(kFiles)) ==
        "<|repo_name|>repo\n<|file_sep|>a.py\nx = 1\n<|file_sep|>b.py\ny = 2<|file_sep|>c.py\n"
        "<|fim_prefix|>def f(<|fim_suffix|>):\n<|fim_middle|>");
  FimRequest turned = request_with({});
  turned.order = FimOrder::suffix_prefix_middle;
  CHECK(spelled(*tokenizer, turned) == "<|fim_suffix|>):\n<|fim_prefix|>def f(<|fim_middle|>");
}

TEST_CASE("DeepSeek's set: bos first, other files as text") {
  const auto tokenizer = with_added({"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"}, true);
  CHECK(spelled(*tokenizer, request_with({})) ==
        "<|endoftext|><｜fim▁begin｜>def f(<｜fim▁hole｜>):\n<｜fim▁end｜>");
  CHECK(spelled(*tokenizer, request_with(kFiles)) ==
        "<|endoftext|><｜fim▁begin｜>#a.py\nx = 1\n#b.py\ny = 2\n#c.py\ndef "
        "f(<｜fim▁hole｜>):\n<｜fim▁end｜>");
}

TEST_CASE("GLM's set") {
  const auto tokenizer = with_added({"<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"});
  CHECK(spelled(*tokenizer, request_with({})) ==
        "<|code_prefix|>def f(<|code_suffix|>):\n<|code_middle|>");
}

TEST_CASE("a model without markers is shown what lies left of the gap") {
  const auto tokenizer = with_added({});
  CHECK_FALSE(engine::has_fim(tokenizer->specials()));
  CHECK(spelled(*tokenizer, request_with(kFiles)) == "#a.py\nx = 1\n#b.py\ny = 2\n#c.py\ndef f(");
}

TEST_CASE("a marker's spelling in a file is no marker") {
  const auto tokenizer = with_added({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"});
  FimRequest request = request_with({});
  request.prefix = "s = '<|fim_middle|>";
  size_t n_special = 0;
  for (const auto token : engine::fim_prompt(*tokenizer, request))
    n_special += tokenizer->is_special(token) ? 1 : 0;
  CHECK(n_special == 3);
}
