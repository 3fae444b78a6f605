#include "model_writer.h"

#include <cmath>
#include <cstring>
#include <random>
#include <stdexcept>

#include "base/text.h"

namespace engramd::engine::test {
namespace {

template <class T>
std::string little_endian(T value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

void put_half(std::string& out, float value) {
  out += little_endian(quant::float_to_half(value));
}

// GPT-2's printable spelling of a byte.
std::string byte_spelling(int byte) {
  const auto printable = [](int b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
  };
  int code = byte;
  if (!printable(byte)) {
    code = 256;
    for (int b = 0; b < byte; ++b) code += printable(b) ? 0 : 1;
  }
  std::string out;
  utf8_append(out, char32_t(code));
  return out;
}

}  // namespace

std::string le32(uint32_t value) {
  return little_endian(value);
}
std::string le64(uint64_t value) {
  return little_endian(value);
}
std::string gguf_string(std::string_view text) {
  return le64(text.size()) + std::string(text);
}

void GgufWriter::key_raw(std::string_view key, uint32_t type, std::string_view value_bytes) {
  keys_ += gguf_string(key) + le32(type) + std::string(value_bytes);
  ++n_keys_;
}
void GgufWriter::key_u32(std::string_view key, uint32_t value) {
  key_raw(key, 4, le32(value));
}
void GgufWriter::key_f32(std::string_view key, float value) {
  key_raw(key, 6, little_endian(value));
}
void GgufWriter::key_bool(std::string_view key, bool value) {
  key_raw(key, 7, std::string(1, value ? '\1' : '\0'));
}
void GgufWriter::key_string(std::string_view key, std::string_view value) {
  key_raw(key, 8, gguf_string(value));
}
void GgufWriter::key_strings(std::string_view key, const std::vector<std::string>& values) {
  std::string bytes = le32(8) + le64(values.size());
  for (const std::string& value : values) bytes += gguf_string(value);
  key_raw(key, 9, bytes);
}
void GgufWriter::key_ints(std::string_view key, const std::vector<int32_t>& values) {
  std::string bytes = le32(5) + le64(values.size());
  for (const int32_t value : values) bytes += little_endian(value);
  key_raw(key, 9, bytes);
}

void GgufWriter::tensor(std::string_view name, std::vector<uint64_t> shape, uint32_t type,
                        std::string bytes) {
  tensors_.push_back({std::string(name), std::move(shape), type, std::move(bytes)});
}

std::string GgufWriter::bytes() const {
  const auto pad = [&](std::string& text) {
    text.resize((text.size() + alignment - 1) / alignment * alignment, '\0');
  };
  std::string head = "GGUF" + le32(version) + le64(tensors_.size()) + le64(n_keys_) + keys_;
  std::string data;
  for (const Tensor& tensor : tensors_) {
    pad(data);
    head += gguf_string(tensor.name) + le32(uint32_t(tensor.shape.size()));
    for (const uint64_t size : tensor.shape) head += le64(size);
    head += le32(tensor.type) + le64(tensor.lie.value_or(data.size()));
    data += tensor.bytes;
  }
  pad(data);
  pad(head);
  return head + data;
}

std::string random_tensor(quant::Type type, size_t n, float sigma, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, sigma);
  std::string out;
  const auto random_bytes = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) out += char(random());
  };
  switch (type) {
    case quant::Type::f32:
      for (size_t i = 0; i < n; ++i) out += little_endian(normal(random));
      break;
    case quant::Type::f16:
      for (size_t i = 0; i < n; ++i) put_half(out, normal(random));
      break;
    case quant::Type::bf16:
      for (size_t i = 0; i < n; ++i) out += little_endian(normal(random)).substr(2);
      break;
    case quant::Type::q8_0:  // uniform int8: deviation 73.9
      for (size_t i = 0; i < n / 32; ++i) {
        put_half(out, sigma / 73.9f);
        random_bytes(32);
      }
      break;
    case quant::Type::q4_k:  // nibbles minus their mean 7.5, times scales of about 36
      for (size_t i = 0; i < n / 256; ++i) {
        put_half(out, sigma / (4.6f * 36));
        put_half(out, sigma / (4.6f * 36) * 7.5f);
        random_bytes(12 + 128);
      }
      break;
    case quant::Type::q6_k:  // deviation of q - 32 is 18.5, of the int8 scales 73.9
      for (size_t i = 0; i < n / 256; ++i) {
        random_bytes(128 + 64 + 16);
        put_half(out, sigma / (18.5f * 73.9f));
      }
      break;
    default: {  // the others as a writer would make them
      std::vector<float> values(n);
      for (float& value : values) value = normal(random);
      const quant::TypeInfo& info = quant::info(type);
      out.resize(n / info.block_elements * info.block_bytes);
      info.from_float(values.data(), reinterpret_cast<std::byte*>(out.data()), n);
      break;
    }
  }
  return out;
}

