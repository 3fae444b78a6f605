// engine/format/inspect.cpp - the header of a model file as text, for people.
#include "engine/api/model.h"
#include "engine/format/gguf.h"

namespace engramd::engine {

Result<ModelFileInfo> inspect_model_file(const std::filesystem::path& path) {
  ENGRAMD_TRY(const auto file, format::GgufFile::open(path));
  ModelFileInfo out;
  out.format = file->format();
  out.file_bytes = file->file_bytes();
  for (const format::KeyValue& entry : file->metadata())
    out.metadata.emplace_back(entry.key, format::printed(entry.value));
  for (const format::Tensor& tensor : file->tensors())
    out.tensors.push_back({std::string(tensor.name), std::string(tensor.type->name), tensor.shape,
                           tensor.bytes.size()});
  return out;
}

}  // namespace engramd::engine
