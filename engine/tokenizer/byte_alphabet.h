// engine/tokenizer/byte_alphabet.h - GPT-2's printable alphabet: one character for every byte.
//
// Vocabulary files spell tokens in it, because JSON and line-based files cannot hold raw bytes:
// printable Latin-1 bytes stand for themselves, the other 68 are U+0100 and up, in byte order.
// No state: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace engramd::engine::tokenizer {

// The bytes that a spelling stands for; nothing when it has a character outside the alphabet.
std::optional<std::string> bytes_of_spelling(std::string_view spelling);
std::string spelling_of_bytes(std::string_view bytes);

}  // namespace engramd::engine::tokenizer
