// engine/api/model_file.h - model files as files: what one holds, whether it is whole, and writing
// it in other types.
//
// Any format that engine/api/model.h loads, and files of architectures that it does not run. Memory
// is bounded and independent of the file's size (explain_model_file of a small checkpoint apart).
// The functions block; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd::engine {

struct ModelFileExplanation {
  std::string format, architecture, name;
  bool runs = false;
  std::string why_not;  // when it does not: what is missing, unknown or unsupported
  uint64_t file_bytes = 0;
  uint64_t n_tensors = 0;
  uint64_t n_parameters = 0, n_active_parameters = 0;  // active: what one token uses
  uint64_t n_layers = 0, width = 0, n_vocab = 0, context_length = 0;
  uint64_t n_experts = 0, n_experts_used = 0;

  struct TypeShare {
    std::string type;
    uint64_t n_tensors = 0, n_elements = 0, n_bytes = 0;
  };
  std::vector<TypeShare> types;  // most bytes first
  double bits_per_weight = 0;

  uint64_t weight_bytes = 0;     // in memory
  uint64_t rewritten_bytes = 0;  // of these: not as they lie in the file
  // Of a session; known when the model runs. The first is what each further token adds.
  double state_bytes_per_token = 0;
  std::vector<std::pair<uint64_t, uint64_t>> state_bytes;  // tokens, bytes: some lengths

  std::string tokenizer;  // "gpt2, qwen2: 151936 tokens", or why it cannot be used
  bool tokenizer_works = false;
  bool has_chat_template = false;
  std::string chat_template_hash;  // of its bytes, to tell templates apart
  std::vector<std::string> unknown_tensors, unused_tensors;   // of a checkpoint
  std::vector<std::pair<std::string, std::string>> metadata;  // values printed, arrays shortened
  struct TensorLine {
    std::string name, type;
    std::vector<uint64_t> shape;
    uint64_t n_bytes = 0;
  };
  std::vector<TensorLine> tensors;
};
Result<ModelFileExplanation> explain_model_file(const std::filesystem::path& path);

// bytes done, bytes in all.
using ModelFileProgress = std::function<void(uint64_t, uint64_t)>;

struct ModelFileCheck {
  std::string digest;  // of keys' and tensors' contents; the same for the same model in any file
  uint64_t n_tensors = 0, n_bytes = 0;
  // Tensors that hold values that are not finite, with how many (quantised: after decoding).
  std::vector<std::pair<std::string, uint64_t>> not_finite;
  // Types that this engine cannot decode, whose values were not looked at.
  std::vector<std::string> undecoded_types;
  std::string tokenizer_problem;  // empty: it works
  std::string network_problem;    // empty: every tensor is there, with the right shape
};
// Reads every byte. An error only when the file cannot be read or is cut, or when cancelled.
Result<ModelFileCheck> verify_model_file(const std::filesystem::path& path,
                                         const ModelFileProgress& progress,
                                         const CancelToken& cancel);

struct ConvertOptions {
  std::string type;  // "q4_k": of the large matrices; empty: as they are
  // Tensor names ("blk.*.attn_v.weight", * for anything) and their type; the first that fits.
  std::vector<std::pair<std::string, std::string>> keep;
  bool overwrite = false;
  bool without_tokenizer = false;  // a file without one is refused otherwise
};
struct ConvertedTensor {
  std::string name, from, to;
  uint64_t n_elements = 0, n_bytes = 0;
  double relative_rms_error = 0;  // of the written values against those read
  double max_error = 0;           // absolute
};
struct ConvertReport {
  uint64_t bytes_before = 0, bytes_after = 0;
  std::vector<ConvertedTensor> tensors;
};
// To a GGUF file, which appears when it is whole. What would lose something that the report does
// not tell (values beyond a type's range, tensors that nobody knows) is an error.
Result<ConvertReport> convert_model_file(const std::filesystem::path& from,
                                         const std::filesystem::path& to,
                                         const ConvertOptions& options,
                                         const ModelFileProgress& progress,
                                         const CancelToken& cancel);

}  // namespace engramd::engine
