// The family of the model that ships: wrong files are one clear error each. That it computes what
// it should, with each part and without, is told in family_oracles.cpp.
#include <catch2/catch.hpp>

#include "engine/api/session.h"
#include "engine/arch/family.h"
#include "engine/format/gguf.h"
#include "model_writer.h"

namespace engramd::engine::test {
namespace {

std::string fixture(const std::string& name) {
  auto bytes = read_file(std::filesystem::path(ENGRAMD_SOURCE_DIR) / "tests/oracles/fixtures" /
                         name / "model.gguf");
  REQUIRE(bytes);
  return *std::move(bytes);
}

std::string replaced(std::string bytes, std::string_view from, std::string_view to) {
  const size_t at = bytes.find(from);
  REQUIRE(at != std::string::npos);
  REQUIRE(from.size() == to.size());
  return bytes.replace(at, from.size(), to);
}

// The bytes with the number behind a key, or the first one of an array, replaced.
std::string with(std::string bytes, const std::string& key, uint32_t value) {
  constexpr uint32_t kArray = 9;
  const std::string name = gguf_string("engramd." + key);
  const size_t found = bytes.find(name);
  REQUIRE(found != std::string::npos);
  const size_t type = found + name.size();
  const bool is_array = bytes.compare(type, 4, le32(kArray)) == 0;
  return bytes.replace(type + (is_array ? 16 : 4), 4, le32(value));
}

// A key that nobody knows any more: as if it were not there.
std::string without(const std::string& bytes, const std::string& key) {
  std::string other = "engramd." + key;
  other.back() = '_';
  return replaced(bytes, "engramd." + key, other);
}

void check_error(const std::string& bytes, const std::string& expected) {
  const auto file =
      format::GgufFile::parse({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()});
  INFO((file ? std::string() : file.error().message));
  REQUIRE(file);
  const auto network = arch::build_network(**file);
  REQUIRE(!network);
  INFO(network.error().message);
  CHECK(network.error().message.find(expected) != std::string::npos);
}

}  // namespace

TEST_CASE("keys of the shipped model's family outside their limits are one error") {
  const std::string good = fixture("engramd");
  check_error(with(good, "attention.compress_ratios", 2),
              "a compression ratio of 2 is not one that this family has");
  check_error(with(good, "attention.compress_ratios", 129), "expected 0 to 128");
  check_error(with(good, "attention.compress_ratios", 0), "tensor blk.0.attn_q.weight is missing");
  check_error(with(good, "block_count", 5), "expected one for each of 5 layers");
  check_error(with(good, "rope.dimension_count_compressed", 24), "expected 2 to 16");
  check_error(with(good, "rope.dimension_count_compressed", 7), "expected an even number");
  check_error(with(good, "attention.output_group_count", 3), "in 3 output groups");
  check_error(with(good, "attention.output_lora_rank", 16), "tensor blk.0.attn_output_a.weight");
  check_error(with(good, "attention.sliding_window", 0), "expected 1 to 1048576");
  check_error(with(good, "hyper_connection.count", 1), "expected 2 to 8");
  check_error(with(good, "hyper_connection.count", 4), "tensor blk.0.hc_attn_fn.weight has shape");
  check_error(with(good, "expert_used_count", 9), "9 experts per token of 8");
  check_error(with(good, "engram.layer_ids", 4), "expected rising layer numbers below 4");
  check_error(with(good, "engram.layer_ids", 2), "expected rising layer numbers below 4");
  check_error(with(good, "engram.layer_ids", 0), "tensor blk.0.engram_embd.weight is missing");
  check_error(with(good, "engram.head_count", 3), "engram.primes has 8 values, expected 12");
  check_error(with(good, "engram.max_ngram_size", 2),
              "engram.multipliers has 6 values, expected 4");
  check_error(with(good, "engram.primes", 0), "an Engram column of 0 rows");
  check_error(with(good, "engram.primes", 1000000), "tensor blk.1.engram_embd.weight has shape");
}

TEST_CASE("a part of the shipped model's family that is not told of has no tensors") {
  const std::string good = fixture("engramd");
  check_error(without(good, "hyper_connection.count"), "tensor blk.1.engram_wkv.weight has shape");
  check_error(without(good, "engram.layer_ids"), "engram_embd.weight is not part of this");
  check_error(without(good, "expert_count"), "feed_forward_length is missing");
  check_error(without(good, "attention.compress_ratios"), "compress_ratios is missing");
  check_error(without(good, "attention.q_lora_rank"), "q_lora_rank is missing");
  check_error(without(good, "engram.offsets"), "engram.offsets is missing");
  check_error(replaced(good, "blk.0.attn_sinks.weight", "blk.0.attn_sinkz.weight"),
              "tensor blk.0.attn_sinks.weight is missing");
  check_error(replaced(good, "output_hc_base.weight", "output_hc_bare.weight"),
              "tensor output_hc_base.weight is missing");
  check_error(without(fixture("engramd_dense"), "feed_forward_length"),
              "feed_forward_length is missing");
}

TEST_CASE("a text that changes far from its end is cut there by the shipped model's family") {
  const auto model = Model::load(std::filesystem::path(ENGRAMD_SOURCE_DIR) /
                                 "tests/oracles/fixtures/engramd/model.gguf");
  REQUIRE(model);
  const auto n_vocab = TokenId((*model)->tokenizer().n_vocab());
  std::vector<TokenId> text(700);
  for (size_t i = 0; i < text.size(); ++i) text[i] = TokenId(i * i * 7 + i / 3) % n_vocab;
  auto session = (*model)->open_session(0);
  REQUIRE(session);
  REQUIRE((*session)->sync(text));
  // Far behind every window, and inside a group of four.
  text[201] = (text[201] + 1) % n_vocab;
  const auto changed = (*session)->sync(text);
  REQUIRE(changed);
  CHECK(changed->n_reused == 201);
  auto fresh = (*model)->open_session(0);
  REQUIRE(fresh);
  REQUIRE((*fresh)->sync(text));
  const auto found = (*session)->logits(), expected = (*fresh)->logits();
  CHECK(std::equal(found.begin(), found.end(), expected.begin(), expected.end()));
}

}  // namespace engramd::engine::test
