#include "engine/api/tokenizer_file.h"

#include "engine/core/loaded_model.h"
#include "engine/format/gguf.h"
#include "engine/tokenizer/folder.h"

namespace engramd::engine {
namespace {

namespace fs = std::filesystem;

Result<std::unique_ptr<Tokenizer>> from_json(const fs::path& path) {
  ENGRAMD_TRY(tokenizer::TokenizerData data, tokenizer::read_tokenizer_files(path));
  return tokenizer::make_tokenizer(std::move(data));
}

Result<std::unique_ptr<Tokenizer>> from_gguf(const fs::path& path) {
  ENGRAMD_TRY(const auto file, format::GgufFile::open(path));
  return core::load_tokenizer(*file);
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const fs::path& path) {
  std::error_code ignored;
  const fs::path file = fs::is_directory(path, ignored) ? path / "tokenizer.json" : path;
  auto made = file.extension() == ".json" ? from_json(file) : from_gguf(file);
  if (!made) return fail(std::move(made).error().with(file.string()));
  return made;
}

}  // namespace engramd::engine
