// Hostile, foreign and broken model files: one clear error each, never a crash.
#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "engine/api/model.h"
#include "engine/arch/family.h"
#include "engine/core/loaded_model.h"
#include "engine/format/gguf.h"
#include "model_writer.h"

namespace engramd::engine::test {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// The whole way from bytes to a network and a tokenizer, as Model::load goes it.
Status read_model(std::string_view bytes) {
  ENGRAMD_TRY(const auto file, format::GgufFile::parse(as_bytes(bytes)));
  for (const format::KeyValue& entry : file->metadata()) (void)format::printed(entry.value);
  ENGRAMD_TRY(const arch::Network network, arch::build_network(*file));
  if (network.blocks.empty()) return fail(ErrorCode::internal, "a network without blocks");
  ENGRAMD_CHECK(core::load_tokenizer(*file));
  return {};
}

void check_error(std::string_view bytes, const std::string& expected) {
  const Status status = read_model(bytes);
  REQUIRE(!status);
  INFO(status.error().message);
  CHECK(status.error().message.find(expected) != std::string::npos);
}

RandomModel small() {
  RandomModel m;
  m.n_layers = 1;
  m.d_model = 8;
  m.n_heads = 1;
  m.n_kv_heads = 1;
  m.head_dim = 8;
  m.n_experts = 2;
  m.n_used = 1;
  m.width = 4;
  m.shared_width = 4;
  m.architecture = "engramd";
  return m;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// A header without any tensor.
std::string header(uint64_t n_tensors, uint64_t n_keys, std::string_view rest = "") {
  return "GGUF" + le32(3) + le64(n_tensors) + le64(n_keys) + std::string(rest);
}

}  // namespace

TEST_CASE("a small model reads, in versions 2 and 3") {
  GgufWriter w = random_model(small());
  REQUIRE(read_model(w.bytes()));
  w.version = 2;
  REQUIRE(read_model(w.bytes()));
  w.alignment = 64;
  w.key_u32("general.alignment", 64);
  REQUIRE(read_model(w.bytes()));
}

TEST_CASE("foreign files are named") {
  check_error("", "not a GGUF model");
  check_error("GGU", "not a GGUF model");
  check_error(
      "\x7f"
      "ELF\2\1\1",
      "ELF");
  check_error("PK\3\4 and so on", "zip archive");
  check_error("<!DOCTYPE html><html>", "HTML");
  check_error("version https://git-lfs.github.com/spec/v1\n", "Git LFS");
  check_error(le64(100) + "{\"__metadata__\":{}}", "safetensors");
  check_error("ggml....", "older than GGUF");
  check_error("GGUF" + le32(1) + std::string(100, '\0'), "version 1");
  check_error("GGUF" + le32(0x03000000) + std::string(100, '\0'), "version 50331648");
}

TEST_CASE("an unknown architecture lists the known ones") {
  GgufWriter w;
  w.key_string("general.architecture", "mystery");
  check_error(w.bytes(),
              "architecture \"mystery\" is not one this engine runs: deepseek2, deepseek4,");
  check_error(GgufWriter().bytes(), "general.architecture is missing");
}

TEST_CASE("counts and lengths beyond the file are refused before anything is allocated") {
  check_error(header(uint64_t(1) << 60, 0, std::string(64, 'x')), "tensors, more than the file");
  check_error(header(0, ~uint64_t(0), std::string(64, 'x')), "keys, more than the file");
  check_error(header(0, 1, le64(~uint64_t(0)) + std::string(64, 'x')), "truncated");
  const std::string key = gguf_string("a");
  check_error(header(0, 1, key + le32(8) + le64(uint64_t(1) << 62)), "truncated");
  check_error(header(0, 1, key + le32(9) + le32(8) + le64(uint64_t(1) << 61)), "truncated");
  check_error(header(0, 1, key + le32(9) + le32(10) + le64(uint64_t(1) << 61)), "truncated");
  check_error(header(0, 1, key + le32(13) + le64(0)), "value type 13");
  check_error(header(0, 1, key + le32(9) + le32(99) + le64(0)), "value type 99");
  check_error(header(0, 1, gguf_string("") + le32(4) + le32(0)), "unprintable");
  check_error(header(0, 1, gguf_string("a\x1b[31m") + le32(4) + le32(0)), "unprintable");
  check_error(header(0, 1, gguf_string(std::string(300, 'k')) + le32(4) + le32(0)), "at most 256");
}

TEST_CASE("arrays nest only so deep") {
  std::string rest = gguf_string("a") + le32(9);
  for (int i = 0; i < 100; ++i) rest += le32(9) + le64(1);
  check_error(header(0, 1, rest + le32(4) + le64(0)), "nests arrays deeper");
}

TEST_CASE("keys and tensors that appear twice are refused") {
  GgufWriter keys;
  keys.key_u32("a", 1);
  keys.key_u32("b", 1);
  keys.key_u32("a", 2);
  check_error(keys.bytes(), "key \"a\" appears twice");
  GgufWriter tensors;
  tensors.tensor("t", {1}, 0, "abcd");
  tensors.tensor("t", {1}, 0, "abcd");
  check_error(tensors.bytes(), "tensor \"t\" appears twice");
}

TEST_CASE("tensors must lie inside the file, aligned and apart") {
  const auto two = [](uint64_t second_offset) {
    GgufWriter w;
    w.tensor("first", {16}, 0, std::string(64, 'a'));
    w.tensor("second", {16}, 0, std::string(64, 'b'));
    w.lie_about_offset(second_offset);
    return w.bytes();
  };
  check_error(two(32), "tensors first and second overlap");
  check_error(two(0), "overlap");
  check_error(two(65), "expected a multiple of 32");
  check_error(two(128), "truncated: tensor second needs 64 bytes");
  check_error(two(~uint64_t(31)), "truncated: tensor second");
  const auto shaped = [](std::vector<uint64_t> shape, uint32_t type) {
    GgufWriter w;
    w.tensor("t", std::move(shape), type, std::string(64, 'a'));
    return w.bytes();
  };
  check_error(shaped({uint64_t(1) << 40, uint64_t(1) << 40}, 0), "more than 2^60 elements");
  check_error(shaped({uint64_t(1) << 32, 16}, 0), "truncated");
  check_error(shaped({0}, 0), "dimension of size 0");
  check_error(shaped({}, 0), "0 dimensions");
  check_error(shaped({1, 1, 1, 1, 1}, 0), "5 dimensions");
  check_error(shaped({33}, 8), "expected a multiple of 32 for Q8_0");
  check_error(shaped({4}, 4), "type 4, which this engine does not know");
}

TEST_CASE("alignment and splits are checked") {
  for (const uint32_t alignment : {0u, 3u, 4u, 1u << 30}) {
    GgufWriter w;
    w.key_u32("general.alignment", alignment);
    check_error(w.bytes(), "general.alignment");
  }
  GgufWriter split;
  split.key_u32("split.count", 3);
  check_error(split.bytes(), "key split.no is missing");
  split.key_u32("split.no", 0);
  split.key_u32("split.tensors.count", 0);
  check_error(split.bytes(), "split over 3 files");
}

TEST_CASE("a configuration outside its limits is one error") {
  const std::string good = random_model(small()).bytes();
  const auto with = [&](const std::string& key, uint32_t value) {
    const std::string name = gguf_string("engramd." + key) + le32(4);
    std::string bytes = good;
    const size_t at = bytes.find(name);
    REQUIRE(at != std::string::npos);
    return bytes.replace(at + name.size(), 4, le32(value));
  };
  REQUIRE(read_model(with("context_length", 4096)));
  check_error(with("block_count", 0), "expected 1 to 1024");
  check_error(with("block_count", 0xffffffff), "expected 1 to 1024");
  check_error(with("block_count", 2), "expected one for each of 2 layers");
  check_error(with("embedding_length", 16), "expected [16, 281]");
  check_error(with("attention.head_count", 3), "expected [8, 24]");
  check_error(with("attention.head_count_kv", 7), "cannot share");
  check_error(with("attention.key_length", 12), "multiple of 8");
  check_error(with("attention.value_length", 16), "keys and values of one size");
  check_error(with("expert_used_count", 3), "3 experts per token of 2");
  check_error(with("expert_feed_forward_length", 5),
              "tensor blk.0.ffn_gate_exps.weight has shape [8, 4, 2], expected [8, 5, 2]");
  check_error(replaced(good, "engramd.embedding_length", "engramd.embedding_lEngth"), "is missing");
  check_error(replaced(good, "blk.0.attn_q.weight", "blk.0.attn_Q.weight"), "is missing");
}

TEST_CASE("tensors that the architecture does not know are refused") {
  GgufWriter w = random_model(small());
  w.tensor("blk.0.attn_q.bias", {8}, 0, std::string(32, '\0'));
  check_error(w.bytes(), "tensor blk.0.attn_q.bias is not part of this architecture");
}

TEST_CASE("a listed type that is not run is named") {
  RandomModel m = small();
  m.with_output = false;
  m.architecture = "qwen3moe";
  GgufWriter w = random_model(m);
  w.tensor("output.weight", {8, kRandomVocab}, 27, std::string(8 * 8 * kRandomVocab, '\0'));
  check_error(w.bytes(), "tensor output.weight is of type I64");
}

TEST_CASE("a file cut at any byte is an error") {
  const std::string good = random_model(small()).bytes();
  REQUIRE(read_model(good));
  // Its last tensor is padded: cutting only the padding loses nothing, so stop before it.
  for (size_t n = 0; n + 32 < good.size(); n += n < 20000 ? 1 : 13)
    if (read_model(std::string_view(good).substr(0, n))) FAIL("cut at " << n << " was accepted");
}

TEST_CASE("thousands of mutations never crash the reader") {
  RandomModel shape = small();
  const std::string good = random_model(shape).bytes();
  const size_t header_bytes = good.size() / 2;
  std::mt19937_64 random(20261123);
  size_t n_refused = 0;
  for (int round = 0; round < 6000; ++round) {
    std::string bytes = good;
    const size_t n_changes = 1 + random() % 4;
    for (size_t i = 0; i < n_changes; ++i) {
      const size_t at = random() % (round % 4 == 0 ? bytes.size() : header_bytes);
      switch (random() % 4) {
        case 0:
          bytes[at] = char(bytes[at] ^ (1 << random() % 8));
          break;
        case 1:
          bytes[at] = char(random());
          break;
        case 2: {  // a length or count in disguise
          const uint64_t values[] = {0, ~uint64_t(0), uint64_t(1) << 63, uint64_t(1) << 32,
                                     0x7fffffff};
          const uint64_t value = values[random() % 5];
          std::memcpy(bytes.data() + std::min(at, bytes.size() - 8), &value, 8);
          break;
        }
        default:
          bytes.erase(at, random() % 16);
          break;
      }
    }
    if (!read_model(bytes)) ++n_refused;
  }
  CHECK(n_refused > 3000);  // or the mutations reach nothing
}

TEST_CASE("what cannot be opened says why") {
  const auto missing = Model::load("/nowhere/model.gguf");
  REQUIRE(!missing);
  CHECK(missing.error().code == ErrorCode::not_found);
  const TemporaryFolder nothing_in_it = *TemporaryFolder::make("engramd-empty");
  const auto folder = Model::load(nothing_in_it.path());
  REQUIRE(!folder);
  CHECK(folder.error().message.find("config.json") != std::string::npos);
  const auto device = Model::load("/dev/null");
  REQUIRE(!device);
  CHECK(device.error().message.find("not a regular file") != std::string::npos);
  const TemporaryModel empty(std::string_view(""));
  const auto nothing = Model::load(empty.path());
  REQUIRE(!nothing);
  CHECK(nothing.error().message.find("is empty") != std::string::npos);
  LoadOptions options;
  options.kernels = "abacus";
  CHECK(!Model::load(empty.path(), options));
}

TEST_CASE("inspect prints the header without loading") {
  RandomModel m = small();
  const TemporaryModel file(m);
  const auto info = inspect_model_file(file.path());
  REQUIRE(info);
  CHECK(info->format == "gguf v3");
  CHECK(info->file_bytes > 0);
  CHECK(info->tensors.size() == 18);
  const auto value = [&](const std::string& key) {
    for (const auto& [name, text] : info->metadata)
      if (name == key) return text;
    return std::string("missing");
  };
  CHECK(value("general.architecture") == "\"engramd\"");
  CHECK(value("engramd.block_count") == "1");
  CHECK(value("tokenizer.ggml.token_type").find("(281 x int32)") != std::string::npos);
  CHECK(info->tensors[0].name == "token_embd.weight");
  CHECK(info->tensors[0].type == "F32");
  CHECK(info->tensors[0].shape == std::vector<uint64_t>{8, kRandomVocab});
  // An architecture that we do not run can still be looked at.
  GgufWriter other;
  other.key_string("general.architecture", "mystery");
  CHECK(inspect_model_file(TemporaryModel(other.bytes()).path()));
}

TEST_CASE("model info tells sizes") {
  const TemporaryModel file(small());
  const auto model = Model::load(file.path());
  INFO((model ? std::string() : model.error().message));
  REQUIRE(model);
  const ModelInfo& info = (*model)->info();
  CHECK(info.architecture == "engramd");
  CHECK(info.name == "random test model");
  CHECK(info.n_layers == 1);
  CHECK(info.n_vocab == kRandomVocab);
  CHECK(info.n_experts == 2);
  // Embedding, norms, attention, router and its bias, one expert of 3 * 8 * 4 and the shared one.
  const size_t without_experts = 8 * kRandomVocab + 3 * 8 + 2 * 8 + 4 * 64 + 16 + 2;
  CHECK(info.n_parameters == without_experts + 3 * 96);
  CHECK(info.n_active_parameters == without_experts + 2 * 96);
  CHECK((*model)->tokenizer().n_vocab() == kRandomVocab);
  CHECK((*model)->tokenizer().specials().fim_prefix > 0);
}

}  // namespace engramd::engine::test
