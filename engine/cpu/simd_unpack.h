// engine/cpu/simd_unpack.h - weight blocks in AVX2 registers: one struct per integer type.
//
// For the files of the instruction sets only: everything is in an anonymous namespace, so that each
// of them has its own copy, compiled with its flags. The layouts are drawn in
// engine/quant/blocks.h.
//
// A type with blocks of 32 has
//   values(block)     32 bytes in the order of the elements: unsigned, or signed when kWide
//   d(blocks)         the scales of eight rows' blocks; m(blocks) when kMin: the offsets added
// and one with super-blocks of 256
//   group(block, j)   elements 32 j to 32 j + 31, as above
//   scales(block)     int16 for each 16 elements; mins(block) when kMin
//   byte_scales(block) when kByteScales: the same as bytes, one for each kSub elements, in both
//                     lanes; and mins_32(block) when a min is for 32: eight int16
//   d(blocks), dmin(blocks)
// The element's integer is the byte less kOffset. kLargest bounds the bytes (kWide: 128).
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace engramd::engine::cpu {
namespace {

inline __m256i load256(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
inline __m128i load128(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
inline uint32_t load_u32(const void* p) {
  uint32_t value;
  __builtin_memcpy(&value, p, 4);
  return value;
}
inline uint16_t load_u16(const void* p) {
  uint16_t value;
  __builtin_memcpy(&value, p, 2);
  return value;
}

// Four 16-bit numbers put together in an integer register: those ports are idle here, the vector
// ones are not.
inline uint64_t words4(const std::byte* const* blocks, size_t offset) {
  return uint64_t(load_u16(blocks[0] + offset)) | uint64_t(load_u16(blocks[1] + offset)) << 16 |
         uint64_t(load_u16(blocks[2] + offset)) << 32 |
         uint64_t(load_u16(blocks[3] + offset)) << 48;
}

// The half floats at `offset` of eight blocks.
inline __m256 halves(const std::byte* const* blocks, size_t offset) {
  return _mm256_cvtph_ps(
      _mm_set_epi64x(int64_t(words4(blocks + 4, offset)), int64_t(words4(blocks, offset))));
}

// 16 bytes of nibbles as 32 bytes: the low ones, then the high ones.
inline __m256i nibbles16(const std::byte* p) {
  const __m256i twice = _mm256_broadcastsi128_si256(load128(p));
  return _mm256_and_si256(_mm256_srlv_epi32(twice, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4)),
                          _mm256_set1_epi8(15));
}

// Bit i of `bits` as byte i: 0 or 16.
inline __m256i fifth_bits(uint32_t bits) {
  const __m256i spread = _mm256_shuffle_epi8(
      _mm256_set1_epi32(int(bits)),
      _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
  const __m256i bit = _mm256_set1_epi64x(int64_t(0x8040201008040201));
  return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit),
                          _mm256_set1_epi8(16));
}

inline __m256i iq4_values() {
  return _mm256_broadcastsi128_si256(
      _mm_setr_epi8(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113));
}

struct TypeQ4_0 {
  static constexpr size_t kBlock = 32, kBytes = 18;
  static constexpr int kOffset = 8, kLargest = 15;
  static constexpr bool kMin = false, kWide = false;
  static __m256i values(const std::byte* b) { return nibbles16(b + 2); }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 0); }
};

struct TypeQ4_1 {
  static constexpr size_t kBlock = 32, kBytes = 20;
  static constexpr int kOffset = 0, kLargest = 15;
  static constexpr bool kMin = true, kWide = false;
  static __m256i values(const std::byte* b) { return nibbles16(b + 4); }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 0); }
  static __m256 m(const std::byte* const* blocks) { return halves(blocks, 2); }
};

struct TypeQ5_0 {
  static constexpr size_t kBlock = 32, kBytes = 22;
  static constexpr int kOffset = 16, kLargest = 31;
  static constexpr bool kMin = false, kWide = false;
  static __m256i values(const std::byte* b) {
    return _mm256_or_si256(nibbles16(b + 6), fifth_bits(load_u32(b + 2)));
  }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 0); }
};

struct TypeQ5_1 {
  static constexpr size_t kBlock = 32, kBytes = 24;
  static constexpr int kOffset = 0, kLargest = 31;
  static constexpr bool kMin = true, kWide = false;
  static __m256i values(const std::byte* b) {
    return _mm256_or_si256(nibbles16(b + 8), fifth_bits(load_u32(b + 4)));
  }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 0); }
  static __m256 m(const std::byte* const* blocks) { return halves(blocks, 2); }
};

struct TypeQ8_0 {
  static constexpr size_t kBlock = 32, kBytes = 34;
  static constexpr int kOffset = 0, kLargest = 128;
  static constexpr bool kMin = false, kWide = true;
  static __m256i values(const std::byte* b) { return load256(b + 2); }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 0); }
};

