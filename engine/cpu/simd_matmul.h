// engine/cpu/simd_matmul.h - integer matrix products in registers, for any type of simd_unpack.h
// and any instruction set: two ways that give the same bits.
//
// rows: for one to three columns (decoding). Eight rows at a time; the lanes of a register run
// along
//   a row, and once per block the eight rows' integer sums are added up into one register.
// panel: for more columns (reading a prompt). A block of V::kRows rows is unpacked once into bytes
//   that lie rows side by side, in a few kilobytes on the stack, and is multiplied by all columns;
//   lanes are rows. The file's bytes are used where they lie: there is no second copy of weights.
//
// Both form exact integer sums per block and then, block after block, for each row and column
//   acc = acc + (d_w * d_x) * float(products), then the minima's part likewise,
// with fused multiply-adds, so the result does not depend on the way, the tile or the neighbours.
//
// V is an instruction set, see matmul_avx2.cpp. For the files of the instruction sets only.
#pragma once

#include "engine/cpu/kernels.h"
#include "engine/cpu/simd_unpack.h"

namespace engramd::engine::cpu {
namespace {

// Element i is the sum of v[i].
inline __m256i sum8x8(const __m256i* v) {
  const __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
  const __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
  return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                          _mm256_permute2x128_si256(a, b, 0x31));
}

// The same for registers of four.
inline __m256i sum4x8(const __m128i* v) {
  __m256i pair[4];
  for (int i = 0; i < 4; ++i) pair[i] = _mm256_set_m128i(v[i + 4], v[i]);
  return _mm256_hadd_epi32(_mm256_hadd_epi32(pair[0], pair[1]),
                           _mm256_hadd_epi32(pair[2], pair[3]));
}

constexpr int log2_of(int power) {
  int n = 0;
  while (1 << n < power) ++n;
  return n;
}

// ---------------------------------------------------------------- rows

// The rows from `r` on, the last one repeated past the end.
struct EightRows {
  const std::byte* row[8];
  size_t count;
  EightRows(const MatmulArgs& args, size_t r) {
    count = args.row_end - r < 8 ? args.row_end - r : 8;
    for (size_t i = 0; i < 8; ++i)
      row[i] = args.weights + (r + (i < count ? i : count - 1)) * args.row_bytes;
  }
};

inline void store_rows(float* out, __m256 values, size_t count) {
  if (count == 8) {
    _mm256_storeu_ps(out, values);
    return;
  }
  float spill[8];
  _mm256_storeu_ps(spill, values);
  for (size_t i = 0; i < count; ++i) out[i] = spill[i];
}

// How far ahead of its use a row's memory is fetched. The processor's own prefetcher stops at the
// end of each page of 4 KiB.
constexpr size_t kAhead = 2048;

inline void fetch(const std::byte* p) {
  _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0);
}

template <class Type, class V, size_t T>
void rows_32(const MatmulArgs& args, size_t r, size_t column) {
  EightRows rows(args, r);
  const BlockQ8_32* x[T];
  __m256 acc[T];
  for (size_t c = 0; c < T; ++c) {
    x[c] = reinterpret_cast<const BlockQ8_32*>(args.activations[column + c]);
    acc[c] = _mm256_setzero_ps();
  }
  // The next eight rows lie behind these and are fetched in order meanwhile: the processor does not
  // foresee a walk down eight rows at once.
  const std::byte* next = args.weights + (r + 8) * args.row_bytes;
  for (size_t b = 0; b < args.n / 32; ++b, next += 8 * Type::kBytes) {
    for (size_t at = 0; at < 8 * Type::kBytes; at += 64) fetch(next + at);
    __m256i sums[T][8];
    for (size_t i = 0; i < 8; ++i) {
      const __m256i q = Type::values(rows.row[i]);
      for (size_t c = 0; c < T; ++c) sums[c][i] = V::template dot<Type>(q, load256(x[c][b].q));
    }
    const __m256 d = Type::d(rows.row);
    for (size_t c = 0; c < T; ++c) {
      const BlockQ8_32& block = x[c][b];
      __m256i products = sum8x8(sums[c]);
      if constexpr (Type::kOffset != 0)
        products = _mm256_sub_epi32(products, _mm256_set1_epi32(block.sum * Type::kOffset));
      const __m256 dx = _mm256_set1_ps(block.d);
      acc[c] = _mm256_fmadd_ps(_mm256_mul_ps(d, dx), _mm256_cvtepi32_ps(products), acc[c]);
      if constexpr (Type::kMin)
        acc[c] = _mm256_fmadd_ps(_mm256_mul_ps(Type::m(rows.row), dx),
                                 _mm256_set1_ps(float(block.sum)), acc[c]);
    }
    for (size_t i = 0; i < 8; ++i) rows.row[i] += Type::kBytes;
  }
  for (size_t c = 0; c < T; ++c) store_rows(args.out[column + c] + r, acc[c], rows.count);
}

