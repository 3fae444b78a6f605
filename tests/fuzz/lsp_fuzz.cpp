// tests/fuzz/lsp_fuzz.cpp - libFuzzer over the way from bytes to messages.
//
//   CXX=clang++ cmake -DENGRAMD_BUILD_FUZZ=ON -DENGRAMD_SANITIZE=address,undefined,fuzzer-no-link
//   ... lsp_fuzz -max_len=65536 CORPUS
//
// The first byte says how the rest is cut. Cut or whole, the frames must be the same; and the
// outline of a message, which the shim goes by, must agree with the message itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "lsp/framing.h"
#include "lsp/json_rpc.h"

namespace {

using namespace engramd::lsp;

std::vector<std::string> frames(std::string_view bytes, size_t piece, bool& broken) {
  FrameParser parser(1 << 20);
  std::vector<std::string> out;
  for (size_t at = 0; at < bytes.size() && !broken; at += piece) {
    parser.feed(bytes.substr(at, piece));
    for (;;) {
      auto message = parser.next();
      broken = !message;
      if (broken || !*message) break;
      out.push_back(std::move(**message));
    }
  }
  return out;
}

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool whole_broken = false, cut_broken = false;
  const auto whole = frames(bytes, bytes.size() + 1, whole_broken);
  const auto cut = frames(bytes, 1 + data[0] % 64, cut_broken);
  require(whole == cut && whole_broken == cut_broken);
  std::vector<std::string> texts = whole;
  texts.emplace_back(bytes);  // most inputs are no frames; read them as a message too
  for (const std::string& text : texts) {
    const auto message = read_message(text);
    const MessageOutline outline = outline_message(text);
    if (!message || message->kind == MessageKind::response) continue;
    require(outline.has_method && outline.method == message->method);
    require(id_text(outline.id) == id_text(message->id));
  }
  return 0;
}
