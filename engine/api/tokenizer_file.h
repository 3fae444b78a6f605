// engine/api/tokenizer_file.h - a tokenizer by itself, from whatever file has one.
//
// For what needs no weights: counting tokens, looking at a vocabulary, preparing prompts for a
// model that runs elsewhere. Any thread.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "engine/api/model.h"

namespace engramd::engine {

// A GGUF file of any architecture (its weights are not touched), a tokenizer.json, or a checkpoint
// folder with a tokenizer.json, where tokenizer_config.json and chat_template.jinja are read too.
// An error names the file and what about it is not supported.
Result<std::unique_ptr<Tokenizer>> load_tokenizer(const std::filesystem::path& path);

}  // namespace engramd::engine
