#include "engine/api/tokenizer_file.h"

#include "base/file.h"
#include "engine/core/loaded_model.h"
#include "engine/format/gguf.h"
#include "engine/tokenizer/hf_json.h"

namespace engramd::engine {
namespace {

namespace fs = std::filesystem;

// The largest in use has 34 MB.
constexpr uint64_t kMaxTokenizerBytes = 128u << 20;
constexpr uint64_t kMaxConfigBytes = 4u << 20;

Result<std::unique_ptr<Tokenizer>> from_json(const fs::path& path) {
  ENGRAMD_TRY(const std::string json, read_file(path, kMaxTokenizerBytes));
  ENGRAMD_TRY(tokenizer::TokenizerData data, tokenizer::read_tokenizer_json(json));
  std::error_code ignored;
  const fs::path config = path.parent_path() / "tokenizer_config.json";
  if (fs::exists(config, ignored)) {
    ENGRAMD_TRY(const std::string text, read_file(config, kMaxConfigBytes));
    ENGRAMD_CHECK(tokenizer::add_tokenizer_config(data, text));
  }
  const fs::path chat = path.parent_path() / "chat_template.jinja";
  if (data.chat_template.empty() && fs::exists(chat, ignored)) {
    ENGRAMD_TRY(data.chat_template, read_file(chat, kMaxConfigBytes));
  }
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
