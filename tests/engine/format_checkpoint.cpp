// Published checkpoints (config.json and safetensors) seen in GGUF's words.
#include "engine/format/hf/checkpoint.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/arch/hf/families.h"
#include "engine/arch/open_model.h"
#include "engine/format/gguf.h"
#include "model_writer.h"
#include "safetensors_writer.h"

namespace engramd::engine::test {
namespace {

namespace fs = std::filesystem;
using format::HfCheckpoint;
using format::ModelFile;
using format::Tensor;

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

Result<std::unique_ptr<HfCheckpoint>> parse(const std::string& config,
                                            const std::string& safetensors) {
  return HfCheckpoint::parse(config, as_bytes(safetensors), arch::hf::families());
}

std::vector<double> values_of(const Tensor& tensor) {
  std::vector<double> out(tensor.n_elements);
  if (tensor.type->name == "I32") {
    for (size_t i = 0; i < out.size(); ++i) {
      int32_t value;
      std::memcpy(&value, tensor.bytes.data() + 4 * i, 4);
      out[i] = value;
    }
    return out;
  }
  std::vector<float> floats(tensor.n_elements);
  if (tensor.type->name == "MXFP4") {  // e2m1 times 2^(e - 127)
    constexpr float kValues[] = {0, .5f, 1, 1.5f, 2, 3, 4, 6};
    for (size_t block = 0; block < floats.size() / 32; ++block) {
      const std::byte* p = tensor.bytes.data() + 17 * block;
      for (size_t i = 0; i < 32; ++i) {
        const int code = i < 16 ? int(p[1 + i]) & 15 : int(p[1 + i - 16]) >> 4;
        const float value = std::ldexp(kValues[code & 7], int(p[0]) - 127);
        floats[32 * block + i] = code & 8 ? -value : value;
      }
    }
  } else {
    INFO(tensor.name << " of type " << tensor.type->name);
    REQUIRE(tensor.type->to_float != nullptr);
    tensor.type->to_float(tensor.bytes.data(), floats.data(), floats.size());
  }
  std::copy(floats.begin(), floats.end(), out.begin());
  return out;
}

std::vector<uint64_t> without_ones(std::vector<uint64_t> shape) {
  while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
  return shape;
}

// One fixture: the same model as a GGUF file and as a checkpoint.
void check_twin(const fs::path& folder) {
  INFO(folder.string());
  auto opened = arch::open_model(folder / "hf");
  INFO((opened ? std::string() : opened.error().message));
  REQUIRE(opened);
  const Status ready = (*opened)->materialise(1u << 30, {});
  INFO((ready ? std::string() : ready.error().message));
  REQUIRE(ready);
  const ModelFile& shown = **opened;
  if (!fs::exists(folder / "model.gguf")) return;  // of a draft model: it opens
  const auto gguf = format::GgufFile::open(folder / "model.gguf");
  REQUIRE(gguf);

  const std::string prefix = std::string(*(*gguf)->string("general.architecture")) + ".";
  CHECK(*shown.string("general.architecture") == *(*gguf)->string("general.architecture"));
  for (const format::KeyValue& entry : (*gguf)->metadata()) {
    if (!entry.key.starts_with(prefix)) continue;
    // These need the tokenizer.
    if (entry.key.starts_with("deepseek41.engram.") &&
        entry.value.type == format::ValueType::array && entry.key != "deepseek41.engram.layer_ids")
      continue;
    if (entry.key == "deepseek41.engram.pad_id") continue;
    INFO(entry.key);
    const format::Value* value = shown.find(entry.key);
    REQUIRE(value != nullptr);
    CHECK(format::printed(*value) == format::printed(entry.value));
  }

  CHECK(shown.tensors().size() == (*gguf)->tensors().size());
  for (const Tensor& expected : (*gguf)->tensors()) {
    INFO(expected.name);
    const Tensor* tensor = shown.find_tensor(expected.name);
    REQUIRE(tensor != nullptr);
    CHECK(without_ones(tensor->shape) == without_ones(expected.shape));
    CHECK(tensor->bytes.size() == tensor->n_bytes());
    const std::vector<double> a = values_of(*tensor), b = values_of(expected);
    REQUIRE(a.size() == b.size());
    size_t n_wrong = 0;
    for (size_t i = 0; i < a.size(); ++i) n_wrong += a[i] == b[i] ? 0 : 1;
    CHECK(n_wrong == 0);
  }
}

}  // namespace

TEST_CASE("a checkpoint shows what the GGUF file of the same model holds") {
  const fs::path fixtures = fs::path(ENGRAMD_SOURCE_DIR) / "tests/oracles/fixtures";
  if (!fs::exists(fixtures)) {
    WARN("the oracles' fixtures are not in this tree");
    return;
  }
  size_t n_checked = 0;
  for (const auto& entry : fs::directory_iterator(fixtures)) {
    if (!fs::exists(entry.path() / "hf/config.json")) continue;
    check_twin(entry.path());
    ++n_checked;
  }
  CHECK(n_checked >= 8);
}

namespace {

std::string config(const std::string& architecture, const std::string& more) {
  return "{\"architectures\":[\"" + architecture +
         "\"],\"num_hidden_layers\":1,\"hidden_size\":8,\"num_attention_heads\":2,"
         "\"num_key_value_heads\":1,\"rms_norm_eps\":1e-5" +
         more + "}";
}

void check_error(const std::string& config_text, const SafetensorsWriter& w,
                 const std::string& expected) {
  const std::string bytes = w.bytes();
  auto file = parse(config_text, bytes);
  Status status;
  if (file)
    status = (*file)->materialise(1u << 20, {});
  else
    status = fail(std::move(file).error());
  REQUIRE(!status);
  INFO(status.error().message);
  CHECK(status.error().message.find(expected) != std::string::npos);
}

std::vector<float> counting(size_t n) {
  std::vector<float> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = float(i);
  return out;
}

// The values of one tensor of a checkpoint.
std::vector<double> shown(const std::string& config_text, const SafetensorsWriter& w,
                          const std::string& name) {
  const std::string bytes = w.bytes();
  const auto file = parse(config_text, bytes);
  INFO((file ? std::string() : file.error().message));
  REQUIRE(file);
  REQUIRE((*file)->materialise(1u << 20, {}));
  const Tensor* tensor = (*file)->find_tensor(name);
  REQUIRE(tensor != nullptr);
  return values_of(*tensor);
}

}  // namespace

TEST_CASE("llama's halves of a head become pairs, biases too") {
  SafetensorsWriter w;
  w.floats("model.layers.0.self_attn.q_proj.weight", {8, 1}, counting(8));
  w.floats("model.layers.0.self_attn.k_proj.weight", {4, 1}, counting(4));
  w.floats("model.layers.0.self_attn.v_proj.weight", {4, 1}, counting(4));
  w.floats("model.layers.0.self_attn.q_proj.bias", {8}, counting(8));
  const std::string c = config("LlamaForCausalLM", "");
  // Two heads of 4: halves (0 1)(2 3) become pairs (0 2)(1 3).
  const std::vector<double> pairs = {0, 2, 1, 3, 4, 6, 5, 7};
  CHECK(shown(c, w, "blk.0.attn_q.weight") == pairs);
  CHECK(shown(c, w, "blk.0.attn_q.bias") == pairs);
  CHECK(shown(c, w, "blk.0.attn_k.weight") == std::vector<double>{0, 2, 1, 3});
  CHECK(shown(c, w, "blk.0.attn_v.weight") == std::vector<double>{0, 1, 2, 3});
}

TEST_CASE("llama 3's stretched frequencies are a tensor of factors") {
  SafetensorsWriter w;
  const std::string c = config("LlamaForCausalLM",
                               ",\"head_dim\":128,\"rope_theta\":500000.0,\"rope_scaling\":{"
                               "\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,"
                               "\"high_freq_factor\":4.0,"
                               "\"original_max_position_embeddings\":8192}");
  w.floats("model.norm.weight", {8}, counting(8));
  const std::vector<double> factors = shown(c, w, "rope_freqs.weight");
  REQUIRE(factors.size() == 64);
  CHECK(factors[0] == 1);
  CHECK(factors[63] == 8);
  // Element 32: 500000^-0.5 turns 8192 / (2 pi * 707.1) = 1.8438 times.
  const double turns = 8192 / (2 * M_PI * std::sqrt(500000.0)), smooth = (turns - 1) / 3;
  CHECK(factors[32] == Approx(1 / ((1 - smooth) / 8 + smooth)).epsilon(1e-6));
}

TEST_CASE("a stated attention factor replaces YaRN's own") {
  SafetensorsWriter w;
  w.floats("model.norm.weight", {8}, counting(8));
  const std::string bytes = w.bytes();
  const auto file = parse(
      config("Qwen3ForCausalLM",
             ",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4.0,\"attention_factor\":1.5,"
             "\"original_max_position_embeddings\":32768}"),
      bytes);
  REQUIRE(file);
  // Families multiply it with 1 + 0.1 ln(factor).
  const double factor = *(*file)->number("qwen3.rope.scaling.attn_factor");
  CHECK(factor * (1 + 0.1 * std::log(4.0)) == Approx(1.5).epsilon(1e-6));
  CHECK(*(*file)->string("qwen3.rope.scaling.type") == "yarn");
}

TEST_CASE("fp8 scales decide whether BF16 holds every value") {
  const std::string c = config("Qwen2ForCausalLM", "");
  const auto with_scale = [&](float scale) {
    SafetensorsWriter w;
    // 1.0, -1.125, 448, 2^-9
    w.tensor("model.layers.0.mlp.up_proj.weight", "F8_E4M3", {1, 4}, "\x38\xb9\x7e\x01");
    w.floats("model.layers.0.mlp.up_proj.weight_scale_inv", {1, 1}, {scale});
    return w;
  };
  const auto type = [&](const SafetensorsWriter& w) {
    const std::string bytes = w.bytes();
    return std::string((*parse(c, bytes))->find_tensor("blk.0.ffn_up.weight")->type->name);
  };
  CHECK(type(with_scale(0.25f)) == "BF16");
  CHECK(shown(c, with_scale(0.25f), "blk.0.ffn_up.weight") ==
        std::vector<double>{0.25, -0.28125, 112, 0x1p-11});
  CHECK(type(with_scale(0.3f)) == "F32");
  CHECK(shown(c, with_scale(0.3f), "blk.0.ffn_up.weight")[2] == double(0.3f * 448));
  CHECK(type(with_scale(0x1p-120f)) == "F32");  // 2^-129 is no normal BF16
}

TEST_CASE("gpt-oss in BF16 has its experts turned and gate and up apart") {
  SafetensorsWriter w;
  // [1 expert, in 2, out 4]: element (in, out) = 4 in + out.
  w.floats("model.layers.0.mlp.experts.gate_up_proj", {1, 2, 4}, counting(8));
  w.floats("model.layers.0.mlp.experts.down_proj", {1, 2, 3}, counting(6));
  const std::string c = config("GptOssForCausalLM", ",\"num_local_experts\":1");
  CHECK(shown(c, w, "blk.0.ffn_gate_exps.weight") == std::vector<double>{0, 4, 2, 6});
  CHECK(shown(c, w, "blk.0.ffn_up_exps.weight") == std::vector<double>{1, 5, 3, 7});
  CHECK(shown(c, w, "blk.0.ffn_down_exps.weight") == std::vector<double>{0, 3, 1, 4, 2, 5});
}

TEST_CASE("what lies as it is shown is a view of the file") {
  SafetensorsWriter w;
  w.floats("model.embed_tokens.weight", {2, 4}, counting(8));
  const std::string bytes = w.bytes();
  const auto file = parse(config("Qwen3ForCausalLM", ""), bytes);
  REQUIRE(file);
  CHECK((*file)->bytes_to_materialise() == 0);
  const Tensor* tensor = (*file)->find_tensor("token_embd.weight");
  REQUIRE(tensor != nullptr);
  const std::byte* begin = as_bytes(bytes).data();
  CHECK(tensor->bytes.data() > begin);
  CHECK(tensor->bytes.data() + tensor->bytes.size() <= begin + bytes.size());
}

TEST_CASE("a checkpoint that cannot be shown is one error") {
  SafetensorsWriter empty, w;
  w.floats("model.norm.weight", {8}, counting(8));
  check_error("", w, "config.json: broken JSON");
  check_error("[]", w, "config.json: the configuration is no object");
  check_error("{}", w, "field architectures is missing");
  check_error("{\"architectures\":\"x\"}", w, "field architectures is not a list of strings");
  check_error(config("MysteryForCausalLM", ""), w,
              "architecture \"MysteryForCausalLM\" is not one whose checkpoints this engine reads: "
              "LlamaForCausalLM, ");
  check_error("{\"architectures\":[\"Qwen3ForCausalLM\"],\"num_hidden_layers\":100000}", w,
              "expected 1 to 1024");
  check_error("{\"architectures\":[\"Qwen3ForCausalLM\"],\"num_hidden_layers\":-1}", w,
              "is not an unsigned integer");
  check_error(config("Qwen3ForCausalLM", ",\"head_dim\":\"wide\""), w, "field head_dim is not");
  check_error(config("Qwen3ForCausalLM", ",\"hidden_size\":9"), w, "appears twice");
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "{\"a\":";
  check_error(deep, w, "nested deeper than 8");

  SafetensorsWriter unknown;
  unknown.floats("model.layers.0.self_attn.magic.weight", {8}, counting(8));
  check_error(config("Qwen3ForCausalLM", ""), unknown,
              "tensor model.layers.0.self_attn.magic.weight is not part of this architecture");

  SafetensorsWriter experts;
  experts.floats("model.layers.0.mlp.experts.0.up_proj.weight", {4, 8}, counting(32));
  const std::string moe = config("Qwen3MoeForCausalLM", ",\"num_experts\":2");
  check_error(moe, experts, "tensor model.layers.0.mlp.experts.1.up_proj.weight is missing");
  SafetensorsWriter uneven = experts;
  uneven.floats("model.layers.0.mlp.experts.1.up_proj.weight", {2, 16}, counting(32));
  check_error(moe, uneven, "of one stack differ in type or shape");
  check_error(config("Qwen3MoeForCausalLM", ",\"num_experts\":99999"), experts, "at most 4096");

  SafetensorsWriter heads;
  heads.floats("model.layers.0.self_attn.q_proj.weight", {7, 1}, counting(7));
  check_error(config("LlamaForCausalLM", ""), heads, "which are no 2 heads of two halves");

  SafetensorsWriter scales;
  scales.tensor("model.layers.0.mlp.up_proj.weight", "F8_E4M3", {2, 4}, std::string(8, '8'));
  scales.floats("model.layers.0.mlp.up_proj.weight_scale_inv", {3, 1}, {1, 1, 1});
  check_error(config("Qwen3ForCausalLM", ""), scales, "which are no scales for");

  SafetensorsWriter integers;
  integers.tensor("model.norm.weight", "I32", {2}, "abcdefgh");
  check_error(config("Qwen3ForCausalLM", ""), integers, "is used where F32 is needed");
}

TEST_CASE("a checkpoint that must be rewritten asks for the memory first") {
  SafetensorsWriter w;
  w.tensor("model.layers.0.mlp.up_proj.weight", "F8_E4M3", {512, 4096}, std::string(1 << 21, '8'));
  const std::string bytes = w.bytes();
  const auto file = parse(config("Qwen3ForCausalLM", ""), bytes);
  REQUIRE(file);
  CHECK((*file)->bytes_to_materialise() == 1u << 22);
  const Status refused = (*file)->materialise((1u << 22) - 1, {});
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::exhausted);
  CHECK(refused.error().message.find("holds 4 MiB") != std::string::npos);
  CancelSource source;
  source.cancel();
  const Status stopped = (*file)->materialise(1u << 22, source.token());
  REQUIRE(!stopped);
  CHECK(stopped.error().code == ErrorCode::cancelled);
  // Rows can be read without it.
  std::vector<std::byte> row(8192);
  REQUIRE((*file)->copy_rows((*file)->tensors()[0], 511, 1, row.data()));
  CHECK(row[1] == std::byte(0x3f));  // 0x38 is 1.0
  REQUIRE((*file)->materialise(1u << 22, {}));
  CHECK((*file)->bytes_to_materialise() == 0);
}

}  // namespace engramd::engine::test
