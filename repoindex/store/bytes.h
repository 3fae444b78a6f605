// repoindex/store/bytes.h - how our files spell numbers and texts, and a reader that cannot be led
// astray by damaged ones.
//
// Varint: 7 bits a byte, low first. Signed: zigzag. Text: length, bytes. Fixed numbers are little
// endian. Plain values: any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace engramd::repoindex {

inline void put_varint(std::string& out, uint64_t v) {
  while (v >= 0x80) {
    out += static_cast<char>(v | 0x80);
    v >>= 7;
  }
  out += static_cast<char>(v);
}
inline uint64_t zigzag(int64_t v) {
  return static_cast<uint64_t>(v) << 1 ^ static_cast<uint64_t>(v >> 63);
}
inline int64_t unzigzag(uint64_t v) {
  return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
}
inline void put_text(std::string& out, std::string_view s) {
  put_varint(out, s.size());
  out += s;
}
template <class Number>
void put_fixed(std::string& out, Number v) {
  for (size_t i = 0; i < sizeof v; ++i) out += static_cast<char>(static_cast<uint64_t>(v) >> 8 * i);
}
template <class Number>
Number get_fixed(const char* at) {
  uint64_t v = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    v |= uint64_t{static_cast<unsigned char>(at[i])} << 8 * i;
  }
  return static_cast<Number>(v);
}

// Reads past the end give zeros and turn ok() off; the caller looks once at the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  uint64_t number() {
    if (at_ < end_ && static_cast<unsigned char>(*at_) < 0x80) {
      return static_cast<unsigned char>(*at_++);
    }
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && at_ < end_; shift += 7) {
      auto b = static_cast<unsigned char>(*at_++);
      v |= uint64_t{b & 0x7Fu} << shift;
      if (b < 0x80) return v;
    }
    damaged();
    return 0;
  }
  // Within 40 bits either way, which offsets and differences are: sums cannot overflow.
  int64_t signed_number() {
    int64_t v = wide_signed_number();
    if (v < -kMaxSigned || v > kMaxSigned) damaged();
    return ok_ ? v : 0;
  }
  int64_t wide_signed_number() { return unzigzag(number()); }
  uint32_t u32() {
    uint64_t v = number();
    if (v > 0xFFFFFFFFu) damaged();
    return static_cast<uint32_t>(v);
  }
  uint8_t byte() {
    if (at_ < end_) return static_cast<uint8_t>(*at_++);
    damaged();
    return 0;
  }
  // A count of things that take at least min_bytes each.
  size_t count(size_t min_bytes) {
    uint64_t n = number();
    if (n <= left() / min_bytes) return static_cast<size_t>(n);
    damaged();
    return 0;
  }
  std::string_view bytes(uint64_t n) {
    if (n > left()) {
      damaged();
      return {};
    }
    std::string_view s(at_, static_cast<size_t>(n));
    at_ += n;
    return s;
  }
  std::string_view text() { return bytes(number()); }
  std::string_view rest() const { return {at_, left()}; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }
  bool ok() const { return ok_; }
  bool at_end() const { return at_ == end_; }
  void damaged() {
    ok_ = false;
    at_ = end_;  // whoever loops on what is left comes to an end
  }

 private:
  static constexpr int64_t kMaxSigned = int64_t{1} << 40;
  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace engramd::repoindex
