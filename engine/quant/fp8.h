// engine/quant/fp8.h - the eight-bit floats of checkpoints and caches: e4m3 values, ue8m0 scales.
//
//   e4m3   | sign | 4 exponent bits, bias 7 | 3 mantissa bits |   largest 448, no infinity; 0x7f,
//   0xff
//          are not-a-number (the "fn" form of OCP 8-bit floats 1.0, and of DeepSeek's checkpoints)
//   ue8m0  | 8 exponent bits |   2^(e - 127); 255 is not-a-number (OCP microscaling 1.0)
//
// Encoders round to nearest even and keep to the largest finite value. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engramd::engine::quant {

float e4m3_to_float(uint8_t bits);
uint8_t float_to_e4m3(float value);

float ue8m0_to_float(uint8_t bits);
// The smallest power of two that is not below the value; 2^-127 at least, 2^127 at most.
uint8_t float_to_ue8m0_up(float value);

// What a cache of e4m3 with a power-of-two scale per `block` elements keeps of x, in place: the
// scale is 2^ceil(log2(max(amax, floor) / 448)). n is a multiple of block. DeepSeek-V4 is trained
// with this rounding of its keys: block 64, floor 1e-4.
void round_trip_e4m3(float* x, size_t n, size_t block, float floor = 1e-4f);

// Weights of e4m3 in tiles of tile x tile elements with one ue8m0 scale each, as in safetensors:
// out[r][c] = weights[r][c] * scales[r / tile][c / tile]; scales has ceil(columns / tile) a row.
void tiles_e4m3_to_float(const uint8_t* weights, const uint8_t* scales, size_t rows, size_t columns,
                         size_t tile, float* out);
// The same with scales that are floats (DeepSeek-V3's weight_scale_inv, which despite its name
// multiplies).
void tiles_e4m3_to_float(const uint8_t* weights, const float* scales, size_t rows, size_t columns,
                         size_t tile, float* out);

}  // namespace engramd::engine::quant