GgufWriter random_model(const RandomModel& m) {
  GgufWriter w;
  const std::string prefix = m.architecture + ".";
  w.key_string("general.architecture", m.architecture);
  w.key_string("general.name", "random test model");
  w.key_u32(prefix + "block_count", uint32_t(m.n_layers));
  w.key_u32(prefix + "context_length", uint32_t(m.context_length));
  w.key_u32(prefix + "embedding_length", uint32_t(m.d_model));
  w.key_u32(prefix + "attention.head_count", uint32_t(m.n_heads));
  w.key_u32(prefix + "attention.head_count_kv", uint32_t(m.n_kv_heads));
  w.key_u32(prefix + "attention.key_length", uint32_t(m.head_dim));
  w.key_u32(prefix + "attention.value_length", uint32_t(m.head_dim));
  w.key_f32(prefix + "attention.layer_norm_rms_epsilon", 1e-6f);
  w.key_f32(prefix + "rope.freq_base", 1e6f);
  w.key_u32(prefix + "expert_count", uint32_t(m.n_experts));
  w.key_u32(prefix + "expert_used_count", uint32_t(m.n_used));
  w.key_u32(prefix + "expert_feed_forward_length", uint32_t(m.width));
  const bool is_engramd = m.architecture == "engramd";
  if (is_engramd) {
    w.key_u32(prefix + "expert_shared_feed_forward_length", uint32_t(m.shared_width));
    w.key_u32(prefix + "rope.dimension_count", uint32_t(m.head_dim));
    w.key_ints(prefix + "attention.compress_ratios", std::vector<int32_t>(m.n_layers));
  }

  std::vector<std::string> tokens, merges;
  std::vector<int32_t> types;
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(byte_spelling(byte));
  for (const char left : std::string("et an"))
    for (const char right : std::string("hes")) {
      if (tokens.size() == 256 + 16) break;
      const std::string a = byte_spelling(left), b = byte_spelling(right);
      tokens.push_back(a + b);
      merges.push_back(a + " " + b);
    }
  while (tokens.size() < 256 + 16) tokens.push_back("unused" + std::to_string(tokens.size()));
  types.assign(tokens.size(), 1);
  const std::vector<std::pair<std::string, std::string>> specials = {
      {"eos", "<|endoftext|>"},      {"padding", "<|pad|>"},        {"fim_pre", "<|fim_prefix|>"},
      {"fim_mid", "<|fim_middle|>"}, {"fim_suf", "<|fim_suffix|>"}, {"fim_pad", "<|fim_pad|>"},
      {"fim_rep", "<|repo_name|>"},  {"fim_sep", "<|file_sep|>"},   {"bos", "<|begin|>"}};
  for (const auto& [key, spelling] : specials) {
    w.key_u32("tokenizer.ggml." + key + "_token_id", uint32_t(tokens.size()));
    tokens.push_back(spelling);
    types.push_back(3);
  }
  w.key_string("tokenizer.ggml.model", "gpt2");
  w.key_string("tokenizer.ggml.pre", "qwen2");
  w.key_strings("tokenizer.ggml.tokens", tokens);
  w.key_ints("tokenizer.ggml.token_type", types);
  w.key_strings("tokenizer.ggml.merges", merges);

  uint64_t seed = m.seed * 1000;
  const auto matrix = [&](const std::string& name, std::vector<uint64_t> shape, float sigma,
                          quant::Type type) {
    size_t n = 1;
    for (const uint64_t size : shape) n *= size;
    w.tensor(name, shape, uint32_t(type), random_tensor(type, n, sigma, ++seed));
  };
  // About 1 with some spread, so that a forgotten or swapped norm shows.
  const auto norm = [&](const std::string& name, size_t n) {
    std::string bytes = random_tensor(quant::Type::f32, n, 0.2f, ++seed);
    for (size_t i = 0; i < n; ++i) {
      float value;
      std::memcpy(&value, bytes.data() + 4 * i, 4);
      value += 1;
      std::memcpy(bytes.data() + 4 * i, &value, 4);
    }
    w.tensor(name, {n}, uint32_t(quant::Type::f32), bytes);
  };
  const size_t d = m.d_model, q = m.n_heads * m.head_dim, kv = m.n_kv_heads * m.head_dim;
  const float in = 1 / std::sqrt(float(d)), out = 1 / std::sqrt(float(q)),
              down = 1 / std::sqrt(float(m.width));
  matrix("token_embd.weight", {d, kRandomVocab}, 0.5f, m.type);
  norm("output_norm.weight", d);
  if (m.with_output && !is_engramd) matrix("output.weight", {d, kRandomVocab}, in, m.type);
  for (size_t i = 0; i < m.n_layers; ++i) {
    const std::string b = "blk." + std::to_string(i) + ".";
    norm(b + "attn_norm.weight", d);
    matrix(b + "attn_q.weight", {d, q}, in, m.type);
    matrix(b + "attn_k.weight", {d, kv}, in, m.type);
    matrix(b + "attn_v.weight", {d, kv}, in, m.type);
    matrix(b + "attn_output.weight", {q, d}, out, m.type);
    norm(b + "attn_q_norm.weight", m.head_dim);
    norm(b + "attn_k_norm.weight", m.head_dim);
    norm(b + "ffn_norm.weight", d);
    matrix(b + "ffn_gate_inp.weight", {d, m.n_experts}, 2 * in, quant::Type::f32);
    matrix(b + "ffn_gate_exps.weight", {d, m.width, m.n_experts}, in, m.type);
    matrix(b + "ffn_up_exps.weight", {d, m.width, m.n_experts}, in, m.type);
    matrix(b + "ffn_down_exps.weight", {m.width, d, m.n_experts}, down, m.type);
    if (is_engramd) {
      w.tensor(b + "exp_probs_b.bias", {m.n_experts}, uint32_t(quant::Type::f32),
               random_tensor(quant::Type::f32, m.n_experts, 0.1f, ++seed));
      matrix(b + "ffn_gate_shexp.weight", {d, m.shared_width}, in, m.type);
      matrix(b + "ffn_up_shexp.weight", {d, m.shared_width}, in, m.type);
      matrix(b + "ffn_down_shexp.weight", {m.shared_width, d}, down, m.type);
    }
  }
  return w;
}

TemporaryModel::TemporaryModel(std::string_view bytes)
    : folder_([] {
        auto folder = TemporaryFolder::make("engramd-model");
        if (!folder) throw std::runtime_error(folder.error().message);
        return *std::move(folder);
      }()) {
  const Status written = write_file_atomic(path(), bytes);
  if (!written) throw std::runtime_error(written.error().message);
}

}  // namespace engramd::engine::test
