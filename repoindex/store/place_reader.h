// repoindex/store/place_reader.h - goes over the places of a record; only record_*.cpp include it.
//
// A reader of bytes that may be damaged: it ends early then, and complete() is false. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "repoindex/facts.h"
#include "repoindex/store/bytes.h"

namespace engramd::repoindex {

class PlaceReader {
 public:
  // Low two bits of a step: how the place is told.
  enum Step : uint8_t {
    same_line,   // distance from the end before
    next_line,   // distance from there to the start of the line, column
    later_line,  // the same, and lines left out
    from_begin,  // distance from the begin before, lines, column if any: for names that overlap
  };
  static constexpr uint8_t kRoleBits = 0x07;

  // What is known at the begin or the end of a name.
  struct Point {
    uint64_t offset = 0, line = 0, line_start = 0;
    LineColumn position() const {
      return {static_cast<uint32_t>(line), static_cast<uint32_t>(offset - line_start)};
    }
  };

  explicit PlaceReader(std::string_view bytes) {
    ByteReader all(bytes);
    n_ = all.count(3);
    steps_ = ByteReader(all.text());
    columns_ = ByteReader(all.text());
    skips_ = ByteReader(all.text());
    planes_ = all.text();
    roles_ = all.text();
    odd_ = ByteReader(all.text());
    n_planes_ = n_ == 0 ? 0 : planes_.size() / n_;
    good_ = all.ok() && all.at_end() && roles_.size() == n_ && planes_.size() == n_ * n_planes_ &&
            n_planes_ <= 4 && (n_ == 0 || n_planes_ > 0);
    if (!good_) n_ = 0;
    next_odd();
  }

  size_t n() const { return n_; }

  // Of the i-th occurrence, which must be one.
  uint32_t name_at(size_t i) const {
    uint32_t id = 0;
    for (size_t p = n_planes_; p > 0; --p) id = id << 8 | byte_of(planes_, (p - 1) * n_ + i);
    return id;
  }
  uint8_t role_at(size_t i) const { return byte_of(roles_, i); }

  // To the next occurrence. False at the end or at damage. sizes(name) is the length of a name of
  // that number.
  template <class Sizes>
  bool next(const Sizes& sizes) {
    if (at_ >= n_) return false;
    uint64_t step = steps_.number(), distance = step >> 2;
    name = 0;
    for (size_t p = n_planes_; p > 0; --p) name = name << 8 | byte_of(planes_, (p - 1) * n_ + at_);
    role_byte = byte_of(roles_, at_);
    if (distance > kNone) return damaged();
    switch (static_cast<Step>(step & 3)) {
      case same_line:
        begin = end;
        begin.offset += distance;
        break;
      case next_line:
      case later_line:
        begin.line_start = end.offset + distance;
        begin.line = end.line + 1 + ((step & 3) == later_line ? 1 + uint64_t{skips_.u32()} : 0);
        begin.offset = begin.line_start + columns_.u32();
        break;
      case from_begin:
        begin.offset += distance;
        if (uint32_t lines = columns_.u32(); lines > 0) {
          begin.line += lines;
          uint32_t column = columns_.u32();
          if (column > begin.offset) return damaged();
          begin.line_start = begin.offset - column;
        }
        break;
    }
    end = begin;
    auto size = static_cast<int64_t>(sizes(name));
    if (at_ == odd_at_) {
      size += odd_.signed_number();
      uint32_t lines = odd_.u32();
      if (size < 0) return damaged();
      end.offset += static_cast<uint64_t>(size);
      if (lines > 0) {
        end.line += lines;
        uint32_t column = odd_.u32();
        if (column > end.offset) return damaged();
        end.line_start = end.offset - column;
      }
      next_odd();
    } else {
      end.offset += static_cast<uint64_t>(size);
    }
    if (end.offset >= kNone || end.line >= kNone) return damaged();
    ++at_;
    return true;
  }

