// repoindex/parse/host/frame.h - what a parse host and whoever started it say to each other.
//
//   host   hello:   magic | pin of the build | u32 size | why system calls are not filtered, if so
//   asker  request: magic | u32 size of the name | u64 size of the text | u64 most bytes to parse |
//                   name of the language's row | text
//   host   reply:   magic | u64 size | bytes_of_blob
//
// One request at a time; numbers little endian. A host ends when the asker's end is closed. Exit
// statuses of a host say what ended it where it could still say so.
#pragma once

#include <cstdint>
#include <string_view>

namespace engramd::repoindex::host {

constexpr uint32_t kHelloMagic = 0x31485045;    // "EPH1"
constexpr uint32_t kRequestMagic = 0x31515045;  // "EPQ1"
constexpr uint32_t kReplyMagic = 0x31525045;    // "EPR1"
constexpr size_t kHelloHeader = 4 + 8 + 4;
constexpr size_t kRequestHeader = 4 + 4 + 8 + 8;
constexpr size_t kReplyHeader = 4 + 8;

constexpr uint32_t kMaxProblem = 400;
constexpr uint32_t kMaxName = 64;
constexpr uint64_t kMaxText = 64u << 20;
// Facts of the largest text that is parsed (2 MiB, each byte a name of its own) stay below.
constexpr uint64_t kMaxReply = 256u << 20;

enum ExitStatus { kAskerGone = 0, kBadRequest = 70, kOutOfMemory = 71 };

}  // namespace engramd::repoindex::host