// Goes down one row after the other, so that memory is read in order, keeps what each block gave in
// the lanes it came in, and then adds up the lanes of eight rows' blocks at once.
template <class Type, class V, size_t T>
void rows_256(const MatmulArgs& args, size_t r, size_t column) {
  constexpr size_t kChunk = 8;
  // A min for 32 elements needs half the additions of one for 16.
  constexpr bool kHalf = Type::kSub == 32;
  EightRows rows(args, r);
  const BlockQ8_256* x[T];
  __m256 acc[T];
  for (size_t c = 0; c < T; ++c) {
    x[c] = reinterpret_cast<const BlockQ8_256*>(args.activations[column + c]);
    acc[c] = _mm256_setzero_ps();
  }
  __m256i sums[T][kChunk][8];
  [[maybe_unused]] __m128i mins_32[T][kChunk][8];
  [[maybe_unused]] __m256i mins_16[T][kChunk][8];
  const size_t n_blocks = args.n / 256;
  for (size_t first = 0; first < n_blocks; first += kChunk) {
    const size_t n = n_blocks - first < kChunk ? n_blocks - first : kChunk;
    for (size_t i = 0; i < 8; ++i) {
      const std::byte* w = rows.row[i];
      for (size_t b = 0; b < n; ++b, w += Type::kBytes) {
        for (size_t line = 0; line < Type::kBytes; line += 64) fetch(w + kAhead + line);
        __m256i scales, half_scales[2];
        if constexpr (Type::kByteScales) {
          scales = Type::byte_scales(w);
        } else {
          scales = Type::scales(w);
          half_scales[0] = _mm256_permute4x64_epi64(scales, 0x44);
          half_scales[1] = _mm256_permute4x64_epi64(scales, 0xee);
        }
        __m256i sum[T];
        for (size_t c = 0; c < T; ++c) {
          const BlockQ8_256& block = x[c][first + b];
          sum[c] = _mm256_setzero_si256();
          if constexpr (Type::kOffset != 0)
            sum[c] = _mm256_sub_epi32(
                sum[c], _mm256_slli_epi32(_mm256_madd_epi16(scales, load256(block.sums)),
                                          log2_of(Type::kOffset)));
          if constexpr (Type::kMin && kHalf)
            mins_32[c][b][i] = _mm_madd_epi16(Type::mins_32(w), load128(block.sums_32));
          else if constexpr (Type::kMin)
            mins_16[c][b][i] = _mm256_madd_epi16(Type::mins(w), load256(block.sums));
        }
#pragma GCC unroll 8
        for (int j = 0; j < 8; ++j) {
          const __m256i q = Type::group(w, j);
          __m256i scale;
          if constexpr (Type::kByteScales)
            scale = V::template byte_scale<Type>(scales, j);
          else
            scale = V::template row_scale<Type>(half_scales[j / 4], j % 4);
          for (size_t c = 0; c < T; ++c)
            sum[c] = V::template add_scaled_dot<Type>(sum[c], q,
                                                      load256(x[c][first + b].q + 32 * j), scale);
        }
        for (size_t c = 0; c < T; ++c) sums[c][b][i] = sum[c];
      }
    }
    for (size_t b = 0; b < n; ++b) {
      const __m256 d = Type::d(rows.row);
      for (size_t c = 0; c < T; ++c) {
        const __m256 dx = _mm256_set1_ps(x[c][first + b].d);
        acc[c] =
            _mm256_fmadd_ps(_mm256_mul_ps(d, dx), _mm256_cvtepi32_ps(sum8x8(sums[c][b])), acc[c]);
        if constexpr (Type::kMin) {
          __m256i offset;
          if constexpr (kHalf)
            offset = sum4x8(mins_32[c][b]);
          else
            offset = sum8x8(mins_16[c][b]);
          acc[c] = _mm256_fnmadd_ps(_mm256_mul_ps(Type::dmin(rows.row), dx),
                                    _mm256_cvtepi32_ps(offset), acc[c]);
        }
      }
      for (size_t i = 0; i < 8; ++i) rows.row[i] += Type::kBytes;
    }
  }
  for (size_t c = 0; c < T; ++c) store_rows(args.out[column + c] + r, acc[c], rows.count);
}

