#include "engine/arch/hf/engram_constants.h"

#include <bit>
#include <set>

namespace engramd::engine::arch::hf {
namespace {

using uint128 = unsigned __int128;

// numpy.random.default_rng(seed).integers(0, bound) for a seed below 2^32: SeedSequence (M. E.
// O'Neill's seed_seq_fe), PCG64 with XSL-RR output (O'Neill 2014), Lemire's bounded draw (2019).
class NumpyGenerator {
 public:
  explicit NumpyGenerator(uint32_t seed) {
    uint32_t pool[4], hash = 0x43b0d7e5;
    const auto hashed = [&](uint32_t value) {
      value ^= hash;
      hash *= 0x931e8875;
      value *= hash;
      return value ^ (value >> 16);
    };
    for (uint32_t i = 0; i < 4; ++i) pool[i] = hashed(i == 0 ? seed : 0);
    for (uint32_t source = 0; source < 4; ++source)
      for (uint32_t target = 0; target < 4; ++target) {
        if (source == target) continue;
        const uint32_t mixed = 0xca01f9dd * pool[target] - 0x4973f715 * hashed(pool[source]);
        pool[target] = mixed ^ (mixed >> 16);
      }
    uint64_t words[4] = {};
    uint32_t hash_out = 0x8b51f9dd;
    for (uint32_t i = 0; i < 8; ++i) {
      uint32_t value = pool[i % 4] ^ hash_out;
      hash_out *= 0x58f38ded;
      value *= hash_out;
      value ^= value >> 16;
      words[i / 2] |= uint64_t(value) << (32 * (i % 2));
    }
    increment_ = (uint128(words[2]) << 64 | words[3]) << 1 | 1;
    step();
    state_ += uint128(words[0]) << 64 | words[1];
    step();
  }

  // bound is above 2^32: numpy draws smaller ones otherwise.
  uint64_t below(uint64_t bound) {
    uint128 product = uint128(next()) * bound;
    if (uint64_t(product) < bound) {
      const uint64_t threshold = (uint64_t(0) - bound) % bound;
      while (uint64_t(product) < threshold) product = uint128(next()) * bound;
    }
    return uint64_t(product >> 64);
  }

 private:
  void step() {
    constexpr uint128 kMultiplier = uint128(0x2360ED051FC65DA4) << 64 | 0x4385DF649FCCF645;
    state_ = state_ * kMultiplier + increment_;
  }
  uint64_t next() {
    step();
    return std::rotr(uint64_t(state_ >> 64) ^ uint64_t(state_), int(state_ >> 122));
  }
  uint128 state_ = 0, increment_ = 0;
};

bool is_prime(uint64_t n) {
  if (n < 4) return n > 1;
  if (n % 2 == 0) return false;
  for (uint64_t d = 3; d * d <= n; d += 2)
    if (n % d == 0) return false;
  return true;
}

}  // namespace

Result<EngramConstants> engram_constants(const EngramShape& shape) {
  const uint64_t n_columns = uint64_t(shape.max_ngram - 1) * shape.n_heads;
  if (shape.layers.empty() || shape.layers.size() > 64 || shape.max_ngram < 2 ||
      shape.max_ngram > 16 || shape.n_heads == 0 || n_columns * shape.layers.size() > 4096)
    return fail(ErrorCode::corrupt, std::to_string(shape.layers.size()) + " Engram layers of " +
                                        std::to_string(shape.max_ngram) + "-grams with " +
                                        std::to_string(shape.n_heads) + " heads");
  if (shape.vocab_size < 2 || shape.vocab_size > (uint64_t(1) << 32))
    return fail(ErrorCode::corrupt,
                "Engram columns of " + std::to_string(shape.vocab_size) + " rows");
  const uint64_t bound = shape.n_ids == 0 ? 0 : uint64_t(INT64_MAX) / shape.n_ids / 2;
  if (bound <= UINT32_MAX)
    return fail(ErrorCode::corrupt, "Engram over " + std::to_string(shape.n_ids) + " ids");
  EngramConstants out;
  std::set<uint64_t> used;
  for (const uint32_t layer : shape.layers) {
    if (layer > UINT32_MAX / 10007)
      return fail(ErrorCode::corrupt, "Engram in layer " + std::to_string(layer));
    NumpyGenerator generator(10007 * layer);
    for (uint32_t back = 0; back < shape.max_ngram; ++back)
      out.multipliers.push_back(2 * generator.below(bound) + 1);
    uint64_t offset = 0;
    for (uint32_t n = 2; n <= shape.max_ngram; ++n) {
      uint64_t prime = shape.vocab_size - 1;
      for (uint32_t head = 0; head < shape.n_heads; ++head) {
        do ++prime;
        while (used.contains(prime) || !is_prime(prime));
        used.insert(prime);
        out.primes.push_back(prime);
        out.offsets.push_back(offset);
        offset += prime;
      }
    }
  }
  return out;
}

}  // namespace engramd::engine::arch::hf
