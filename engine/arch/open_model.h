// engine/arch/open_model.h - a model file of any format that the families can read.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/format/model_file.h"

namespace engramd::engine::arch {

// A .gguf file (any part of a split one), or a folder with config.json and .safetensors files, or
// one of those files. What is not materialised has no bytes yet. A checkpoint whose tokenizer this
// engine cannot read is an error; with tokenizer_problem, that gets the error's text instead and
// the keys of the tokenizer are missing.
Result<std::unique_ptr<format::ModelFile>> open_model(const std::filesystem::path& path,
                                                      std::string* tokenizer_problem = nullptr);

}  // namespace engramd::engine::arch
