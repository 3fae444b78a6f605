#include "base/text.h"

#include <catch2/catch.hpp>

using namespace engramd;

TEST_CASE("columns are counted in the units of each encoding") {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z\n";  // a é € 😀 z
  const LineIndex lines(text);
  const LineColumn z{0, 10};
  CHECK(lines.column_in(PositionEncoding::utf8, z, text) == 10);
  CHECK(lines.column_in(PositionEncoding::utf16, z, text) == 5);
  CHECK(lines.column_in(PositionEncoding::utf32, z, text) == 4);
  CHECK(lines.from_encoded(PositionEncoding::utf16, 0, 5, text) == z);
  CHECK(lines.from_encoded(PositionEncoding::utf32, 0, 4, text) == z);
  // The second half of the surrogate pair belongs to the character's start.
  CHECK(lines.from_encoded(PositionEncoding::utf16, 0, 4, text) == LineColumn{0, 6});
}

TEST_CASE("every offset of a text survives the way through each encoding") {
  const std::string text = "x\r\n\xF0\x9F\x98\x80y\rz\n\xFF\xFE ok\n";
  const LineIndex lines(text);
  for (const auto encoding :
       {PositionEncoding::utf8, PositionEncoding::utf16, PositionEncoding::utf32}) {
    for (size_t line = 0; line < lines.line_count(); ++line) {
      const ByteRange range = lines.line_range(line, text);
      for (size_t i = range.begin; i <= range.end;
           i += i < range.end ? utf8_length_at(text, i) : 1) {
        const LineColumn at{static_cast<uint32_t>(line), static_cast<uint32_t>(i - range.begin)};
        const uint32_t column = lines.column_in(encoding, at, text);
        CHECK(lines.from_encoded(encoding, at.line, column, text) == at);
      }
    }
  }
}

TEST_CASE("line ends are \\n, \\r\\n and a lone \\r") {
  const std::string text = "a\nb\r\nc\rd";
  CHECK(split_lines(text) == std::vector<std::string_view>{"a", "b", "c", "d"});
  CHECK(LineIndex("").line_count() == 1);
  CHECK(LineIndex("a\n").line_count() == 2);
}

TEST_CASE("positions past the end are clamped") {
  const std::string text = "ab\ncd";
  const LineIndex lines(text);
  CHECK(lines.offset({0, 99}, text) == 2);
  CHECK(lines.offset({9, 0}, text) == 5);
  CHECK(lines.position(99) == LineColumn{1, 2});
}

TEST_CASE("broken UTF-8 is one unit a byte, and can be replaced") {
  CHECK_FALSE(utf8_valid("\xC0\xAF"));          // overlong
  CHECK_FALSE(utf8_valid("\xED\xA0\x80"));      // a surrogate
  CHECK_FALSE(utf8_valid("\xF4\x90\x80\x80"));  // above U+10FFFF
  CHECK_FALSE(utf8_valid("\xE2\x82"));          // cut off
  CHECK(utf8_valid("\xF0\x9F\x98\x80"));
  CHECK(utf8_sanitized("a\xFFz") == "a\xEF\xBF\xBDz");
}
