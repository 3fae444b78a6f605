// repoindex/line_map.h - the lines on which a file's facts lie: line and column without the text.
//
// Made from a text it knows every line. Facts that come from the store know the lines on which a
// name, a definition's first or last byte lies, and no others: position() is right for the places
// in those facts, not for any offset. Lines end as in base/text.h. Immutable once made: any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace engramd::repoindex {

class LineMap {
 public:
  struct Line {
    uint32_t start = 0, number = 0;
    bool operator==(const Line&) const = default;
  };

  LineMap() = default;  // knows nothing
  explicit LineMap(std::string_view text) {
    const LineIndex index(text);
    lines_.reserve(index.line_count());
    for (uint32_t i = 0; i < index.line_count(); ++i) {
      lines_.push_back({static_cast<uint32_t>(index.line_start(i)), i});
    }
  }
  // Rising in both; see sound().
  explicit LineMap(std::vector<Line> lines) : lines_(std::move(lines)) {}
  static bool sound(const std::vector<Line>& lines) {
    return std::adjacent_find(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
             return a.start >= b.start || a.number >= b.number;
           }) == lines.end();
  }

  bool known() const { return !lines_.empty(); }
  size_t n_lines() const { return lines_.size(); }
  LineColumn position(size_t offset) const {
    auto after = std::upper_bound(lines_.begin(), lines_.end(), offset,
                                  [](size_t at, const Line& line) { return at < line.start; });
    if (after == lines_.begin()) return {0, static_cast<uint32_t>(offset)};
    --after;
    return {after->number, static_cast<uint32_t>(offset - after->start)};
  }

 private:
  std::vector<Line> lines_;
};

}  // namespace engramd::repoindex
