#include "engine/arch/open_model.h"

#include "engine/arch/hf/families.h"
#include "engine/format/gguf.h"
#include "engine/format/hf/checkpoint.h"

namespace engramd::engine::arch {

Result<std::unique_ptr<format::ModelFile>> open_model(const std::filesystem::path& path) {
  std::error_code error;
  const bool folder = std::filesystem::is_directory(path, error);
  const auto extension = path.extension();
  if (folder || extension == ".safetensors" || extension == ".json") {
    ENGRAMD_TRY(auto checkpoint,
                format::HfCheckpoint::open(folder ? path : path.parent_path(), hf::families()));
    return checkpoint;
  }
  ENGRAMD_TRY(auto file, format::GgufFile::open(path));
  return file;
}

}  // namespace engramd::engine::arch
