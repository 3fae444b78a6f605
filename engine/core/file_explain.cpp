// engine/core/file_explain.cpp - what a model file holds and needs, for people.
#include <algorithm>
#include <map>

#include "base/hash.h"
#include "engine/api/model_file.h"
#include "engine/arch/family.h"
#include "engine/arch/open_model.h"
#include "engine/core/loaded_model.h"
#include "engine/format/hf/checkpoint.h"
#include "engine/memory/network_state.h"

namespace engramd::engine {
namespace {

// Building a network of a checkpoint that must be rewritten first is done up to this.
constexpr uint64_t kMaxRewritten = 64u << 20;

uint64_t unsigned_or_0(const format::ModelFile& file, std::string_view key) {
  const auto value = file.unsigned_value(key);
  return value ? *value : 0;
}
std::string text_or_empty(const format::ModelFile& file, std::string_view key) {
  const auto text = file.string(key);
  return text ? std::string(*text) : std::string();
}

void count_types(const format::ModelFile& file, ModelFileExplanation& out) {
  std::map<std::string, ModelFileExplanation::TypeShare> shares;
  uint64_t n_bits = 0, n_weights = 0;
  for (const format::Tensor& tensor : file.tensors()) {
    ModelFileExplanation::TypeShare& share = shares[std::string(tensor.type->name)];
    share.type = tensor.type->name;
    ++share.n_tensors;
    share.n_elements += tensor.n_elements;
    share.n_bytes += tensor.n_bytes();
    out.weight_bytes += tensor.n_bytes();
    n_bits += 8 * tensor.n_bytes();
    n_weights += tensor.n_elements;
    // Of stacked experts one token uses a few; a rough count, corrected when the family is known.
    out.n_parameters += tensor.n_elements;
    const bool experts = tensor.name.find("_exps.") != std::string_view::npos;
    out.n_active_parameters += experts && out.n_experts > 0
                                   ? tensor.n_elements / out.n_experts * out.n_experts_used
                                   : tensor.n_elements;
    out.tensors.push_back(
        {std::string(tensor.name), std::string(tensor.type->name), tensor.shape, tensor.n_bytes()});
  }
  for (auto& [name, share] : shares) out.types.push_back(std::move(share));
  std::sort(out.types.begin(), out.types.end(),
            [](const auto& a, const auto& b) { return a.n_bytes > b.n_bytes; });
  if (n_weights > 0) out.bits_per_weight = double(n_bits) / double(n_weights);
}

// What sessions take: states are made, room for some lengths is reserved, and their size asked.
void measure_states(const arch::Network& network, ModelFileExplanation& out) {
  const auto budget = std::make_shared<memory::Budget>(uint64_t(1) << 40);
  const auto bytes_at = [&](uint64_t n_tokens) -> uint64_t {
    std::vector<std::unique_ptr<memory::BlockState>> states;
    for (const auto& block : network.blocks) states.push_back(block->make_state(budget));
    memory::NetworkState state(std::move(states));
    return state.reserve(size_t(n_tokens)) ? state.memory_bytes() : 0;
  };
  // Reserved memory is not touched, but keep to what a session of today would ask for.
  constexpr uint64_t kMost = 65536;
  uint64_t last_n = 0, last_bytes = 0;
  for (uint64_t n = 4096;; n *= 4) {
    n = std::min({n, kMost, std::max<uint64_t>(out.context_length, 1)});
    const uint64_t bytes = bytes_at(n);
    if (bytes == 0) return;
    out.state_bytes.emplace_back(n, bytes);
    if (last_n > 0 && n > last_n)
      out.state_bytes_per_token = double(bytes - last_bytes) / double(n - last_n);
    else if (last_n == 0)
      out.state_bytes_per_token = double(bytes) / double(n);
    last_n = n;
    last_bytes = bytes;
    if (n >= kMost || n >= out.context_length) return;
  }
}

}  // namespace

Result<ModelFileExplanation> explain_model_file(const std::filesystem::path& path) {
  std::string tokenizer_problem;
  ENGRAMD_TRY(auto file, arch::open_model(path, &tokenizer_problem));
  ModelFileExplanation out;
  out.format = file->format();
  out.file_bytes = file->file_bytes();
  out.n_tensors = file->tensors().size();
  out.architecture = text_or_empty(*file, "general.architecture");
  out.name = text_or_empty(*file, "general.name");
  const std::string prefix = out.architecture + ".";
  out.n_layers = unsigned_or_0(*file, prefix + "block_count");
  out.width = unsigned_or_0(*file, prefix + "embedding_length");
  out.context_length = unsigned_or_0(*file, prefix + "context_length");
  out.n_experts = unsigned_or_0(*file, prefix + "expert_count");
  out.n_experts_used = unsigned_or_0(*file, prefix + "expert_used_count");
  for (const format::KeyValue& entry : file->metadata())
    out.metadata.emplace_back(entry.key, format::printed(entry.value));
  count_types(*file, out);
  out.rewritten_bytes = file->bytes_to_materialise();
  if (const auto* checkpoint = dynamic_cast<const format::HfCheckpoint*>(file.get())) {
    out.unknown_tensors.assign(checkpoint->unknown().begin(), checkpoint->unknown().end());
    out.unused_tensors.assign(checkpoint->not_needed().begin(), checkpoint->not_needed().end());
  }

  if (tokenizer_problem.empty()) {
    const auto tokenizer = core::load_tokenizer(*file);
    out.tokenizer_works = bool(tokenizer);
    if (tokenizer) {
      out.n_vocab = (*tokenizer)->n_vocab();
      out.tokenizer = text_or_empty(*file, "tokenizer.ggml.model") + ", " +
                      text_or_empty(*file, "tokenizer.ggml.pre") + ": " +
                      std::to_string(out.n_vocab) + " tokens";
    } else {
      out.tokenizer = tokenizer.error().message;
    }
  } else {
    out.tokenizer = tokenizer_problem;
  }
  if (const std::string chat = text_or_empty(*file, "tokenizer.chat_template"); !chat.empty()) {
    out.has_chat_template = true;
    out.chat_template_hash = hash128_hex(chat);
  }

  // The network says what is missing and what it needs; it looks at weights only to point at them,
  // save for small tables, so a large checkpoint is built without its weights.
  Status ready;
  if (out.unknown_tensors.empty() && out.rewritten_bytes <= kMaxRewritten)
    ready = file->materialise(kMaxRewritten, {});
  if (!out.unknown_tensors.empty()) {
    out.why_not = "tensor " + out.unknown_tensors.front() + " is not part of this architecture";
  } else if (!ready) {
    out.why_not = ready.error().message;
  } else if (!tokenizer_problem.empty()) {
    out.why_not = "the tokenizer: " + tokenizer_problem;
  } else if (const auto network = arch::build_network(*file); !network) {
    out.why_not = network.error().message;
  } else {
    out.n_parameters = network->n_parameters;
    out.n_active_parameters = network->n_active_parameters;
    out.n_vocab = network->n_vocab;
    measure_states(*network, out);
    if (out.tokenizer_works)
      out.runs = true;
    else
      out.why_not = "the tokenizer: " + out.tokenizer;
  }
  return out;
}

}  // namespace engramd::engine
