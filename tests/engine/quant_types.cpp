// The formats' arithmetic on values that can be worked out by hand.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/quant/types.h"

namespace engramd::engine::quant {

TEST_CASE("half floats survive the trip through float, all 65536 of them") {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = half_to_float(uint16_t(bits));
    if (std::isnan(value)) {
      CHECK(std::isnan(half_to_float(float_to_half(value))));
    } else if (float_to_half(value) != bits) {
      FAIL(bits << " came back as " << float_to_half(value));
    }
  }
  CHECK(half_to_float(0x3c00) == 1.0f);
  CHECK(half_to_float(0xc000) == -2.0f);
  CHECK(half_to_float(0x0001) == std::ldexp(1.0f, -24));
  CHECK(half_to_float(0x7bff) == 65504.0f);
}

TEST_CASE("floats round to the nearest half, ties to even") {
  CHECK(float_to_half(1.0f + std::ldexp(1.0f, -11)) == 0x3c00);      // tie, down to even
  CHECK(float_to_half(1.0f + 3 * std::ldexp(1.0f, -11)) == 0x3c02);  // tie, up to even
  CHECK(float_to_half(1.0f + std::ldexp(1.1f, -11)) == 0x3c01);
  CHECK(float_to_half(65519.0f) == 0x7bff);
  CHECK(float_to_half(65520.0f) == 0x7c00);
  CHECK(float_to_half(1e10f) == 0x7c00);
  CHECK(float_to_half(std::ldexp(1.0f, -25)) == 0);  // tie, down to zero
  CHECK(float_to_half(std::ldexp(1.5f, -25)) == 1);
}

TEST_CASE("a Q8_0 block is its scale times its bytes") {
  std::byte block[kQ8_0Bytes] = {};
  const uint16_t d = float_to_half(0.5f);
  std::memcpy(block, &d, 2);
  block[2] = std::byte(3);
  block[33] = std::byte(uint8_t(-128));
  float out[32];
  info(Type::q8_0).to_float(block, out, 32);
  CHECK(out[0] == 1.5f);
  CHECK(out[1] == 0.0f);
  CHECK(out[31] == -64.0f);
}

TEST_CASE("a Q4_K block: packed scales and mins, low nibbles before high ones") {
  std::byte block[kQ4_KBytes] = {};
  const uint16_t d = float_to_half(0.25f), dmin = float_to_half(0.5f);
  std::memcpy(block, &d, 2);
  std::memcpy(block + 2, &dmin, 2);
  // scale 1 = 0b001011, min 1 = 3; scale 6 = 0b110101 (low 4 bits in byte 10, top 2 in byte 2).
  block[4 + 1] = std::byte(11);
  block[4 + 5] = std::byte(3);
  block[4 + 2] = std::byte(0b11 << 6);
  block[4 + 10] = std::byte(0b0101);
  block[16 + 7] = std::byte(0xa0);        // sub-block 1, element 7: 10
  block[16 + 3 * 32 + 4] = std::byte(9);  // sub-block 6, element 4
  float out[256];
  info(Type::q4_k).to_float(block, out, 256);
  CHECK(out[0] == 0.0f);
  CHECK(out[32 + 7] == 0.25f * 11 * 10 - 0.5f * 3);
  CHECK(out[32 + 8] == -0.5f * 3);
  CHECK(out[6 * 32 + 4] == 0.25f * 53 * 9);
}

TEST_CASE("a Q6_K block: four low bits, two high bits, minus 32") {
  std::byte block[kQ6_KBytes] = {};
  const uint16_t d = float_to_half(2.0f);
  std::memcpy(block + 208, &d, 2);
  for (size_t i = 0; i < 16; ++i) block[192 + i] = std::byte(uint8_t(int(i) - 8));
  // Element 128 + 64 + 5: second half, group 2: high nibble of byte 64 + 5, bits 4-5 of byte 32
  // + 5.
  block[64 + 5] = std::byte(0x70);
  block[128 + 32 + 5] = std::byte(0b10 << 4);
  float out[256];
  info(Type::q6_k).to_float(block, out, 256);
  CHECK(out[0] == 2.0f * -8 * -32);
  CHECK(out[197] == 2.0f * 4 * (0b100111 - 32));
  CHECK(out[255] == 2.0f * 7 * -32);
}

TEST_CASE("unknown type numbers are no type") {
  CHECK(find_type(4) == nullptr);
  CHECK(find_type(1000) == nullptr);
  CHECK(find_type(13)->to_float == nullptr);  // listed, not run
}

}  // namespace engramd::engine::quant
