// engine/tokenizer/pre_tokenizer.h - cuts text into the words that byte-pair merges never cross.
//
// One row per pattern, by the name GGUF files give it (tokenizer.ggml.pre). The patterns are
// regular expressions in the models' own files (tokenizer.json); here each is a hand-written
// scanner, because a general engine was the larger part of encoding time and Debian's fast ones
// lack (?!\S). tests/engine/tokenizer_scanner.cpp compares every row with its patterns.
//
// Broken UTF-8: a byte that starts no sequence is one character and counts as U+FFFD, which is a
// symbol. No state: any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace engramd::engine::tokenizer {

// End of the word that starts at `begin` (< text.size()), where `begin` is 0 or the end of the
// word before; always > begin.
using NextWord = size_t (*)(std::string_view text, size_t begin);

struct PreTokenizer {
  std::string_view name;
  // What tokenizer.json files hold: each pattern cuts the pieces that the one before left, into
  // its matches and what lies between them. UTF-8, line ends written as \r and \n.
  std::span<const std::string_view> patterns;
  NextWord next = nullptr;
  // A word that is a token as a whole is that token, whatever the merges say ("ignore_merges").
  // GGUF files do not say it; their readers know it of these names.
  bool whole_words_first = false;
  // Files of this row have no merges: any two tokens merge that are a third together, the lowest
  // id first (tiktoken's ranks).
  bool ids_are_ranks = false;
};

// By name or by another name for the same; null when no row has it.
const PreTokenizer* find_pre_tokenizer(std::string_view name);
// By what a tokenizer.json says; null when no row has these patterns.
const PreTokenizer* find_pre_tokenizer(std::span<const std::string> patterns);
std::span<const PreTokenizer> pre_tokenizers();
// "gpt-2, llama-bpe, qwen2, ...": for error messages.
std::string pre_tokenizer_names();

}  // namespace engramd::engine::tokenizer
