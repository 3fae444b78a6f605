// lsp/framing.h - the Content-Length frames around messages.
//
// FrameParser takes bytes in pieces of any size and gives whole messages. The first malformed
// header is final: a byte stream that lost its frames cannot find them again. Not thread-safe; one
// per direction of a stream.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engramd::lsp {

constexpr size_t kMaxHeaderBytes = 8u << 10;
constexpr size_t kMaxMessageBytes = 256u << 20;

class FrameParser {
 public:
  explicit FrameParser(size_t max_message_bytes = kMaxMessageBytes)
      : max_message_bytes_(max_message_bytes) {}

  void feed(std::string_view bytes);
  // The next whole message; nothing when more bytes are needed; an error of code corrupt for a
  // malformed or oversized header, exhausted for a message over the cap.
  Result<std::optional<std::string>> next();
  // The bytes behind the messages taken so far, for another reader; the parser is then empty.
  std::string take_unread();
  // To be asked at the end of the stream: an error when a message was cut in the middle.
  Status finish() const;

 private:
  Status read_header();

  size_t max_message_bytes_;
  std::string buffer_;
  size_t begin_ = 0;                  // of the unread part of buffer_
  size_t scanned_ = 0;                // header bytes that are known to hold no blank line
  std::optional<size_t> body_bytes_;  // set while a body is awaited
  std::optional<Error> broken_;
};

// The message with its header, ready for the wire.
std::string framed(std::string_view message);

}  // namespace engramd::lsp
