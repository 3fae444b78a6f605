#include "engine/tokenizer/folder.h"

#include "base/file.h"
#include "engine/tokenizer/hf_json.h"

namespace engramd::engine::tokenizer {
namespace {

namespace fs = std::filesystem;

// The largest in use has 34 MB.
constexpr uint64_t kMaxTokenizerBytes = 128u << 20;
constexpr uint64_t kMaxConfigBytes = 4u << 20;

}  // namespace

Result<TokenizerData> read_tokenizer_files(const fs::path& path) {
  ENGRAMD_TRY(const std::string json, read_file(path, kMaxTokenizerBytes));
  ENGRAMD_TRY(TokenizerData data, read_tokenizer_json(json));
  std::error_code ignored;
  const fs::path config = path.parent_path() / "tokenizer_config.json";
  if (fs::exists(config, ignored)) {
    ENGRAMD_TRY(const std::string text, read_file(config, kMaxConfigBytes));
    ENGRAMD_CHECK(add_tokenizer_config(data, text));
  }
  const fs::path chat = path.parent_path() / "chat_template.jinja";
  if (data.chat_template.empty() && fs::exists(chat, ignored)) {
    ENGRAMD_TRY(data.chat_template, read_file(chat, kMaxConfigBytes));
  }
  return data;
}

}  // namespace engramd::engine::tokenizer
