// engine/cpu/attention_avx512.cpp - attention with AVX-512: twice the registers make tiles of four
// heads and four keys, which load half as often. Compiled with its own flags: see avx2_parts.h.
#if defined(__x86_64__)
#include "engine/cpu/avx512_parts.h"
#include "engine/cpu/simd_attention.h"

namespace engramd::engine::cpu {
namespace {

struct Avx512 {
  using Vec = __m512;
  static constexpr size_t kLanes = 16, kGroup = 4;
  static Vec zero() { return _mm512_setzero_ps(); }
  static Vec load(const float* p) { return _mm512_loadu_ps(p); }
  static Vec load_once(const float* p) {
    Vec v = load(p);
    __asm__("" : "+v"(v));
    return v;
  }
  static void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
  static Vec broadcast(float v) { return _mm512_set1_ps(v); }
  static Vec multiply_add(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  static __m256 fold(Vec v) {
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  }
  static Vec of_f16(const std::byte* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Vec of_bf16(const std::byte* p) {
    const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16));
  }
};

void attention(const AttentionArgs& args) {
  if (args.head_dim % Avx512::kLanes != 0 || args.value_size() % Avx512::kLanes != 0)
    return avx2_kernels()->attention(args);
  attention_with<Avx512>(args);
}

}  // namespace

void set_avx512_attention(Kernels& kernels) {
  kernels.attention = attention;
}

}  // namespace engramd::engine::cpu
#endif
