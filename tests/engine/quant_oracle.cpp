// The block formats against values that tests/oracles/quant_types.py worked out on its own.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/file.h"
#include "engine/quant/fp4.h"
#include "engine/quant/fp8.h"
#include "engine/quant/types.h"

namespace engramd::engine::quant {

namespace {

// The fixture: <type>.blocks and <type>.values, and the small floats of checkpoints.
class Cases {
 public:
  Cases() {
    const auto bytes = read_file(std::string(ENGRAMD_SOURCE_DIR) +
                                 "/tests/oracles/fixtures/quant_types/cases.safetensors");
    REQUIRE(bytes);
    bytes_ = *bytes;
    uint64_t size = 0;
    std::memcpy(&size, bytes_.data(), 8);
    begin_ = 8 + size_t(size);
    header_ = nlohmann::json::parse(bytes_.substr(8, size_t(size)));
  }
  std::vector<std::string> types() const {
    std::vector<std::string> out;
    for (const auto& [name, description] : header_.items())
      if (name.ends_with(".blocks")) out.push_back(name.substr(0, name.size() - 7));
    return out;
  }
  template <class T>
  std::vector<T> tensor(const std::string& name) const {
    const auto range = header_.at(name).at("data_offsets");
    const size_t from = range.at(0).get<size_t>(), to = range.at(1).get<size_t>();
    std::vector<T> out((to - from) / sizeof(T));
    std::memcpy(out.data(), bytes_.data() + begin_ + from, to - from);
    return out;
  }
  size_t size(const std::string& name, size_t dimension) const {
    return header_.at(name).at("shape").at(dimension).get<size_t>();
  }

 private:
  std::string bytes_;
  size_t begin_ = 0;
  nlohmann::json header_;
};

size_t n_different(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  size_t n = 0;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && !(std::isnan(a[i]) && std::isnan(b[i]))) ++n;
  return n;
}

}  // namespace

TEST_CASE("every block type reads as the oracle reads it, to the bit") {
  const Cases cases;
  CHECK(cases.types().size() >= 15);
  for (const std::string& name : cases.types()) {
    INFO(name);
    const TypeInfo* type = find_type(name);
    REQUIRE(type != nullptr);
    REQUIRE(type->to_float != nullptr);
    const auto blocks = cases.tensor<std::byte>(name + ".blocks");
    const auto expected = cases.tensor<float>(name + ".values");
    REQUIRE(!expected.empty());
    REQUIRE(blocks.size() == expected.size() / type->block_elements * type->block_bytes);
    std::vector<float> found(expected.size());
    type->to_float(blocks.data(), found.data(), found.size());
    CHECK(n_different(found, expected) == 0);
  }
}

TEST_CASE("small floats of checkpoints read as the oracle reads them") {
  const Cases cases;
  const std::pair<const char*, float (*)(uint8_t)> codes[] = {
      {"e4m3", e4m3_to_float}, {"e2m1", e2m1_to_float}, {"ue8m0", ue8m0_to_float}};
  for (const auto& [name, decode] : codes) {
    INFO(name);
    std::vector<float> found;
    for (const uint8_t code : cases.tensor<uint8_t>(std::string(name) + ".codes"))
      found.push_back(decode(code));
    CHECK(n_different(found, cases.tensor<float>(std::string(name) + ".values")) == 0);
  }
  const std::pair<const char*, size_t> tiled[] = {
      {"e4m3_128x128", 128}, {"e4m3_128x128_wide", 128}, {"e4m3_32x32", 32}};
  for (const auto& [name, tile] : tiled) {
    INFO(name);
    const std::string weight = std::string(name) + ".weight";
    const auto weights = cases.tensor<uint8_t>(weight);
    const auto scales = cases.tensor<uint8_t>(std::string(name) + ".scale");
    std::vector<float> found(weights.size());
    tiles_e4m3_to_float(weights.data(), scales.data(), cases.size(weight, 0), cases.size(weight, 1),
                        tile, found.data());
    CHECK(n_different(found, cases.tensor<float>(std::string(name) + ".values")) == 0);
  }
  const auto weights = cases.tensor<uint8_t>("e4m3_128x128_f32.weight");
  const auto scales = cases.tensor<float>("e4m3_128x128_f32.scale");
  std::vector<float> found(weights.size());
  tiles_e4m3_to_float(weights.data(), scales.data(), cases.size("e4m3_128x128_f32.weight", 0),
                      cases.size("e4m3_128x128_f32.weight", 1), 128, found.data());
  CHECK(n_different(found, cases.tensor<float>("e4m3_128x128_f32.values")) == 0);
  const auto packed = cases.tensor<uint8_t>("e2m1_1x32.weight");
  const auto exponents = cases.tensor<uint8_t>("e2m1_1x32.scale");
  found.resize(2 * packed.size());
  packed_e2m1_to_float(packed.data(), exponents.data(), found.size(), found.data());
  CHECK(n_different(found, cases.tensor<float>("e2m1_1x32.values")) == 0);
}

}  // namespace engramd::engine::quant
