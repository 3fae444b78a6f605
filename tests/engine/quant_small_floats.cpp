// Eight- and four-bit floats over all their codes, and the roundings that caches are trained with.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "engine/quant/fp4.h"
#include "engine/quant/fp8.h"
#include "engine/quant/types.h"

namespace engramd::engine::quant {
namespace {

// The e4m3 code nearest to a value by search over all finite codes; ties to the even one.
uint8_t nearest_e4m3(double value) {
  uint8_t best = 0;
  for (int bits = 0; bits < 127; ++bits) {
    const double distance = std::fabs(std::fabs(value) - double(e4m3_to_float(uint8_t(bits))));
    const double so_far = std::fabs(std::fabs(value) - double(e4m3_to_float(best)));
    if (distance < so_far || (distance == so_far && bits % 2 == 0)) best = uint8_t(bits);
  }
  return uint8_t(best | (std::signbit(value) ? 0x80 : 0));
}

}  // namespace

TEST_CASE("e4m3: every code, and back") {
  CHECK(e4m3_to_float(0x00) == 0.0f);
  CHECK(e4m3_to_float(0x01) == std::ldexp(1.0f, -9));
  CHECK(e4m3_to_float(0x07) == std::ldexp(7.0f, -9));
  CHECK(e4m3_to_float(0x08) == std::ldexp(1.0f, -6));
  CHECK(e4m3_to_float(0x38) == 1.0f);
  CHECK(e4m3_to_float(0xb9) == -1.125f);
  CHECK(e4m3_to_float(0x7e) == 448.0f);
  CHECK(std::isnan(e4m3_to_float(0x7f)));
  CHECK(std::isnan(e4m3_to_float(0xff)));
  for (int bits = 0; bits < 256; ++bits) {
    const float value = e4m3_to_float(uint8_t(bits));
    if (!std::isnan(value)) CHECK(int(float_to_e4m3(value)) == bits);
  }
  CHECK(std::signbit(e4m3_to_float(0x80)));
}

TEST_CASE("e4m3 rounds to the nearest, ties to even, and keeps to 448") {
  for (int bits = 0; bits < 126; ++bits) {
    const float a = e4m3_to_float(uint8_t(bits)), b = e4m3_to_float(uint8_t(bits + 1));
    const float middle = (a + b) / 2;
    CHECK(int(float_to_e4m3(middle)) == (bits % 2 == 0 ? bits : bits + 1));
    CHECK(int(float_to_e4m3(std::nextafter(middle, 0.0f))) == bits);
    CHECK(int(float_to_e4m3(std::nextafter(middle, 500.0f))) == bits + 1);
  }
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 30);
  for (int i = 0; i < 20000; ++i) {
    const float value = i % 2 == 0 ? normal(random) : normal(random) * 1e-4f;
    if (float_to_e4m3(value) != nearest_e4m3(double(value))) FAIL(value);
  }
  CHECK(int(float_to_e4m3(1e10f)) == 0x7e);
  CHECK(int(float_to_e4m3(-INFINITY)) == 0xfe);
  CHECK(int(float_to_e4m3(NAN) & 0x7f) == 0x7f);
  CHECK(int(float_to_e4m3(std::ldexp(1.0f, -10))) == 0);  // a tie between 0 and the smallest
  CHECK(int(float_to_e4m3(1e-30f)) == 0);
}

TEST_CASE("ue8m0 scales are powers of two, rounded up") {
  CHECK(ue8m0_to_float(0) == std::ldexp(1.0f, -127));
  CHECK(ue8m0_to_float(127) == 1.0f);
  CHECK(ue8m0_to_float(254) == std::ldexp(1.0f, 127));
  CHECK(std::isnan(ue8m0_to_float(255)));
  for (int bits = 0; bits < 255; ++bits) {
    const float value = ue8m0_to_float(uint8_t(bits));
    CHECK(int(float_to_ue8m0_up(value)) == bits);
    if (bits < 254 && bits > 0)
      CHECK(int(float_to_ue8m0_up(std::nextafter(value, INFINITY))) == bits + 1);
  }
  CHECK(int(float_to_ue8m0_up(0)) == 0);
  CHECK(int(float_to_ue8m0_up(INFINITY)) == 254);
  CHECK(int(float_to_ue8m0_up(NAN)) == 255);
}

