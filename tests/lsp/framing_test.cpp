#include "lsp/framing.h"

#include <catch2/catch.hpp>
#include <random>

using namespace engramd;
using namespace engramd::lsp;

namespace {

// All messages that come out when the bytes are fed in pieces; fails the test on an error.
std::vector<std::string> parsed(const std::vector<std::string>& pieces) {
  FrameParser parser;
  std::vector<std::string> messages;
  for (const std::string& piece : pieces) {
    parser.feed(piece);
    for (;;) {
      auto message = parser.next();
      REQUIRE(message);
      if (!*message) break;
      messages.push_back(**message);
    }
  }
  REQUIRE(parser.finish());
  return messages;
}

std::vector<std::string> one_byte_each(const std::string& bytes) {
  std::vector<std::string> pieces;
  for (const char c : bytes) pieces.emplace_back(1, c);
  return pieces;
}

void check_broken(const std::string& bytes, const std::string& reason) {
  CAPTURE(bytes.substr(0, 80));
  FrameParser parser;
  parser.feed(bytes);
  auto message = parser.next();
  REQUIRE_FALSE(message);
  CHECK_THAT(message.error().message, Catch::Contains(reason));
  // Final: good bytes behind it do not bring the stream back.
  parser.feed(framed("{}"));
  CHECK_FALSE(parser.next());
  CHECK_FALSE(parser.finish());
}

}  // namespace

TEST_CASE("messages arrive whole however the bytes are cut") {
  const std::vector<std::string> messages = {"{}", "", std::string(70000, 'x'), "caf\xc3\xa9",
                                             "Content-Length: 5\r\n\r\n"};
  std::string wire;
  for (const std::string& message : messages) wire += framed(message);
  CHECK(parsed({wire}) == messages);
  CHECK(parsed(one_byte_each(wire)) == messages);
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> pieces;
    for (size_t at = 0; at < wire.size();) {
      const size_t n = 1 + random() % (round < 25 ? 7 : 30000);
      pieces.push_back(wire.substr(at, n));
      at += n;
    }
    REQUIRE(parsed(pieces) == messages);
  }
}

TEST_CASE("headers that LSP allows are understood") {
  CHECK(parsed({"Content-Length: 2\r\nContent-Type: application/vscode-jsonrpc; "
                "charset=utf-8\r\n\r\n{}"}) == std::vector<std::string>{"{}"});
  CHECK(parsed({"content-length:2\r\n\r\n{}"}) == std::vector<std::string>{"{}"});
  CHECK(parsed({"X-Other: a:b\r\nCONTENT-LENGTH:  2 \r\n\r\n{}"}) ==
        std::vector<std::string>{"{}"});
}

TEST_CASE("a malformed header is one clear error and ends the stream") {
  check_broken("\r\n\r\n", "no Content-Length");
  check_broken("hello\r\n\r\n", "no colon");
  check_broken("Content-Type: x\r\n\r\n{}", "no Content-Length");
  check_broken("Content-Length: -1\r\n\r\n", "expected a number");
  check_broken("Content-Length: 2x\r\n\r\n{}", "expected a number");
  check_broken("Content-Length: 99999999999999999999999\r\n\r\n", "expected a number");
  check_broken("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "two different");
  check_broken("{\"jsonrpc\":\"2.0\"}\r\n\r\n", "Content-Length");
  check_broken(std::string(9000, 'a'), "over 8192 bytes");
  check_broken("Content-Length: 268435457\r\n\r\n", "expected at most 268435456");
}

TEST_CASE("random bytes never crash the parser or grow its memory without end") {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    FrameParser parser(1000);
    std::string bytes = round % 2 == 0 ? "Content-Length: " : "";
    for (int i = 0; i < 200; ++i) bytes += "0123456789:\r\n {}\"\xff\x00aC"[random() % 19];
    parser.feed(bytes);
    for (int i = 0; i < 300; ++i) {
      auto message = parser.next();
      if (!message || !*message) break;
      REQUIRE((*message)->size() <= 1000);
    }
  }
}

TEST_CASE("a stream that ends inside a message says so") {
  FrameParser parser;
  CHECK(parser.finish());
  parser.feed("Content-Length: 10\r\n\r\n{\"a\"");
  REQUIRE(parser.next());
  REQUIRE_FALSE(parser.finish());
  CHECK(parser.finish().error().message == "the stream ended after 4 of 10 bytes of a message");
  FrameParser header;
  header.feed("Content-Le");
  REQUIRE(header.next());
  CHECK_FALSE(header.finish());
}

TEST_CASE("what follows the first message can be handed to another reader") {
  FrameParser parser;
  parser.feed(framed("one") + framed("two") + "Conte");
  CHECK(**parser.next() == "one");
  FrameParser other;
  other.feed(parser.take_unread() + "nt-Length: 1\r\n\r\n3");
  CHECK(**other.next() == "two");
  CHECK(**other.next() == "3");
}