  // To the next occurrence of this name.
  bool find(uint32_t wanted, const std::vector<uint32_t>& name_sizes) {
    auto sizes = [&](uint64_t n) { return n < name_sizes.size() ? name_sizes[n] : 0; };
    for (;;) {
      if (n_planes_ <= 2) skip_plain(wanted, name_sizes);
      if (!next(sizes)) return false;
      if (name == wanted) return true;
    }
  }

  // So that next() goes to the i-th occurrence, which must not be behind. False at damage.
  bool skip_to(size_t i, const std::vector<uint32_t>& name_sizes) {
    auto sizes = [&](uint64_t n) { return n < name_sizes.size() ? name_sizes[n] : 0; };
    while (at_ < i) {
      if (n_planes_ <= 2) skip_plain(kNone, name_sizes, i);
      if (at_ < i && !next(sizes)) return false;
    }
    return at_ == i;
  }

  bool complete() const {
    return good_ && at_ == n_ && steps_.ok() && steps_.at_end() && columns_.ok() &&
           columns_.at_end() && skips_.ok() && skips_.at_end() && odd_.ok() && odd_.at_end();
  }

  // The occurrence that next() was about.
  Point begin, end;
  uint64_t name = 0;
  uint8_t role_byte = 0;

 private:
  static uint8_t byte_of(std::string_view bytes, size_t i) {
    return static_cast<uint8_t>(bytes[i]);
  }

  // Over occurrences that are told in one byte, or two with a column, up to one that is not or has
  // the wanted name, or is the one at `until`: nine in ten, and next() takes five times as long for
  // each.
  void skip_plain(uint32_t wanted, const std::vector<uint32_t>& name_sizes,
                  size_t until = SIZE_MAX) {
    std::string_view steps = steps_.rest(), columns = columns_.rest();
    size_t n =
        std::min({std::min(n_, until) - at_, steps.size(), static_cast<size_t>(odd_at_ - at_)});
    size_t i = 0, q = 0;
    const char* low = planes_.data() + at_;
    // With one plane the low bytes stand for both, and the high ones count as 0.
    const char* high = n_planes_ == 2 ? low + n_ : low;
    const unsigned high_mask = n_planes_ == 2 ? 0xFF : 0;
    uint64_t offset = end.offset, line = end.line, line_start = end.line_start,
             began = begin.offset;
    for (; i < n; ++i) {
      unsigned step = byte_of(steps, i), new_line = step & 1;
      unsigned column = q < columns.size() ? byte_of(columns, q) : 0x80;
      unsigned id = static_cast<uint8_t>(low[i]) | (static_cast<uint8_t>(high[i]) & high_mask) << 8;
      if ((step & 0x82) != 0 || (new_line & column >> 7) != 0 || id == wanted ||
          id >= name_sizes.size()) {
        break;
      }
      began = offset + (step >> 2);
      line += new_line;
      line_start = new_line != 0 ? began : line_start;
      began += new_line != 0 ? column : 0;
      q += new_line;
      offset = began + name_sizes[id];
    }
    if (i == 0 || offset >= kNone || line >= kNone) return;
    begin = {began, line, line_start};
    end = {offset, line, line_start};
    steps_ = ByteReader(steps.substr(i));
    columns_ = ByteReader(columns.substr(q));
    at_ += i;
  }

  bool damaged() {
    good_ = false;
    n_ = 0;
    return false;
  }
  void next_odd() {
    if (odd_.at_end()) {
      odd_at_ = kNone;
      return;
    }
    odd_at_ = next_odd_ + odd_.u32();
    next_odd_ = odd_at_ + 1;
    // One that is behind cannot come any more: what follows is wrong, and stays unread.
    if (odd_at_ < at_) odd_at_ = kNone;
  }

  size_t n_ = 0, at_ = 0;
  ByteReader steps_{{}}, columns_{{}}, skips_{{}}, odd_{{}};
  std::string_view planes_, roles_;
  size_t n_planes_ = 0;
  uint64_t odd_at_ = 0, next_odd_ = 0;
  bool good_ = false;
};

}  // namespace engramd::repoindex
