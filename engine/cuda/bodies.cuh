// engine/cuda/bodies.cuh - the operators as bodies of kernels, for the card and for their twins.
//
// A body is the work of a group of kWidth threads that make one result together:
//   partial(args, group, lane)          what this thread has of it; reads only
//   join(a, b)                          how two parts become one; join(b, a) is the same bits
//   finish(args, group, lane, joined)   every thread is handed the whole; writes
// How the parts are joined (a butterfly: partners 16, 8, 4, 2, 1 lanes away, then the warps of a
// wide group likewise) is fixed, so that a result does not depend on the card or on what else runs.
// run_body in operators.cu is the card's loop over groups, run_twin in twin.h the host's.
//
// Weights are blocks as drawn in engine/quant/blocks.h, activations as in engine/cpu/kernels.h:
// the CPU's and the card's rounded rows are the same bytes.
#pragma once

#include "engine/cuda/portable.cuh"
#include "engine/device/operator_args.h"

namespace engramd::engine::cuda {

using device::MatmulArgs;
using device::QuantiseArgs;
using device::RmsNormArgs;

// cpu::BlockQ8_32 and cpu::BlockQ8_256; twin_rows.cpp compares them.
struct RoundedBlock32 {
  float d;
  int32_t sum;
  int8_t q[32];
};
struct RoundedBlock256 {
  int8_t q[256];
  int16_t sums[16];
  int16_t sums_32[8];
  float d;
  float unused[3];
};

// ---- rounding of activations

ENGRAMD_BODY float largest_magnitude(const float* x, size_t n) {
  float largest = 0;
  for (size_t i = 0; i < n; ++i) {
    const float magnitude = fabsf(x[i]);
    largest = largest < magnitude ? magnitude : largest;
  }
  return largest;
}

ENGRAMD_BODY float inverse_step(float largest) {
  return largest > 1e-30f ? 127.0f / largest : 0.0f;
}

// Not-a-number becomes -127, as on the CPU.
ENGRAMD_BODY int8_t rounded(float x, float inverse) {
  const float r = round_even(x * inverse);
  return int8_t(r > -127.0f ? (r < 127.0f ? r : 127.0f) : -127.0f);
}

// One thread for a block: a row of activations has 64 to 500 of them, and is read from the cache.
struct QuantiseQ8_32 {
  using Args = QuantiseArgs;
  static constexpr unsigned kWidth = 1;
  static size_t n_groups(const Args& a) { return a.n_rows * (a.n / 32); }

  ENGRAMD_BODY static const float* input(const Args& a, size_t group) { return a.x + group * 32; }
  ENGRAMD_BODY static float partial(const Args& a, size_t group, unsigned) {
    return largest_magnitude(input(a, group), 32);
  }
  ENGRAMD_BODY static float join(float a, float b) { return a < b ? b : a; }
  ENGRAMD_BODY static void finish(const Args& a, size_t group, unsigned, float largest) {
    const size_t per_row = a.n / 32;
    auto& out =
        reinterpret_cast<RoundedBlock32*>(a.out + group / per_row * a.row_bytes)[group % per_row];
    const float* x = input(a, group);
    const float inverse = inverse_step(largest);
    int32_t sum = 0;
    for (unsigned i = 0; i < 32; ++i) {
      out.q[i] = rounded(x[i], inverse);
      sum += out.q[i];
    }
    out.d = largest / 127.0f;
    out.sum = sum;
  }
};

// Eight threads for a block, 32 elements each.
struct QuantiseQ8_256 {
  using Args = QuantiseArgs;
  static constexpr unsigned kWidth = 8;
  static size_t n_groups(const Args& a) { return a.n_rows * (a.n / 256); }

  ENGRAMD_BODY static const float* input(const Args& a, size_t group, unsigned lane) {
    return a.x + group * 256 + lane * 32;
  }
  ENGRAMD_BODY static float partial(const Args& a, size_t group, unsigned lane) {
    return largest_magnitude(input(a, group, lane), 32);
  }
  ENGRAMD_BODY static float join(float a, float b) { return a < b ? b : a; }
  ENGRAMD_BODY static void finish(const Args& a, size_t group, unsigned lane, float largest) {
    const size_t per_row = a.n / 256;
    auto& out =
        reinterpret_cast<RoundedBlock256*>(a.out + group / per_row * a.row_bytes)[group % per_row];
    const float* x = input(a, group, lane);
    const float inverse = inverse_step(largest);
    int32_t sums[2] = {0, 0};
    for (unsigned i = 0; i < 32; ++i) {
      const int8_t q = rounded(x[i], inverse);
      out.q[lane * 32 + i] = q;
      sums[i / 16] += q;
    }
    out.sums[2 * lane] = int16_t(sums[0]);
    out.sums[2 * lane + 1] = int16_t(sums[1]);
    out.sums_32[lane] = int16_t(sums[0] + sums[1]);
    if (lane == 0) {
      out.d = largest / 127.0f;
      out.unused[0] = out.unused[1] = out.unused[2] = 0;
    }
  }
};

// ---- matrix times vector: a warp for a row and a column

struct MatvecBody {
  using Args = MatmulArgs;
  static constexpr unsigned kWidth = 32;
  static size_t n_groups(const Args& a) { return a.rows * a.n_columns; }

