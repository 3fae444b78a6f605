// engine/tokenizer/hf_json.h - a checkpoint folder's tokenizer files as TokenizerData.
//
// tokenizer.json is what Hugging Face's tokenizers library writes: vocabulary, merges, added
// tokens, and a pre-tokenizer given by regular expressions, which are looked up in our rows. What
// we would tokenize otherwise than the file means is an error that names it, with one exception:
// the normal form C of some files is not applied, because our tokens must give every byte back.
//
// The texts may be hostile: they are parsed with bounds, and ids are checked here; spellings and
// merges are checked by make_tokenizer. The only file of the tokenizer that sees JSON. Any thread.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/tokenizer/make_tokenizer.h"

namespace engramd::engine::tokenizer {

Result<TokenizerData> read_tokenizer_json(std::string_view json);

// tokenizer_config.json: the names of the special tokens, whether text starts with bos, and the
// chat template, as far as it has them.
Status add_tokenizer_config(TokenizerData& data, std::string_view json);

}  // namespace engramd::engine::tokenizer
