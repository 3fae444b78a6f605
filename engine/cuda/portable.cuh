// engine/cuda/portable.cuh - the few things that a kernel body says differently on a card.
//
// A body is compiled twice: by nvcc for the card and by the host's compiler as its twin. Only this
// file tells them apart, and each function here is exact, so both give the same bits.
#pragma once

#include <math.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#include <cuda_fp16.h>
#define ENGRAMD_BODY __host__ __device__ inline
#else
#define ENGRAMD_BODY inline
#endif

namespace engramd::engine::cuda {

// a + the four products of the signed bytes of x and y
ENGRAMD_BODY int32_t dot4(uint32_t x, uint32_t y, int32_t a) {
#ifdef __CUDA_ARCH__
  return __dp4a(int32_t(x), int32_t(y), a);
#else
  for (int shift = 0; shift < 32; shift += 8)
    a += int32_t(int8_t(uint8_t(x >> shift))) * int32_t(int8_t(uint8_t(y >> shift)));
  return a;
#endif
}

// A half float is a float exactly.
ENGRAMD_BODY float half_to_float(uint16_t h) {
#ifdef __CUDA_ARCH__
  return __half2float(__ushort_as_half(h));
#else
  const uint32_t sign = uint32_t(h & 0x8000) << 16, magnitude = h & 0x7fff;
  uint32_t bits = sign;
  if (magnitude >= 0x7c00)
    bits |= 0x7f800000 | (magnitude & 0x3ff) << 13;
  else if (magnitude >= 0x0400)
    bits |= (magnitude << 13) + (uint32_t(112) << 23);
  else
    return sign != 0 ? float(magnitude) * -0x1p-24f : float(magnitude) * 0x1p-24f;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
#endif
}

// To the nearest integer, ties to even.
ENGRAMD_BODY float round_even(float x) {
#ifdef __CUDA_ARCH__
  return rintf(x);
#else
  return nearbyintf(x);
#endif
}

// p is a multiple of 2.
ENGRAMD_BODY uint16_t load_half(const std::byte* p) {
#ifdef __CUDA_ARCH__
  return *reinterpret_cast<const uint16_t*>(p);
#else
  uint16_t value;
  memcpy(&value, p, sizeof value);
  return value;
#endif
}

// p is a multiple of 4. Little-endian, as every machine that runs this.
ENGRAMD_BODY uint32_t load_word(const void* p) {
#ifdef __CUDA_ARCH__
  return *static_cast<const uint32_t*>(p);
#else
  uint32_t value;
  memcpy(&value, p, sizeof value);
  return value;
#endif
}

// p is a multiple of 2.
ENGRAMD_BODY uint32_t load_word_of_halves(const std::byte* p) {
  return uint32_t(load_half(p)) | uint32_t(load_half(p + 2)) << 16;
}

}  // namespace engramd::engine::cuda
