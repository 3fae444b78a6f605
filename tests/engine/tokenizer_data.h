// tests/engine/tokenizer_data.h - vocabularies for the tokenizer's tests.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/byte_alphabet.h"
#include "engine/tokenizer/make_tokenizer.h"

namespace engramd::test {

// The 256 bytes, the merges given ("left right" in plain ASCII, a space as Ġ), and two control
// tokens at the end with one user-defined one.
inline engine::tokenizer::TokenizerData small_vocabulary(std::vector<std::string> merges = {}) {
  engine::tokenizer::TokenizerData data;
  data.model = "gpt2";
  data.pre = "qwen2";
  for (int byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<char>(byte);
    data.tokens.push_back(engine::tokenizer::spelling_of_bytes({&c, 1}));
  }
  for (const std::string& merge : merges) {
    std::string joined = merge;
    joined.erase(joined.find(' '), 1);
    if (std::find(data.tokens.begin(), data.tokens.end(), joined) == data.tokens.end())
      data.tokens.push_back(joined);
  }
  data.types.assign(data.tokens.size(), 1);
  for (const auto* control : {"<|endoftext|>", "<|fim_prefix|>"}) {
    data.tokens.emplace_back(control);
    data.types.push_back(3);
  }
  data.tokens.emplace_back("<tool>");
  data.types.push_back(4);
  data.merges = std::move(merges);
  return data;
}

}  // namespace engramd::test
