// The formats' arithmetic on values that can be worked out by hand.
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "engine/quant/blocks.h"
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

namespace {

// A block of zero bytes with some set.
template <size_t kBytes>
struct Block {
  std::byte bytes[kBytes] = {};
  Block& half(size_t at, float value) {
    store_u16(bytes + at, float_to_half(value));
    return *this;
  }
  Block& byte(size_t at, unsigned value) {
    bytes[at] = std::byte(value);
    return *this;
  }
  std::vector<float> values(Type type) const {
    std::vector<float> out(info(type).block_elements);
    REQUIRE(info(type).block_bytes == kBytes);
    info(type).to_float(bytes, out.data(), out.size());
    return out;
  }
};

}  // namespace

TEST_CASE("blocks of 32 with nibbles: the low ones come first") {
  const auto q4_0 = Block<18>().half(0, 0.5f).byte(2, 0xf3).byte(17, 0x08).values(Type::q4_0);
  CHECK(q4_0[0] == 0.5f * (3 - 8));
  CHECK(q4_0[16] == 0.5f * (15 - 8));
  CHECK(q4_0[15] == 0.0f);
  CHECK(q4_0[31] == 0.5f * -8);
  const auto q4_1 = Block<20>().half(0, 0.5f).half(2, -3).byte(4, 0x21).values(Type::q4_1);
  CHECK(q4_1[0] == 0.5f * 1 - 3);
  CHECK(q4_1[16] == 0.5f * 2 - 3);
  CHECK(q4_1[1] == -3.0f);
}

TEST_CASE("blocks of 32 with a fifth bit") {
  // Bits 1 and 20 of the 32.
  const auto q5_0 = Block<22>()
                        .half(0, 2)
                        .byte(2, 0x02)
                        .byte(4, 0x10)
                        .byte(6 + 1, 0x05)
                        .byte(6 + 4, 0x70)
                        .values(Type::q5_0);
  CHECK(q5_0[1] == 2.0f * (16 + 5 - 16));
  CHECK(q5_0[20] == 2.0f * (16 + 7 - 16));
  CHECK(q5_0[0] == -32.0f);
  const auto q5_1 =
      Block<24>().half(0, 2).half(2, 1).byte(4 + 3, 0x80).byte(8 + 15, 0x90).values(Type::q5_1);
  CHECK(q5_1[31] == 2.0f * (16 + 9) + 1);
  CHECK(q5_1[0] == 1.0f);
}

TEST_CASE("nibbles that index tables") {
  const auto nl = Block<18>().half(0, 0.25f).byte(2, 0x0f).byte(3, 0x80).values(Type::iq4_nl);
  CHECK(nl[0] == 0.25f * 113);
  CHECK(nl[16] == 0.25f * -127);
  CHECK(nl[17] == 0.25f * 1);
  // 2^(128 - 127) times e2m1: 6 and -0.5.
  const auto mx = Block<17>().byte(0, 128).byte(1, 0x97).values(Type::mxfp4);
  CHECK(mx[0] == 12.0f);
  CHECK(mx[16] == -1.0f);
  CHECK(mxfp4_scale(0) == std::ldexp(1.0f, -128));
  CHECK(mxfp4_scale(1) == std::ldexp(1.0f, -127));
  CHECK(mxfp4_scale(2) == std::ldexp(1.0f, -126));
  CHECK(mxfp4_scale(255) == std::ldexp(1.0f, 127));
  // Sub-block 5: low bits 0b0110 in the high nibble of byte 2, high bits 0b10 at bit 10.
  const auto xs = Block<136>()
                      .half(0, 1)
                      .byte(3, 0b10 << 2)
                      .byte(4 + 2, 0x60)
                      .byte(8 + 5 * 16 + 3, 0x1e)
                      .values(Type::iq4_xs);
  CHECK(xs[5 * 32 + 3] == (0b100110 - 32) * 89.0f);
  CHECK(xs[5 * 32 + 19] == (0b100110 - 32) * -104.0f);
  CHECK(xs[0] == -32.0f * -127);
}

TEST_CASE("a Q2_K block: two bits, scales and mins in nibbles") {
  // Element 128 + 64 + 20: byte 32 + 20 at bits 4, sub-block 8 + 4 + 1.
  const auto x = Block<84>()
                     .half(80, 0.5f)
                     .half(82, 0.25f)
                     .byte(13, 0x5b)
                     .byte(16 + 52, 0x20)
                     .values(Type::q2_k);
  CHECK(x[212] == 0.5f * 11 * 2 - 0.25f * 5);
  CHECK(x[213] == -0.25f * 5);
  CHECK(x[0] == 0.0f);
}

TEST_CASE("a Q3_K block: a missing third bit takes four off") {
  // Sub-block 13 (elements 208 to 223): scale bits 0b1001 in the high nibble of byte 5, 0b11 in
  // byte 8 + 1 at bits 6. Element 212 is bit 6 of byte 20, two bits at 4 of byte 32 + 20.
  const auto x = Block<110>()
                     .half(108, 0.5f)
                     .byte(96 + 5, 0x90)
                     .byte(96 + 9, 0xc0)
                     .byte(20, 0x40)
                     .byte(32 + 52, 0x10)
                     .values(Type::q3_k);
  CHECK(x[212] == 0.5f * (57 - 32) * 1);
  CHECK(x[213] == 0.5f * (57 - 32) * -4);
  CHECK(x[0] == 0.5f * -32 * -4);
}

TEST_CASE("a Q5_K block: the fifth bit of sub-block s is bit s") {
  const auto x = Block<176>()
                     .half(0, 0.5f)
                     .half(2, 0.25f)
                     .byte(4 + 3, 9)
                     .byte(4 + 7, 7)
                     .byte(16 + 6, 1 << 3)
                     .byte(48 + 32 + 6, 0x40)
                     .values(Type::q5_k);
  CHECK(x[3 * 32 + 6] == 0.5f * 9 * (16 + 4) - 0.25f * 7);
  CHECK(x[3 * 32 + 7] == -0.25f * 7);
}

TEST_CASE("unknown type numbers are no type") {
  CHECK(find_type(4) == nullptr);
  CHECK(find_type(1000) == nullptr);
  CHECK(find_type(16)->to_float == nullptr);  // IQ2_XXS: listed, not run
  CHECK(find_type("iq4_xs")->id == 23);
  CHECK(find_type("Q9_9") == nullptr);
  CHECK(
      runnable_type_names() ==
      "F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, BF16, "
      "MXFP4");
}

}  // namespace engramd::engine::quant
