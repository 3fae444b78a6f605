// engine/api/fim.h - fill-in-the-middle prompts: what lies before and after a gap, and other files.
//
// The markers are the tokenizer's (SpecialTokens: from the file's keys, else found by spelling):
//   Qwen, StarCoder  <|fim_prefix|> <|fim_suffix|> <|fim_middle|>, with other files between
//                    <|repo_name|> and <|file_sep|>
//   DeepSeek         <|fim begin|> <|fim hole|> <|fim end|> (with its wide bars), other files as
//                    text under a line "#path"
//   GLM              <|code_prefix|> <|code_suffix|> <|code_middle|>, other files likewise
// Texts are encoded as text: a marker's spelling in a file is no marker. Any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/api/model.h"

namespace engramd::engine {

struct FimFile {
  std::string_view path, text;
};
enum class FimOrder { prefix_suffix_middle, suffix_prefix_middle };

struct FimRequest {
  std::string_view prefix, suffix;
  std::string_view path;                            // of the file with the gap; may be empty
  std::string_view repository;                      // its name; may be empty
  std::span<const FimFile> files;                   // other files, in the order they are shown
  FimOrder order = FimOrder::prefix_suffix_middle;  // what all of the sets above were trained on
};

bool has_fim(const SpecialTokens& specials);

// The tokens after which the model writes the middle. Without markers (has_fim) what is left of
// the gap is all it can be shown. Starts with bos where the model's prompts do.
std::vector<TokenId> fim_prompt(const Tokenizer& tokenizer, const FimRequest& request);

}  // namespace engramd::engine
