// engine/tokenizer/deepseek_scanners.h - the pre-tokenizers of DeepSeek, which are several
// patterns in a row: each cuts the pieces that the one before left.
//
// A word can be found from its begin alone, although the patterns run one after the other: what a
// later pattern cuts lies inside one piece of the earlier ones, and begins a piece of its own.
// No state: any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace engramd::engine::tokenizer {

inline constexpr std::string_view kDeepseekV3Patterns[] = {
    R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
size_t next_of_deepseek_v3(std::string_view text, size_t begin);

inline constexpr std::string_view kDeepseekCoderPatterns[] = {
    R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", "[一-龥ࠀ-一가-퟿]+", R"(\p{N})"};
size_t next_of_deepseek_coder(std::string_view text, size_t begin);

}  // namespace engramd::engine::tokenizer
