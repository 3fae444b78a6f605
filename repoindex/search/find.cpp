#include "repoindex/search/find.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace engramd::repoindex {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

// How common a byte is in source, roughly: blanks and the commonest letters first.
int commonness(char c) {
  static constexpr std::string_view kCommonFirst =
      " etnioarsl\n_cdpu(),.mfgh;0=-\"/b*1xv>y:'2[]<k{}#3w4T8S65&CEAR97DIOqjLNPz!MFB|U+\\VGHWXKY"
      "@$?%Q^JZ~`\t";
  size_t at = kCommonFirst.find(c);
  return at == std::string_view::npos ? 0 : static_cast<int>(kCommonFirst.size() - at);
}

}  // namespace

LiteralFinder::LiteralFinder(std::string needle, bool ignore_case)
    : needle_(std::move(needle)), ignore_case_(ignore_case) {
  if (ignore_case_) std::transform(needle_.begin(), needle_.end(), needle_.begin(), lower);
  size_t n = std::min<size_t>(needle_.size(), 64);
  auto rarer = [&](size_t a, size_t b) { return commonness(needle_[a]) < commonness(needle_[b]); };
  for (size_t i = 1; i < n; ++i) {
    if (rarer(i, first_)) first_ = i;
  }
  second_ = first_ == 0 && n > 1 ? 1 : 0;
  for (size_t i = 0; i < n; ++i) {
    if (i != first_ && needle_[i] != needle_[first_] && rarer(i, second_)) second_ = i;
  }
  auto set = [&](size_t at, unsigned char* byte, unsigned char* fold) {
    *byte = static_cast<unsigned char>(needle_[at]);
    *fold = ignore_case_ && is_lower(needle_[at]) ? 0x20 : 0;
  };
  set(first_, &first_byte_, &first_fold_);
  set(second_, &second_byte_, &second_fold_);
}

bool LiteralFinder::fits(const char* at) const {
  if (!ignore_case_) return std::memcmp(at, needle_.data(), needle_.size()) == 0;
  for (size_t i = 0; i < needle_.size(); ++i) {
    if (lower(at[i]) != needle_[i]) return false;
  }
  return true;
}

// last: the last offset where the needle still fits.
size_t LiteralFinder::find_plain(std::string_view text, size_t from, size_t last) const {
  for (size_t i = from; i <= last; ++i) {
    if ((static_cast<unsigned char>(text[i + first_]) | first_fold_) == first_byte_ &&
        fits(text.data() + i)) {
      return i;
    }
  }
  return std::string_view::npos;
}

size_t LiteralFinder::find(std::string_view text, size_t from) const {
  if (needle_.size() > text.size() || from > text.size() - needle_.size()) {
    return std::string_view::npos;
  }
  const size_t last = text.size() - needle_.size();
#ifdef __SSE2__
  const char* data = text.data();
  const __m128i first = _mm_set1_epi8(static_cast<char>(first_byte_));
  const __m128i second = _mm_set1_epi8(static_cast<char>(second_byte_));
  const __m128i first_fold = _mm_set1_epi8(static_cast<char>(first_fold_));
  const __m128i second_fold = _mm_set1_epi8(static_cast<char>(second_fold_));
  auto load = [](const char* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); };
  auto both = [&](const char* at) {
    __m128i a = _mm_cmpeq_epi8(_mm_or_si128(load(at + first_), first_fold), first);
    __m128i b = _mm_cmpeq_epi8(_mm_or_si128(load(at + second_), second_fold), second);
    return _mm_and_si128(a, b);
  };
  // A block reads 32 bytes at either rare byte: both must lie inside the text.
  const size_t reach = std::max(first_, second_) + 32;
  size_t i = from;
  for (; i + reach <= text.size(); i += 32) {
    __m128i low = both(data + i), high = both(data + i + 16);
    if (_mm_movemask_epi8(_mm_or_si128(low, high)) == 0) continue;
    uint32_t hits = static_cast<uint32_t>(_mm_movemask_epi8(low)) |
                    static_cast<uint32_t>(_mm_movemask_epi8(high)) << 16;
    for (; hits != 0; hits &= hits - 1) {
      size_t at = i + static_cast<size_t>(__builtin_ctz(hits));
      if (at > last) return std::string_view::npos;
      if (fits(data + at)) return at;
    }
  }
  return find_plain(text, i, last);
#else
  return find_plain(text, from, last);
#endif
}

size_t count_newlines(std::string_view text) {
  size_t n = 0, i = 0;
#ifdef __SSE2__
  const __m128i newline = _mm_set1_epi8('\n'), zero = _mm_setzero_si128();
  while (i + 16 <= text.size()) {
    // A byte of the sum holds at most 255: then the sums are taken.
    __m128i sum = zero;
    for (int k = 0; k < 255 && i + 16 <= text.size(); ++k, i += 16) {
      __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
      sum = _mm_sub_epi8(sum, _mm_cmpeq_epi8(chunk, newline));
    }
    __m128i parts = _mm_sad_epu8(sum, zero);
    n += static_cast<size_t>(_mm_cvtsi128_si64(parts)) +
         static_cast<size_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(parts, parts)));
  }
#endif
  for (; i < text.size(); ++i) n += text[i] == '\n' ? 1 : 0;
  return n;
}

}  // namespace engramd::repoindex
