// engine/arch/open_model.h - a model file of any format that the families can read.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "engine/format/model_file.h"

namespace engramd::engine::arch {

// A .gguf file (the first part of a split one), or a folder with config.json and .safetensors
// files, or one of those files. What is not materialised has no bytes yet.
Result<std::unique_ptr<format::ModelFile>> open_model(const std::filesystem::path& path);

}  // namespace engramd::engine::arch