  ENGRAMD_BODY static const std::byte* weights(const Args& a, size_t group) {
    return a.weights + group % a.rows * a.row_bytes;
  }
  template <class Block>
  ENGRAMD_BODY static const Block* activations(const Args& a, size_t group) {
    return reinterpret_cast<const Block*>(a.activations + group / a.rows * a.activation_bytes);
  }
  ENGRAMD_BODY static float join(float a, float b) { return a + b; }
  ENGRAMD_BODY static void finish(const Args& a, size_t group, unsigned lane, float sum) {
    if (lane == 0) a.out[group] = sum;  // [column, row], as groups are counted
  }
};

// | d: half | 32 x int8 |, so words are aligned to 2. Four threads for a block, eight blocks at a
// time: 272 bytes side by side.
struct MatvecQ8_0 : MatvecBody {
  ENGRAMD_BODY static float partial(const Args& a, size_t group, unsigned lane) {
    constexpr size_t kBlockBytes = 34;
    const std::byte* row = weights(a, group);
    const auto* x = activations<RoundedBlock32>(a, group);
    const unsigned part = lane % 4 * 8;
    float sum = 0;
    for (size_t b = lane / 4; b < a.n / 32; b += 8) {
      const std::byte* block = row + b * kBlockBytes;
      const std::byte* w = block + 2 + part;
      const int8_t* q = x[b].q + part;
      int32_t products = dot4(load_word_of_halves(w), load_word(q), 0);
      products = dot4(load_word_of_halves(w + 4), load_word(q + 4), products);
      sum += half_to_float(load_half(block)) * x[b].d * float(products);
    }
    return sum;
  }
};

// | d | dmin | 12 bytes: 8 scales, 8 mins of 6 bits | 128 bytes of nibbles |. Sixteen threads for a
// block, two blocks at a time. Thread 4 j + p has bytes 8 p .. 8 p + 7 of nibble row j: elements of
// sub-block 2 j (low) and 2 j + 1 (high). The mins of those two are counted by p = 0 and 1.
struct MatvecQ4_K : MatvecBody {
  // The 6 bits of sub-block s, of scales (at 0) or of mins (at 4): those of the last four have
  // their low nibbles in the last four bytes and their high bits above those of the first four.
  ENGRAMD_BODY static int32_t six_bits(const uint32_t (&packed)[3], unsigned s, bool is_min) {
    const unsigned shift = s % 4 * 8;
    const uint32_t own = packed[is_min ? 1 : 0] >> shift & 0xff;
    if (s < 4) return int32_t(own & 63);
    const uint32_t low = packed[2] >> shift & 0xff;
    return int32_t((is_min ? low >> 4 : low & 15) | own >> 6 << 4);
  }

  ENGRAMD_BODY static float partial(const Args& a, size_t group, unsigned lane) {
    constexpr size_t kBlockBytes = 144;
    const std::byte* row = weights(a, group);
    const auto* x = activations<RoundedBlock256>(a, group);
    const unsigned j = lane % 16 / 4, p = lane % 4;
    float sum = 0;
    for (size_t b = lane / 16; b < a.n / 256; b += 2) {
      const std::byte* block = row + b * kBlockBytes;
      const uint32_t packed[3] = {load_word(block + 4), load_word(block + 8),
                                  load_word(block + 12)};
      const std::byte* nibbles = block + 16 + 32 * j + 8 * p;
      const int8_t* q = x[b].q + 64 * j + 8 * p;
      int32_t low = 0, high = 0;
      for (unsigned i = 0; i < 8; i += 4) {
        const uint32_t w = load_word(nibbles + i);
        low = dot4(w & 0x0f0f0f0f, load_word(q + i), low);
        high = dot4(w >> 4 & 0x0f0f0f0f, load_word(q + 32 + i), high);
      }
      const int32_t products =
          six_bits(packed, 2 * j, false) * low + six_bits(packed, 2 * j + 1, false) * high;
      const int32_t mins = p < 2 ? six_bits(packed, 2 * j + p, true) * x[b].sums_32[2 * j + p] : 0;
      sum += x[b].d * (half_to_float(load_half(block)) * float(products) -
                       half_to_float(load_half(block + 2)) * float(mins));
    }
    return sum;
  }
};

// ---- a row's root mean square

// 256 threads for a row.
struct RmsNorm {
  using Args = RmsNormArgs;
  static constexpr unsigned kWidth = 256;
  static size_t n_groups(const Args& a) { return a.n_rows; }

  ENGRAMD_BODY static float partial(const Args& a, size_t group, unsigned lane) {
    const float* x = a.x + group * a.n;
    float sum = 0;
    for (size_t i = lane; i < a.n; i += kWidth) sum += x[i] * x[i];
    return sum;
  }
  ENGRAMD_BODY static float join(float a, float b) { return a + b; }
  ENGRAMD_BODY static void finish(const Args& a, size_t group, unsigned lane, float sum) {
    const float scale = 1.0f / sqrtf(sum / float(a.n) + a.eps);
    const float* x = a.x + group * a.n;
    float* out = a.out + group * a.n;
    for (size_t i = lane; i < a.n; i += kWidth)
      out[i] = x[i] * scale * (a.weight == nullptr ? 1.0f : a.weight[i]);
  }
};

}  // namespace engramd::engine::cuda