template <class Type, class V, size_t T>
void rows(const MatmulArgs& args, size_t column) {
  for (size_t r = args.row_begin; r < args.row_end; r += 8) {
    if constexpr (Type::kBlock == 32)
      rows_32<Type, V, T>(args, r, column);
    else
      rows_256<Type, V, T>(args, r, column);
  }
}

// ---------------------------------------------------------------- panel

// One block of V::kRows rows, unpacked.
template <class Type, class V>
struct Panel {
  using Int = typename V::Int;
  using Float = typename V::Float;
  static constexpr size_t kSubs = Type::kBlock == 32 ? 1 : Type::kBlock / 16;

  Int q[Type::kBlock / 4];  // lane: row; four bytes: four neighbouring elements
  Int scale[kSubs];         // for V::add_scaled
  Int scale_pair[8];        // two int16 a lane, for the offset
  Int min_pair[8];          // two int16 a lane
  Float d, d2;              // d2: m or dmin

  static constexpr bool kBiased = Type::kWide && V::kUnsignedOnly;
  static constexpr int kOffset = kBiased ? 128 : Type::kOffset;

  void unpack(const std::byte* const* block) {
    for (size_t j = 0; j < Type::kBlock / 32; ++j) {
      Int t[8];
      for (size_t i = 0; i < 8; ++i) {
        const auto group = [&](size_t row) {
          if constexpr (Type::kBlock == 32)
            return Type::values(block[row]);
          else
            return Type::group(block[row], int(j));
        };
        t[i] = V::load_pair(group, i);
        if constexpr (kBiased) t[i] = V::flip_sign_bits(t[i]);
      }
      V::transpose(t);
      for (size_t i = 0; i < 8; ++i) q[8 * j + i] = t[i];
    }
    d = V::floats([&](size_t row) { return Type::d(block + row); });
    if constexpr (Type::kBlock == 256) {
      Int pairs[8];
      for (size_t i = 0; i < 8; ++i)
        pairs[i] = V::load_pair([&](size_t row) { return Type::scales(block[row]); }, i);
      V::transpose(pairs);
      for (size_t i = 0; i < 8; ++i) {
        if constexpr (kOffset != 0) scale_pair[i] = pairs[i];
        scale[2 * i] = V::scale_of_low(pairs[i]);
        scale[2 * i + 1] = V::scale_of_high(pairs[i]);
      }
      if constexpr (Type::kMin) {
        d2 = V::floats([&](size_t row) { return Type::dmin(block + row); });
        for (size_t i = 0; i < 8; ++i)
          pairs[i] = V::load_pair([&](size_t row) { return Type::mins(block[row]); }, i);
        V::transpose(pairs);
        for (size_t i = 0; i < 8; ++i) min_pair[i] = pairs[i];
        if constexpr (Type::kSub == 32)
          for (size_t i = 0; i < 4; ++i) min_pair[i] = V::low_high(pairs[2 * i], pairs[2 * i + 1]);
      }
    } else {
      if constexpr (Type::kMin) d2 = V::floats([&](size_t row) { return Type::m(block + row); });
      scale[0] = V::scale_one();
    }
  }
};

