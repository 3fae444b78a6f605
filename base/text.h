// base/text.h - byte offsets, lines and the three LSP position encodings.
//
// Inside engramd a place in a text is a byte offset, or a line and a byte column, all 0-based.
// Other encodings exist only at the edges. Broken UTF-8 is normal: a byte that starts no valid
// sequence counts as one character of one unit in every encoding. Immutable after construction,
// so any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace engramd {

enum class PositionEncoding { utf8, utf16, utf32 };

struct ByteRange {
  size_t begin = 0;
  size_t end = 0;  // exclusive
  size_t size() const { return end - begin; }
  bool contains(size_t offset) const { return begin <= offset && offset < end; }
  bool operator==(const ByteRange&) const = default;
};

struct LineColumn {
  uint32_t line = 0;    // 0-based
  uint32_t column = 0;  // 0-based, bytes from the start of the line
  bool operator==(const LineColumn&) const = default;
  auto operator<=>(const LineColumn&) const = default;
};

// Bytes of the UTF-8 sequence that starts at text[offset]; 1 for a byte that starts none.
size_t utf8_length_at(std::string_view text, size_t offset);
// The code point that starts there; 0xFFFD for a byte that starts none.
char32_t utf8_decode_at(std::string_view text, size_t offset);
void utf8_append(std::string& out, char32_t code_point);
bool utf8_valid(std::string_view text);
// The same text with every invalid byte replaced by U+FFFD.
std::string utf8_sanitized(std::string_view text);

// Where the lines of one text start. Line ends are \n, \r\n and a lone \r (LSP 3.18, "Text
// Documents"). Holds no reference to the text; calls that convert columns take it again.
class LineIndex {
 public:
  LineIndex() : starts_{0} {}
  explicit LineIndex(std::string_view text);

  size_t line_count() const { return starts_.size(); }
  // Offset where the line starts; the text's size for a line past the end.
  size_t line_start(size_t line) const;
  // The line without its line end.
  ByteRange line_range(size_t line, std::string_view text) const;
  LineColumn position(size_t offset) const;  // clamped to the text
  // Clamped: a line past the end is the end of the text, a column past the end the line's end.
  size_t offset(LineColumn position, std::string_view text) const;

  // Column of a byte position counted in the units of the encoding.
  uint32_t column_in(PositionEncoding encoding, LineColumn position, std::string_view text) const;
  // From an encoding's column to a byte column; inside a character it is that character's start.
  LineColumn from_encoded(PositionEncoding encoding, uint32_t line, uint32_t column,
                          std::string_view text) const;

 private:
  std::vector<size_t> starts_;
  size_t size_ = 0;
};

std::vector<std::string_view> split_lines(std::string_view text);  // without line ends
std::string_view trim(std::string_view text);

}  // namespace engramd
