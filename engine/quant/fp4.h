// engine/quant/fp4.h - four-bit floats: e2m1 values 0, 0.5, 1, 1.5, 2, 3, 4, 6 with a sign bit
// above.
//
// The encoder rounds to nearest even and keeps to 6. Two values share a byte in checkpoints, the
// first in the low half; each 32 of them have a ue8m0 scale. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engramd::engine::quant {

float e2m1_to_float(uint8_t bits);  // the low four bits
uint8_t float_to_e2m1(float value);

// Packed weights of a checkpoint: n values in n / 2 bytes, one scale for 32; n a multiple of 32.
void packed_e2m1_to_float(const uint8_t* packed, const uint8_t* scales, size_t n, float* out);

// What DeepSeek-V4's lightning indexer keeps of a row, in place: e2m1 in blocks of `block` with the
// scale 2^ceil(log2(max(amax, floor) / 6)); n is a multiple of block.
void round_trip_e2m1(float* x, size_t n, size_t block = 32, float floor = 7.05e-38f);
// What V4.1's compressed rows keep: the scale is an e4m3 value, max(amax, 6 * 2^-9) / 6 rounded to
// nearest even.
void round_trip_e2m1_e4m3(float* x, size_t n, size_t block = 16);

}  // namespace engramd::engine::quant
