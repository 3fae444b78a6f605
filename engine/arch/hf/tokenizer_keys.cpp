#include "engine/arch/hf/tokenizer_keys.h"

#include "engine/tokenizer/folder.h"

namespace engramd::engine::arch::hf {
namespace {

constexpr uint32_t kMaxVocab = 1 << 24;
constexpr int32_t kUnused = 5;

// One number, or a list of which the first counts.
Result<TokenId> token_of(const format::hf::Config& config, std::string_view field) {
  if (!config.has(field)) return TokenId(-1);
  if (const auto one = config.size(field)) return TokenId(*one);
  ENGRAMD_TRY(const std::vector<int64_t> several, config.integers(field));
  return several.empty() ? TokenId(-1) : TokenId(several.front());
}

}  // namespace

Status write_tokenizer_keys(const std::filesystem::path& folder, const format::hf::Config& config,
                            format::hf::KeyWriter& keys) {
  std::error_code ignored;
  const std::filesystem::path path = folder / "tokenizer.json";
  if (!std::filesystem::exists(path, ignored)) return {};
  auto read = tokenizer::read_tokenizer_files(path);
  if (!read) return fail(std::move(read).error().with("tokenizer.json"));
  tokenizer::TokenizerData& data = *read;
  ENGRAMD_TRY(const uint32_t n_vocab, config.size_or("vocab_size", uint32_t(data.tokens.size())));
  if (n_vocab > kMaxVocab)
    return fail(ErrorCode::corrupt, "config.json: a vocabulary of " + std::to_string(n_vocab) +
                                        " tokens, at most " + std::to_string(kMaxVocab) +
                                        " are expected");
  if (data.tokens.size() > n_vocab)
    return fail(ErrorCode::corrupt, "tokenizer.json has " + std::to_string(data.tokens.size()) +
                                        " tokens, the model's vocabulary " +
                                        std::to_string(n_vocab));
  if (data.types.empty()) data.types.assign(data.tokens.size(), 1);
  while (data.tokens.size() < n_vocab) {
    data.tokens.push_back("<unused " + std::to_string(data.tokens.size()) + ">");
    data.types.push_back(kUnused);
  }
  keys.text("tokenizer.ggml.model", data.model);
  keys.text("tokenizer.ggml.pre", data.pre);
  keys.texts("tokenizer.ggml.tokens", data.tokens);
  const std::vector<int64_t> types(data.types.begin(), data.types.end());
  keys.i32s("tokenizer.ggml.token_type", types);
  keys.texts("tokenizer.ggml.merges", data.merges);
  if (data.specials.bos < 0) {
    ENGRAMD_TRY(data.specials.bos, token_of(config, "bos_token_id"));
  }
  if (data.specials.eos < 0) {
    ENGRAMD_TRY(data.specials.eos, token_of(config, "eos_token_id"));
  }
  const std::pair<std::string_view, TokenId> ids[] = {{"bos", data.specials.bos},
                                                      {"eos", data.specials.eos},
                                                      {"padding", data.specials.pad},
                                                      {"fim_pre", data.specials.fim_prefix},
                                                      {"fim_suf", data.specials.fim_suffix},
                                                      {"fim_mid", data.specials.fim_middle},
                                                      {"fim_pad", data.specials.fim_pad},
                                                      {"fim_rep", data.specials.repo_name},
                                                      {"fim_sep", data.specials.file_sep}};
  for (const auto& [name, id] : ids)
    if (id >= 0 && uint32_t(id) < n_vocab)
      keys.u32("tokenizer.ggml." + std::string(name) + "_token_id", uint32_t(id));
  keys.flag("tokenizer.ggml.add_bos_token", data.add_bos);
  if (!data.chat_template.empty()) keys.text("tokenizer.chat_template", data.chat_template);
  return {};
}

}  // namespace engramd::engine::arch::hf
