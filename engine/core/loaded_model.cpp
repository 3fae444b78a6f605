#include "engine/core/loaded_model.h"

#include <algorithm>
#include <chrono>

#include "base/hash.h"
#include "base/thread_pool.h"
#include "engine/api/session.h"
#include "engine/arch/open_model.h"
#include "engine/tokenizer/make_tokenizer.h"

namespace engramd::engine {
namespace core {

Result<std::optional<cpu::KvType>> parse_kv_type(std::string_view name) {
  if (name.empty()) return std::optional<cpu::KvType>();
  if (name == "f32") return std::optional(cpu::KvType::f32);
  if (name == "f16") return std::optional(cpu::KvType::f16);
  if (name == "bf16") return std::optional(cpu::KvType::bf16);
  return fail(ErrorCode::invalid_input,
              "key-value type \"" + std::string(name) + "\", expected f32, f16 or bf16");
}

namespace {

// The tensor table and a page of each tensor: whoever changes weights changes some of it.
uint64_t fingerprint_of(const format::ModelFile& file, const LoadOptions& options,
                        const arch::Network& network) {
  constexpr size_t kSample = 4096;
  uint64_t hash =
      hash64(options.kv_type, (options.cache_rounding ? 1 : 2) + (network.drafts ? 2 : 0));
  for (const format::Tensor& tensor : file.tensors()) {
    hash = hash64(tensor.name, hash);
    hash = hash64(std::string_view(reinterpret_cast<const char*>(tensor.shape.data()),
                                   tensor.shape.size() * sizeof(uint64_t)),
                  hash);
    const auto sample = tensor.bytes.first(std::min(tensor.bytes.size(), kSample));
    hash = hash64({reinterpret_cast<const char*>(sample.data()), sample.size()},
                  hash + tensor.type->id);
  }
  return hash;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const format::ModelFile& file) {
  tokenizer::TokenizerData data;
  ENGRAMD_TRY(data.model, file.string("tokenizer.ggml.model"));
  if (file.find("tokenizer.ggml.pre") != nullptr) {
    ENGRAMD_TRY(data.pre, file.string("tokenizer.ggml.pre"));
  }
  ENGRAMD_TRY(data.tokens, file.string_array("tokenizer.ggml.tokens"));
  if (file.find("tokenizer.ggml.token_type") != nullptr) {
    ENGRAMD_TRY(data.types, file.int_array("tokenizer.ggml.token_type"));
  }
  if (file.find("tokenizer.ggml.merges") != nullptr) {
    ENGRAMD_TRY(data.merges, file.string_array("tokenizer.ggml.merges"));
  }
  const std::pair<const char*, TokenId*> ids[] = {{"bos", &data.specials.bos},
                                                  {"eos", &data.specials.eos},
                                                  {"padding", &data.specials.pad},
                                                  {"fim_pre", &data.specials.fim_prefix},
                                                  {"fim_suf", &data.specials.fim_suffix},
                                                  {"fim_mid", &data.specials.fim_middle},
                                                  {"fim_pad", &data.specials.fim_pad},
                                                  {"fim_rep", &data.specials.repo_name},
                                                  {"fim_sep", &data.specials.file_sep}};
  for (const auto& [name, id] : ids) {
    const std::string key = std::string("tokenizer.ggml.") + name + "_token_id";
    if (file.find(key) == nullptr) continue;
    ENGRAMD_TRY(const uint64_t value, file.unsigned_value(key));
    if (value >= data.tokens.size())
      return fail(ErrorCode::corrupt, "key " + key + " is " + std::to_string(value) +
                                          ", there are " + std::to_string(data.tokens.size()) +
                                          " tokens");
    *id = TokenId(value);
  }
  if (file.find("tokenizer.ggml.add_bos_token") != nullptr) {
    ENGRAMD_TRY(data.add_bos, file.boolean("tokenizer.ggml.add_bos_token"));
  }
  if (file.find("tokenizer.chat_template") != nullptr) {
    ENGRAMD_TRY(data.chat_template, file.string("tokenizer.chat_template"));
  }
  return tokenizer::make_tokenizer(std::move(data));
}

Result<std::unique_ptr<Session>> LoadedModel::open_session(size_t max_tokens) const {
  const size_t most = network_.context_length;
  return make_session(std::static_pointer_cast<const LoadedModel>(shared_from_this()),
                      max_tokens == 0 ? most : std::min(max_tokens, most));
}

}  // namespace core

Result<std::shared_ptr<const Model>> Model::load(const std::filesystem::path& path,
                                                 const LoadOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  auto model = std::make_shared<core::LoadedModel>();
  ENGRAMD_TRY(model->kernels_, cpu::select_kernels(options.kernels));
  ENGRAMD_TRY(const auto kv_type, core::parse_kv_type(options.kv_type));
  ENGRAMD_TRY(std::unique_ptr<format::ModelFile> file, arch::open_model(path));
  if (const Status ready =
          file->materialise(options.max_memory_bytes > 0 ? options.max_memory_bytes
                                                         : memory::available_memory_bytes(),
                            {});
      !ready)
    return fail(Error(ready.error()).with(path.string()));
  model->file_ = std::move(file);
  auto network =
      arch::build_network(*model->file_, {options.cache_rounding, kv_type, options.drafts});
  if (!network) return fail(std::move(network).error().with(path.string()));
  model->network_ = *std::move(network);
  ENGRAMD_TRY(model->placement_, core::place_weights(*model->file_, options.device));
  model->fingerprint_ = core::fingerprint_of(*model->file_, options, model->network_);
  auto tokenizer = core::load_tokenizer(*model->file_);
  if (!tokenizer) return fail(std::move(tokenizer).error().with(path.string()));
  model->tokenizer_ = *std::move(tokenizer);
  model->n_threads_ = options.n_threads == 0 ? hardware_threads() : options.n_threads;

  uint64_t file_bytes = 0;  // in memory: a checkpoint may take more than its files
  for (const format::Tensor& tensor : model->file_->tensors()) file_bytes += tensor.n_bytes();
  uint64_t for_sessions = 0;
  if (options.max_memory_bytes > 0) {
    if (file_bytes >= options.max_memory_bytes)
      return fail(ErrorCode::exhausted, path.string() + " has " + std::to_string(file_bytes >> 20) +
                                            " MiB, the memory budget is " +
                                            std::to_string(options.max_memory_bytes >> 20) +
                                            " MiB");
    for_sessions = options.max_memory_bytes - file_bytes;
  } else {
    // The weights are file cache, which the system can drop and read again, so a model larger than
    // memory still runs, slowly; its sessions get an eighth of what there is.
    const uint64_t available = memory::available_memory_bytes();
    for_sessions = std::max(available > file_bytes ? available - file_bytes : 0, available / 8);
  }
  model->budget_ = std::make_shared<memory::Budget>(for_sessions);

  const arch::Network& n = model->network_;
  ModelInfo& info = model->info_;
  const auto text_or_empty = [&](std::string_view key) {
    const auto text = model->file_->string(key);
    return text ? std::string(*text) : std::string();
  };
  info.architecture = text_or_empty("general.architecture");
  info.name = text_or_empty("general.name");
  info.n_layers = n.n_layers;
  info.d_model = n.d_model;
  info.n_vocab = n.n_vocab;
  info.context_length = n.context_length;
  info.n_experts = n.n_experts;
  info.n_experts_used = n.n_experts_used;
  info.drafts = n.drafts.has_value();
  info.n_parameters = n.n_parameters;
  info.n_active_parameters = n.n_active_parameters;
  info.file_bytes = model->file_->file_bytes();
  info.kernels = std::string(model->kernels_->name);
  info.placed_bytes = model->placement_ ? model->placement_->placed_bytes() : 0;
  info.load_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace engramd::engine