// How many multiplications an accumulator takes before it must be scaled and added up.
template <class Type, class V>
constexpr size_t steps_of() {
  size_t most = 8;  // a block of 32 has one scale
  if constexpr (Type::kBlock == 256) most = Type::kSub / 4;
  return most < V::template steps<Type>() ? most : V::template steps<Type>();
}

template <class Type, class V, size_t T, class Block>
inline void multiply(const Panel<Type, V>& panel, const Block* const* x, float* acc) {
  using Int = typename V::Int;
  using Float = typename V::Float;
  using P = Panel<Type, V>;
  constexpr size_t kSteps = steps_of<Type, V>();
  constexpr size_t kRuns = Type::kBlock / 4 / kSteps;
  Int total[T];
  for (size_t c = 0; c < T; ++c) total[c] = V::zero();
  if constexpr (Type::kBlock == 256 && P::kOffset != 0) {
    for (size_t i = 0; i < 8; ++i)
      for (size_t c = 0; c < T; ++c)
        total[c] = V::add_pairs(total[c], panel.scale_pair[i], x[c]->sums + 2 * i);
    for (size_t c = 0; c < T; ++c) total[c] = V::negative_shifted(total[c], log2_of(P::kOffset));
  }
  for (size_t run = 0; run < kRuns; ++run) {
    Int sum[T];
    for (size_t c = 0; c < T; ++c) sum[c] = V::zero();
#pragma GCC unroll 8
    for (size_t step = 0; step < kSteps; ++step) {
      const size_t k = run * kSteps + step;
      const Int w = panel.q[k];
      for (size_t c = 0; c < T; ++c)
        sum[c] = V::template multiply<Type>(sum[c], w, x[c]->q + 4 * k);
    }
    const Int scale = panel.scale[Type::kBlock == 32 ? 0 : run * kSteps / 4];
    for (size_t c = 0; c < T; ++c) total[c] = V::template add_scaled<Type>(total[c], sum[c], scale);
  }
  for (size_t c = 0; c < T; ++c) {
    Float a = V::load(acc + c * V::kRows);
    const Float dx = V::broadcast(x[c]->d);
    if constexpr (Type::kBlock == 32) {
      if constexpr (P::kOffset != 0)
        total[c] = V::minus_shifted(total[c], x[c]->sum, log2_of(P::kOffset));
      a = V::multiply_add(V::times(panel.d, dx), V::to_float(total[c]), a);
      if constexpr (Type::kMin)
        a = V::multiply_add(V::times(panel.d2, dx), V::broadcast(float(x[c]->sum)), a);
    } else {
      a = V::multiply_add(V::times(panel.d, dx), V::to_float(total[c]), a);
      if constexpr (Type::kMin) {
        Int mins = V::zero();
        constexpr bool kWideSums = Type::kSub == 32;
        for (size_t i = 0; i < (kWideSums ? 4 : 8); ++i)
          mins = V::add_pairs(mins, panel.min_pair[i],
                              (kWideSums ? x[c]->sums_32 : x[c]->sums) + 2 * i);
        a = V::multiply_subtract(V::times(panel.d2, dx), V::to_float(mins), a);
      }
    }
    V::store(acc + c * V::kRows, a);
  }
}

