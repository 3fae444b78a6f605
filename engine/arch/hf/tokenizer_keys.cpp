#include "engine/arch/hf/tokenizer_keys.h"

#include "engine/arch/hf/engram_constants.h"
#include "engine/tokenizer/fold_text.h"
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

// Engram hashes what tokens fold to: its constants follow from the configuration and the tokens.
// n_tokens: without those that only fill the embedding up.
Status write_engram_keys(const format::hf::Config& config, const tokenizer::TokenizerData& data,
                         size_t n_tokens, format::hf::KeyWriter& keys) {
  std::vector<bool> is_text(n_tokens);
  for (size_t i = 0; i < n_tokens; ++i) is_text[i] = data.types[i] != 1;
  tokenizer::FoldedVocabulary folded =
      tokenizer::fold_vocabulary(std::span(data.tokens).first(n_tokens), is_text);
  EngramShape shape;
  ENGRAMD_TRY(shape.n_ids, config.size("engram_compressed_vocab_size"));
  if (shape.n_ids != uint64_t(folded.n_ids))
    return fail(ErrorCode::corrupt, "the tokenizer's tokens fold to " +
                                        std::to_string(folded.n_ids) + " ids, config.json says " +
                                        std::to_string(shape.n_ids));
  ENGRAMD_TRY(const std::vector<int64_t> layers, config.integers("engram_layer_ids"));
  for (const int64_t layer : layers) {
    if (layer < 0 || layer > 1024)
      return fail(ErrorCode::corrupt, "Engram in layer " + std::to_string(layer));
    shape.layers.push_back(uint32_t(layer));
  }
  ENGRAMD_TRY(shape.vocab_size, config.size("engram_vocab_size"));
  ENGRAMD_TRY(shape.max_ngram, config.size("engram_max_ngram_size"));
  ENGRAMD_TRY(shape.n_heads, config.size("engram_n_heads"));
  ENGRAMD_TRY(const EngramConstants constants, engram_constants(shape));
  ENGRAMD_TRY(const uint32_t pad, config.size("engram_pad_id"));
  if (pad >= n_tokens)
    return fail(ErrorCode::corrupt, "field engram_pad_id is " + std::to_string(pad) +
                                        ", there are " + std::to_string(n_tokens) + " tokens");
  const int32_t pad_id = folded.ids[pad];
  folded.ids.resize(data.tokens.size(), pad_id);  // those are never text
  const std::vector<int64_t> map(folded.ids.begin(), folded.ids.end());
  keys.i32s(".engram.token_map", map);
  keys.u32(".engram.pad_id", uint32_t(pad_id));
  keys.u64s(".engram.multipliers", constants.multipliers);
  keys.u64s(".engram.primes", constants.primes);
  keys.u64s(".engram.offsets", constants.offsets);
  return {};
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
  const size_t n_tokens = data.tokens.size();
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
  if (config.has("engram_layer_ids")) return write_engram_keys(config, data, n_tokens, keys);
  return {};
}

}  // namespace engramd::engine::arch::hf