struct TypeIq4Nl {
  static constexpr size_t kBlock = 32, kBytes = 18;
  static constexpr int kOffset = 0, kLargest = 128;
  static constexpr bool kMin = false, kWide = true;
  static __m256i values(const std::byte* b) {
    return _mm256_shuffle_epi8(iq4_values(), nibbles16(b + 2));
  }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 0); }
};

// Offset by 16, a power of two, although the values reach -12 only.
struct TypeMxfp4 {
  static constexpr size_t kBlock = 32, kBytes = 17;
  static constexpr int kOffset = 16, kLargest = 28;
  static constexpr bool kMin = false, kWide = false;
  static __m256i values(const std::byte* b) {
    const __m256i table = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4));
    return _mm256_shuffle_epi8(table, nibbles16(b + 1));
  }
  // 2^(e - 128); the two smallest are subnormal.
  static __m256 d(const std::byte* const* blocks) {
    const __m256i e = _mm256_setr_epi32(int(blocks[0][0]), int(blocks[1][0]), int(blocks[2][0]),
                                        int(blocks[3][0]), int(blocks[4][0]), int(blocks[5][0]),
                                        int(blocks[6][0]), int(blocks[7][0]));
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
    const __m256i small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e);
    return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, subnormal, small));
  }
};

struct TypeQ2_K {
  static constexpr size_t kBlock = 256, kBytes = 84, kSub = 16;
  static constexpr int kOffset = 0, kLargest = 3;
  static constexpr bool kMin = true, kWide = false, kByteScales = false;
  static __m256i group(const std::byte* b, int j) {
    return _mm256_and_si256(_mm256_srli_epi16(load256(b + 16 + 32 * (j / 4)), 2 * (j % 4)),
                            _mm256_set1_epi8(3));
  }
  static __m256i scales(const std::byte* b) {
    return _mm256_cvtepu8_epi16(_mm_and_si128(load128(b), _mm_set1_epi8(15)));
  }
  static __m256i mins(const std::byte* b) {
    return _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(load128(b), 4), _mm_set1_epi8(15)));
  }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 80); }
  static __m256 dmin(const std::byte* const* blocks) { return halves(blocks, 82); }
};

struct TypeQ3_K {
  static constexpr size_t kBlock = 256, kBytes = 110, kSub = 16;
  static constexpr int kOffset = 4, kLargest = 7;
  static constexpr bool kMin = false, kWide = false, kByteScales = false;
  static __m256i group(const std::byte* b, int j) {
    const __m256i low = _mm256_and_si256(
        _mm256_srli_epi16(load256(b + 32 + 32 * (j / 4)), 2 * (j % 4)), _mm256_set1_epi8(3));
    const __m256i bit = _mm256_and_si256(_mm256_srli_epi16(load256(b), j), _mm256_set1_epi8(1));
    return _mm256_or_si256(low, _mm256_slli_epi16(bit, 2));
  }
  static __m256i scales(const std::byte* b) {
    const uint32_t w0 = load_u32(b + 96), w1 = load_u32(b + 100), w2 = load_u32(b + 104);
    constexpr uint32_t kLow = 0x0f0f0f0f, kHigh = 0x30303030;
    const __m128i bytes = _mm_setr_epi32(
        int((w0 & kLow) | ((w2 << 4) & kHigh)), int((w1 & kLow) | ((w2 << 2) & kHigh)),
        int(((w0 >> 4) & kLow) | (w2 & kHigh)), int(((w1 >> 4) & kLow) | ((w2 >> 2) & kHigh)));
    return _mm256_cvtepi8_epi16(_mm_sub_epi8(bytes, _mm_set1_epi8(32)));
  }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 108); }
};

// Eight 6-bit scales, or eight mins, as bytes from the 12 of Q4_K and Q5_K.
inline uint64_t k_scales(const std::byte* packed) {
  const uint32_t p0 = load_u32(packed), p2 = load_u32(packed + 8);
  return uint64_t(p0 & 0x3f3f3f3f) | uint64_t((p2 & 0x0f0f0f0f) | ((p0 >> 2) & 0x30303030)) << 32;
}
inline uint64_t k_mins(const std::byte* packed) {
  const uint32_t p1 = load_u32(packed + 4), p2 = load_u32(packed + 8);
  return uint64_t(p1 & 0x3f3f3f3f) | uint64_t(((p2 >> 4) & 0x0f0f0f0f) | ((p1 >> 2) & 0x30303030))
                                         << 32;
}
// Byte i as int16 at 2 i and 2 i + 1.
inline __m256i doubled(uint64_t eight) {
  const __m128i bytes = _mm_cvtsi64_si128(int64_t(eight));
  return _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(bytes, bytes));
}

