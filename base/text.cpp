#include "base/text.h"

#include <algorithm>

namespace engramd {
namespace {

uint32_t units_of(PositionEncoding encoding, size_t byte_length) {
  switch (encoding) {
    case PositionEncoding::utf8:
      return static_cast<uint32_t>(byte_length);
    case PositionEncoding::utf16:
      return byte_length == 4 ? 2 : 1;
    case PositionEncoding::utf32:
      return 1;
  }
  return 1;
}

}  // namespace

size_t utf8_length_at(std::string_view text, size_t offset) {
  const auto byte = [&](size_t i) -> unsigned {
    return offset + i < text.size() ? static_cast<unsigned char>(text[offset + i]) : 0u;
  };
  const auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 1;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(1) || !continues(2)) return 1;
    if (first == 0xE0 && byte(1) < 0xA0) return 1;  // overlong
    if (first == 0xED && byte(1) > 0x9F) return 1;  // surrogate
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 1;
    if (first == 0xF0 && byte(1) < 0x90) return 1;  // overlong
    if (first == 0xF4 && byte(1) > 0x8F) return 1;  // above U+10FFFF
    return 4;
  }
  return 1;
}

char32_t utf8_decode_at(std::string_view text, size_t offset) {
  if (offset >= text.size()) return 0xFFFD;
  const auto byte = [&](size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[offset + i]));
  };
  switch (utf8_length_at(text, offset)) {
    case 2:
      return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3:
      return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    case 4:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 |
             (byte(3) & 0x3F);
    default:
      return byte(0) < 0x80 ? byte(0) : 0xFFFD;
  }
}

void utf8_append(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

bool utf8_valid(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length_at(text, i);
    if (length == 1 && static_cast<unsigned char>(text[i]) >= 0x80) return false;
    i += length;
  }
  return true;
}

std::string utf8_sanitized(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length_at(text, i);
    if (length == 1 && static_cast<unsigned char>(text[i]) >= 0x80)
      utf8_append(out, 0xFFFD);
    else
      out.append(text.substr(i, length));
    i += length;
  }
  return out;
}

LineIndex::LineIndex(std::string_view text) : starts_{0}, size_(text.size()) {
  if (text.find('\r') == std::string_view::npos) {  // nearly always, and ten times as fast
    for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
      starts_.push_back(at + 1);
    }
    return;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      starts_.push_back(i + 1);
    } else if (text[i] == '\r') {
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
      starts_.push_back(i + 1);
    }
  }
}

size_t LineIndex::line_start(size_t line) const {
  return line < starts_.size() ? starts_[line] : size_;
}

ByteRange LineIndex::line_range(size_t line, std::string_view text) const {
  const size_t begin = line_start(line);
  size_t end = line + 1 < starts_.size() ? starts_[line + 1] : size_;
  if (end > begin && text[end - 1] == '\n') --end;
  if (end > begin && text[end - 1] == '\r') --end;
  return {begin, end};
}

LineColumn LineIndex::position(size_t offset) const {
  offset = std::min(offset, size_);
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const size_t line = static_cast<size_t>(after - starts_.begin()) - 1;
  return {static_cast<uint32_t>(line), static_cast<uint32_t>(offset - starts_[line])};
}

size_t LineIndex::offset(LineColumn position, std::string_view text) const {
  const ByteRange range = line_range(position.line, text);
  return std::min(range.begin + position.column, range.end);
}

uint32_t LineIndex::column_in(PositionEncoding encoding, LineColumn position,
                              std::string_view text) const {
  if (encoding == PositionEncoding::utf8) return position.column;
  const size_t end = std::min(line_start(position.line) + position.column, size_);
  uint32_t units = 0;
  for (size_t i = line_start(position.line); i < end;) {
    const size_t length = utf8_length_at(text, i);
    if (i + length > end) break;
    units += units_of(encoding, length);
    i += length;
  }
  return units;
}

LineColumn LineIndex::from_encoded(PositionEncoding encoding, uint32_t line, uint32_t column,
                                   std::string_view text) const {
  if (line >= starts_.size()) return position(size_);
  const ByteRange range = line_range(line, text);
  uint32_t units = 0;
  size_t i = range.begin;
  while (i < range.end && units < column) {
    const size_t length = utf8_length_at(text, i);
    const uint32_t next = units + units_of(encoding, length);
    if (next > column) break;  // inside this character
    units = next;
    i += length;
  }
  return {line, static_cast<uint32_t>(i - range.begin)};
}

std::vector<std::string_view> split_lines(std::string_view text) {
  const LineIndex index(text);
  std::vector<std::string_view> lines;
  lines.reserve(index.line_count());
  for (size_t i = 0; i < index.line_count(); ++i) {
    const ByteRange range = index.line_range(i, text);
    lines.push_back(text.substr(range.begin, range.size()));
  }
  return lines;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace engramd