TEST_CASE("e2m1: every code, its neighbours and the ties between them") {
  const float values[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  for (int bits = 0; bits < 8; ++bits) {
    CHECK(e2m1_to_float(uint8_t(bits)) == values[bits]);
    CHECK(e2m1_to_float(uint8_t(bits + 8)) == -values[bits]);
    CHECK(int(float_to_e2m1(values[bits])) == bits);
    CHECK(int(float_to_e2m1(-values[bits])) == bits + 8);
    if (bits == 7) continue;
    const float middle = (values[bits] + values[bits + 1]) / 2;
    CHECK(int(float_to_e2m1(middle)) == (bits % 2 == 0 ? bits : bits + 1));
    CHECK(int(float_to_e2m1(std::nextafter(middle, 0.0f))) == bits);
    CHECK(int(float_to_e2m1(std::nextafter(middle, 9.0f))) == bits + 1);
  }
  CHECK(int(float_to_e2m1(1e30f)) == 7);
  CHECK(int(float_to_e2m1(-1e30f)) == 15);
}

TEST_CASE("packed checkpoint weights: the first value is the low half, a scale for 32") {
  uint8_t packed[32] = {0x21};
  packed[16] = 0xf7;
  const uint8_t scales[2] = {127, 129};
  float out[64];
  packed_e2m1_to_float(packed, scales, 64, out);
  CHECK(out[0] == 0.5f);
  CHECK(out[1] == 1.0f);
  CHECK(out[2] == 0.0f);
  CHECK(out[32] == 24.0f);
  CHECK(out[33] == -24.0f);
}

TEST_CASE("tiles of e4m3 weights take the scale of their tile, also at ragged edges") {
  const size_t rows = 5, columns = 7, tile = 4;
  std::vector<uint8_t> weights(rows * columns, 0x38);  // 1
  const uint8_t scales[] = {127, 128, 129, 130};
  std::vector<float> out(rows * columns);
  tiles_e4m3_to_float(weights.data(), scales, rows, columns, tile, out.data());
  CHECK(out[0] == 1.0f);
  CHECK(out[3 * columns + 3] == 1.0f);
  CHECK(out[3 * columns + 4] == 2.0f);
  CHECK(out[4 * columns + 0] == 4.0f);
  CHECK(out[4 * columns + 6] == 8.0f);
}

TEST_CASE("the e4m3 round trip of cached keys") {
  std::vector<float> x(128);
  for (size_t i = 0; i < 64; ++i) x[i] = float(i) * 10 - 300;  // largest 330: scale 1
  for (size_t i = 64; i < 128; ++i) x[i] = i == 64 ? 500.0f : 1.0f + float(i) / 64;  // scale 2
  auto y = x;
  round_trip_e4m3(y.data(), y.size(), 64);
  for (size_t i = 0; i < 64; ++i) CHECK(y[i] == e4m3_to_float(float_to_e4m3(x[i])));
  CHECK(y[64] == 512.0f);
  for (size_t i = 65; i < 128; ++i) CHECK(y[i] == 2 * e4m3_to_float(float_to_e4m3(x[i] / 2)));
  auto again = y;
  round_trip_e4m3(again.data(), again.size(), 64);
  // Twice is not always once: 500 became 512, whose scale is the next power of two.
  CHECK(again[1] == y[1]);
  std::vector<float> tiny(64, 1e-10f);  // below the floor of the scale
  round_trip_e4m3(tiny.data(), 64, 64);
  CHECK(tiny[0] == 0.0f);
}

TEST_CASE("the e2m1 round trips of index keys and compressed rows") {
  std::vector<float> x(32, 0.0f);
  x[0] = 7;  // 7 / 6 rounds up to a scale of 2
  x[1] = 1;
  x[2] = -2.6f;
  auto y = x;
  round_trip_e2m1(y.data(), 32);
  CHECK(y[0] == 8.0f);  // 3.5 is a tie between 3 and 4, which is even
  CHECK(y[1] == 1.0f);
  CHECK(y[2] == -3.0f);
  std::vector<float> z(16, 0.0f);
  z[0] = 6.6f;  // scale 1.1 becomes 1.125 in e4m3
  z[1] = 2.2f;
  round_trip_e2m1_e4m3(z.data(), 16);
  CHECK(z[0] == 6 * 1.125f);
  CHECK(z[1] == 2 * 1.125f);
  std::vector<float> zeros(32, 0.0f);
  round_trip_e2m1(zeros.data(), 32);
  round_trip_e2m1_e4m3(zeros.data(), 32);
  for (const float value : zeros) CHECK(value == 0.0f);
}

}  // namespace engramd::engine::quant
