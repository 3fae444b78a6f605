// engine/api/model.h - the only door to the engine: loaded weights and their tokenizer.
//
// A Model is immutable after load and may be shared by sessions; any thread may call its const
// functions. It has never heard of a repository or of a chat turn's meaning.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd::engine {

using TokenId = int32_t;

// The special tokens a model may have; -1 when it has none.
struct SpecialTokens {
  TokenId bos = -1, eos = -1, pad = -1;
  TokenId fim_prefix = -1, fim_suffix = -1, fim_middle = -1, fim_pad = -1;
  TokenId repo_name = -1, file_sep = -1;
};

// A stretch of text: with_specials where the spelling of a special token stands for the token
// (what a chat dialect writes), without where it is only text (what a user wrote).
struct TextPart {
  std::string_view text;
  bool with_specials = false;
};

// Text <-> tokens. Byte-level: every byte string encodes, and decode(encode(x)) == x (save for
// bytes that no UTF-8 has, where the vocabulary has no tokens for them: they are read as U+FFFD).
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // Ordinary text: a special token's spelling in it is text, not the token.
  virtual std::vector<TokenId> encode(std::string_view text) const = 0;
  // The spelling of special tokens is recognised too.
  virtual std::vector<TokenId> encode_with_specials(std::string_view text) const = 0;
  // The parts as one text: words cross the parts, so that only the special tokens cut.
  virtual std::vector<TokenId> encode_parts(std::span<const TextPart> parts) const = 0;
  virtual std::string decode(std::span<const TokenId> tokens) const = 0;
  // The bytes of one token; empty for special tokens.
  virtual std::string_view bytes(TokenId token) const = 0;
  // As bytes, but a special token's name too: what a parser of chat text is fed.
  virtual std::string_view spelling(TokenId token) const = 0;
  // The special or user-defined token of this spelling, or -1.
  virtual TokenId find_added(std::string_view spelling) const = 0;
  // What the file says how a chat is written, or nothing.
  virtual std::string_view chat_template() const = 0;
  virtual const SpecialTokens& specials() const = 0;
  // Prompts start with the bos token.
  virtual bool adds_bos() const = 0;
  virtual bool is_special(TokenId token) const = 0;
  virtual size_t n_vocab() const = 0;
};

struct LoadOptions {
  size_t n_threads = 0;           // compute threads; 0: hardware threads
  uint64_t max_memory_bytes = 0;  // 0: what the machine has available
  std::string kernels;            // "", "reference", "avx2", "avx512": forced, for tests
  // Keys and values are rounded as the model was trained with. Off only to compare with engines
  // that leave it out.
  bool cache_rounding = true;
  // The layer that predicts a token further is loaded too, for Session::draft; models without one
  // load all the same.
  bool drafts = false;
  std::string kv_type;  // "", "f32", "f16", "bf16": how keys and values are kept; "": the family's
  // "cuda:0": weights that the device multiplies by go there as far as its memory goes. "", "cpu":
  // none do. "twin": the CUDA kernels' bodies on the CPU, for tests.
  std::string device;
};

struct ModelInfo {
  std::string architecture, name;
  size_t n_layers = 0, d_model = 0, n_vocab = 0, context_length = 0;
  size_t n_experts = 0, n_experts_used = 0;
  bool drafts = false;  // Session::draft works
  uint64_t n_parameters = 0, n_active_parameters = 0, file_bytes = 0;
  std::string kernels;        // the variant chosen for this processor
  uint64_t placed_bytes = 0;  // of weights that lie on a device too
  double load_s = 0;
};

class Session;

class Model : public std::enable_shared_from_this<Model> {
 public:
  // GGUF by mmap. Every length, offset, count, type and name is checked before use; a file that
  // is truncated, foreign, or of an unknown architecture is one clear error.
  static Result<std::shared_ptr<const Model>> load(const std::filesystem::path& path,
                                                   const LoadOptions& options = {});
  virtual ~Model() = default;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual const ModelInfo& info() const = 0;
  // The numbers that the file keeps under this key for whoever uses the model; empty when it has
  // no such list.
  virtual std::vector<double> numbers(std::string_view /*key*/) const { return {}; }
  // One mutable token timeline over these weights. max_tokens caps its KV memory.
  virtual Result<std::unique_ptr<Session>> open_session(size_t max_tokens) const = 0;
};

// Reads only the header: what `engramd model info` prints without loading weights.
struct ModelFileTensor {
  std::string name, type;
  std::vector<uint64_t> shape;
  uint64_t n_bytes = 0;
};
struct ModelFileInfo {
  std::string format;                                         // "gguf v3"
  std::vector<std::pair<std::string, std::string>> metadata;  // values printed, arrays shortened
  std::vector<ModelFileTensor> tensors;
  uint64_t file_bytes = 0;
};
Result<ModelFileInfo> inspect_model_file(const std::filesystem::path& path);

}  // namespace engramd::engine
