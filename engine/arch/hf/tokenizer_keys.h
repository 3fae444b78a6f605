// engine/arch/hf/tokenizer_keys.h - a checkpoint's tokenizer files as GGUF keys.
#pragma once

#include <filesystem>

#include "engine/format/hf/family.h"

namespace engramd::engine::arch::hf {

// Nothing when the folder has no tokenizer.json. The table is filled up to the model's vocabulary,
// as the embedding is.
Status write_tokenizer_keys(const std::filesystem::path& folder, const format::hf::Config& config,
                            format::hf::KeyWriter& keys);

}  // namespace engramd::engine::arch::hf
