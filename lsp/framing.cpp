#include "lsp/framing.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/text.h"

namespace engramd::lsp {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) ==
                  std::tolower(static_cast<unsigned char>(y));
         });
}

// A piece of hostile or binary input, made safe for an error message.
std::string shown(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 60)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? c : '?';
  }
  return out + (text.size() > 60 ? "...'" : "'");
}

}  // namespace

void FrameParser::feed(std::string_view bytes) {
  if (broken_) return;
  // Compacting only when the read part dominates keeps feeding linear.
  if (begin_ > 0 && begin_ >= buffer_.size() / 2) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  buffer_.append(bytes);
}

Result<std::optional<std::string>> FrameParser::next() {
  if (broken_) return fail(*broken_);
  if (!body_bytes_) {
    if (Status header = read_header(); !header) {
      broken_ = header.error();
      buffer_.clear();
      begin_ = 0;
      return fail(*broken_);
    }
    if (!body_bytes_) return std::nullopt;
  }
  if (buffer_.size() - begin_ < *body_bytes_) return std::nullopt;
  std::optional<std::string> message;
  if (begin_ == 0 && buffer_.size() == *body_bytes_) {
    message = std::move(buffer_);
    buffer_.clear();
  } else {
    message = buffer_.substr(begin_, *body_bytes_);
    begin_ += *body_bytes_;
  }
  body_bytes_.reset();
  scanned_ = 0;
  // A rare huge message must not pin its buffer for the life of the connection.
  if (begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
    if (buffer_.capacity() > (1u << 20)) buffer_.shrink_to_fit();
  }
  return message;
}

Status FrameParser::read_header() {
  const std::string_view unread = std::string_view(buffer_).substr(begin_);
  const size_t from = scanned_ > 3 ? scanned_ - 3 : 0;
  const size_t end = unread.find("\r\n\r\n", from);
  if (std::min(end, unread.size()) > kMaxHeaderBytes)
    return fail(ErrorCode::corrupt, "message header is over " + std::to_string(kMaxHeaderBytes) +
                                        " bytes, expected Content-Length and a blank line");
  if (end == std::string_view::npos) {
    scanned_ = unread.size();
    return {};
  }
  std::optional<size_t> length;
  std::string_view header = unread.substr(0, end);
  while (!header.empty()) {
    const size_t line_end = std::min(header.find("\r\n"), header.size());
    const std::string_view line = header.substr(0, line_end);
    header.remove_prefix(std::min(line_end + 2, header.size()));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos)
      return fail(ErrorCode::corrupt, "message header line " + shown(line) + " has no colon");
    if (!equals_ignoring_case(trim(line.substr(0, colon)), "Content-Length")) continue;
    const std::string_view value = trim(line.substr(colon + 1));
    size_t number = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc{} || stop != value.data() + value.size())
      return fail(ErrorCode::corrupt, "Content-Length is " + shown(value) + ", expected a number");
    if (length && *length != number)
      return fail(ErrorCode::corrupt, "message header has two different Content-Length lines");
    length = number;
  }
  if (!length) return fail(ErrorCode::corrupt, "message header has no Content-Length");
  if (*length > max_message_bytes_)
    return fail(ErrorCode::exhausted, "message of " + std::to_string(*length) +
                                          " bytes, expected at most " +
                                          std::to_string(max_message_bytes_));
  begin_ += end + 4;
  body_bytes_ = length;
  return {};
}

std::string FrameParser::take_unread() {
  std::string unread = buffer_.substr(begin_);
  buffer_.clear();
  begin_ = scanned_ = 0;
  return unread;
}

Status FrameParser::finish() const {
  if (broken_) return fail(*broken_);
  const size_t left = buffer_.size() - begin_;
  if (body_bytes_)
    return fail(ErrorCode::corrupt, "the stream ended after " + std::to_string(left) + " of " +
                                        std::to_string(*body_bytes_) + " bytes of a message");
  if (left > 0) return fail(ErrorCode::corrupt, "the stream ended inside a message header");
  return {};
}

std::string framed(std::string_view message) {
  std::string out = "Content-Length: " + std::to_string(message.size()) + "\r\n\r\n";
  out.append(message);
  return out;
}

}  // namespace engramd::lsp
