// engine/tokenizer/pre_tokenizer.h - cuts text into the words that byte-pair merges never cross.
//
// One row per pattern, by the name GGUF files give it (tokenizer.ggml.pre). The patterns are
// regular expressions in the models' own files; here each is a hand-written scanner, because a
// general engine was the larger part of encoding time and Debian's fast ones lack (?!\S).
// tests/engine/tokenizer_scanner.cpp holds the patterns and compares.
//
// Broken UTF-8: a byte that starts no sequence is one character that is neither letter, number
// nor space. No state: any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace engramd::engine::tokenizer {

// End of the word that starts at `begin` (< text.size()); always > begin.
using NextWord = size_t (*)(std::string_view text, size_t begin);

// Null when no row has this name.
NextWord find_pre_tokenizer(std::string_view name);
// "gpt-2, llama-bpe, qwen2, ...": for error messages.
std::string pre_tokenizer_names();

}  // namespace engramd::engine::tokenizer