struct TypeQ4_K {
  static constexpr size_t kBlock = 256, kBytes = 144, kSub = 32;
  static constexpr int kOffset = 0, kLargest = 15;
  static constexpr bool kMin = true, kWide = false, kByteScales = true;
  static __m256i group(const std::byte* b, int j) {
    return _mm256_and_si256(_mm256_srli_epi16(load256(b + 16 + 32 * (j / 2)), 4 * (j % 2)),
                            _mm256_set1_epi8(15));
  }
  static __m256i scales(const std::byte* b) { return doubled(k_scales(b + 4)); }
  static __m256i byte_scales(const std::byte* b) {
    return _mm256_set1_epi64x(int64_t(k_scales(b + 4)));
  }
  static __m256i mins(const std::byte* b) { return doubled(k_mins(b + 4)); }
  static __m128i mins_32(const std::byte* b) {
    return _mm_cvtepu8_epi16(_mm_cvtsi64_si128(int64_t(k_mins(b + 4))));
  }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 0); }
  static __m256 dmin(const std::byte* const* blocks) { return halves(blocks, 2); }
};

struct TypeQ5_K {
  static constexpr size_t kBlock = 256, kBytes = 176, kSub = 32;
  static constexpr int kOffset = 0, kLargest = 31;
  static constexpr bool kMin = true, kWide = false, kByteScales = true;
  static __m256i group(const std::byte* b, int j) {
    const __m256i low = _mm256_and_si256(
        _mm256_srli_epi16(load256(b + 48 + 32 * (j / 2)), 4 * (j % 2)), _mm256_set1_epi8(15));
    const __m256i bit =
        _mm256_and_si256(_mm256_srli_epi16(load256(b + 16), j), _mm256_set1_epi8(1));
    return _mm256_or_si256(low, _mm256_slli_epi16(bit, 4));
  }
  static __m256i scales(const std::byte* b) { return TypeQ4_K::scales(b); }
  static __m256i byte_scales(const std::byte* b) { return TypeQ4_K::byte_scales(b); }
  static __m256i mins(const std::byte* b) { return TypeQ4_K::mins(b); }
  static __m128i mins_32(const std::byte* b) { return TypeQ4_K::mins_32(b); }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 0); }
  static __m256 dmin(const std::byte* const* blocks) { return halves(blocks, 2); }
};

struct TypeQ6_K {
  static constexpr size_t kBlock = 256, kBytes = 210, kSub = 16;
  static constexpr int kOffset = 32, kLargest = 63;
  static constexpr bool kMin = false, kWide = false, kByteScales = false;
  static __m256i group(const std::byte* b, int j) {
    const int half = j / 4, g = j % 4;
    const __m256i low =
        _mm256_and_si256(_mm256_srli_epi16(load256(b + 64 * half + 32 * (g % 2)), 4 * (g / 2)),
                         _mm256_set1_epi8(15));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(load256(b + 128 + 32 * half), 2 * g),
                                          _mm256_set1_epi8(3));
    return _mm256_or_si256(low, _mm256_slli_epi16(high, 4));
  }
  static __m256i scales(const std::byte* b) { return _mm256_cvtepi8_epi16(load128(b + 192)); }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 208); }
};

struct TypeIq4Xs {
  static constexpr size_t kBlock = 256, kBytes = 136, kSub = 32;
  static constexpr int kOffset = 0, kLargest = 128;
  static constexpr bool kMin = false, kWide = true, kByteScales = false;
  static __m256i group(const std::byte* b, int j) {
    return _mm256_shuffle_epi8(iq4_values(), nibbles16(b + 8 + 16 * j));
  }
  static __m256i scales(const std::byte* b) {
    // Low bits: eight nibbles to eight bytes. High bits: two of 16 for each byte.
    const uint32_t low = load_u32(b + 4), high = load_u16(b + 2);
    const __m128i nibble_bytes = _mm_unpacklo_epi8(_mm_cvtsi32_si128(int(low & 0x0f0f0f0f)),
                                                   _mm_cvtsi32_si128(int((low >> 4) & 0x0f0f0f0f)));
    const __m128i pairs = _mm_mullo_epi16(
        _mm_set1_epi16(short(high)),
        _mm_setr_epi16(short(1 << 14), 1 << 12, 1 << 10, 1 << 8, 1 << 6, 1 << 4, 1 << 2, 1));
    const __m128i top = _mm_and_si128(_mm_srli_epi16(pairs, 10), _mm_set1_epi16(0x30));
    const __m128i words =
        _mm_sub_epi16(_mm_or_si128(_mm_cvtepu8_epi16(nibble_bytes), top), _mm_set1_epi16(32));
    return _mm256_set_m128i(_mm_unpackhi_epi16(words, words), _mm_unpacklo_epi16(words, words));
  }
  static __m256 d(const std::byte* const* blocks) { return halves(blocks, 0); }
};

}  // namespace
}  // namespace engramd::engine::cpu
