// engine/tokenizer/folder.h - the tokenizer files of a checkpoint folder, read as one.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "engine/tokenizer/make_tokenizer.h"

namespace engramd::engine::tokenizer {

// tokenizer.json (or another name) with tokenizer_config.json and chat_template.jinja beside it.
Result<TokenizerData> read_tokenizer_files(const std::filesystem::path& tokenizer_json);

}  // namespace engramd::engine::tokenizer