template <class Type, class V>
void panels(const MatmulArgs& args) {
  using Block = std::conditional_t<Type::kBlock == 32, BlockQ8_32, BlockQ8_256>;
  constexpr size_t kTile = V::kTile, kMost = 64;  // columns for which a panel is unpacked once
  constexpr size_t kRows = V::kRows;
  for (size_t r = args.row_begin; r < args.row_end; r += kRows) {
    const size_t n_rows = args.row_end - r < kRows ? args.row_end - r : kRows;
    for (size_t first = 0; first < args.n_columns; first += kMost) {
      const size_t n = args.n_columns - first < kMost ? args.n_columns - first : kMost;
      // A tile that is not full works on the last column again and drops what comes out.
      const Block* x[kMost + kTile];
      alignas(64) float acc[(kMost + kTile) * kRows];
      for (size_t c = 0; c < n + kTile; ++c)
        x[c] = reinterpret_cast<const Block*>(args.activations[first + (c < n ? c : n - 1)]);
      for (size_t i = 0; i < (n + kTile) * kRows; ++i) acc[i] = 0;
      const std::byte* block[kRows];
      for (size_t i = 0; i < kRows; ++i)
        block[i] = args.weights + (r + (i < n_rows ? i : n_rows - 1)) * args.row_bytes;
      // The next rows lie behind these: a share of them is fetched with each block, since the
      // processor does not foresee a walk down sixteen rows at once.
      const size_t n_blocks = args.n / Type::kBlock;
      const std::byte* next = args.weights + (r + kRows) * args.row_bytes;
      const size_t share = (kRows * args.row_bytes + n_blocks - 1) / n_blocks;
      Panel<Type, V> panel;
      for (size_t b = 0; b < n_blocks; ++b) {
        for (size_t at = 0; at < share; at += 64)
          _mm_prefetch(reinterpret_cast<const char*>(next + b * share + at), _MM_HINT_T1);
        panel.unpack(block);
        size_t c = 0;
        for (; c + kTile / 2 < n; c += kTile)
          multiply<Type, V, kTile>(panel, x + c, acc + c * kRows);
        if (c < n) multiply<Type, V, kTile / 2>(panel, x + c, acc + c * kRows);
        for (size_t i = 0; i < kRows; ++i) block[i] += Type::kBytes;
        for (size_t i = 0; i < n + kTile; ++i) ++x[i];
      }
      for (size_t c = 0; c < n; ++c)
        for (size_t i = 0; i < n_rows; ++i) args.out[first + c][r + i] = acc[c * kRows + i];
    }
  }
}

template <class Type, class V>
void matmul(const MatmulArgs& args) {
  switch (args.n_columns) {
    case 0:
      return;
    case 1:
      return rows<Type, V, 1>(args, 0);
    case 2:
      return rows<Type, V, 2>(args, 0);
    default:
      return panels<Type, V>(args);
  }
}

template <class V>
void set_integer_matmuls(Kernels& kernels) {
  using quant::Type;
  static constexpr MatmulRow kRows[] = {
      {Type::q4_0, matmul<TypeQ4_0, V>},    {Type::q4_1, matmul<TypeQ4_1, V>},
      {Type::q5_0, matmul<TypeQ5_0, V>},    {Type::q5_1, matmul<TypeQ5_1, V>},
      {Type::q8_0, matmul<TypeQ8_0, V>},    {Type::iq4_nl, matmul<TypeIq4Nl, V>},
      {Type::mxfp4, matmul<TypeMxfp4, V>},  {Type::q2_k, matmul<TypeQ2_K, V>},
      {Type::q3_k, matmul<TypeQ3_K, V>},    {Type::q4_k, matmul<TypeQ4_K, V>},
      {Type::q5_k, matmul<TypeQ5_K, V>},    {Type::q6_k, matmul<TypeQ6_K, V>},
      {Type::iq4_xs, matmul<TypeIq4Xs, V>},
  };
  for (const MatmulRow& row : kRows) kernels.matmul_of[size_t(row.type)] = row.matmul;
}

}  // namespace
}  // namespace engramd::engine::cpu
