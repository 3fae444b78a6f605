#include "engine/arch/open_model.h"

#include "engine/arch/hf/families.h"
#include "engine/arch/hf/tokenizer_keys.h"
#include "engine/format/gguf.h"
#include "engine/format/hf/checkpoint.h"

namespace engramd::engine::arch {

Result<std::unique_ptr<format::ModelFile>> open_model(const std::filesystem::path& path,
                                                      std::string* tokenizer_problem) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  const auto extension = path.extension();
  if (is_folder || extension == ".safetensors" || extension == ".json") {
    const std::filesystem::path folder = is_folder ? path : path.parent_path();
    const auto more_keys = [&](const format::hf::Config& config,
                               format::hf::KeyWriter& keys) -> Status {
      Status written = hf::write_tokenizer_keys(folder, config, keys);
      if (tokenizer_problem == nullptr) return written;
      if (!written)
        *tokenizer_problem = written.error().message;
      else if (!keys.has("tokenizer.ggml.tokens"))
        *tokenizer_problem = "the checkpoint has no tokenizer.json";
      return {};
    };
    ENGRAMD_TRY(auto checkpoint, format::HfCheckpoint::open(folder, hf::families(), more_keys));
    return checkpoint;
  }
  ENGRAMD_TRY(auto file, format::GgufFile::open(path));
  return file;
}

}  // namespace engramd::engine::arch
