// base/hash.h - fast content hashes (xxHash) and hex. Not for security. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace engramd {

uint64_t hash64(std::string_view bytes, uint64_t seed = 0);
std::string hash128_hex(std::string_view bytes);  // 32 lower-case hex digits
std::string to_hex(std::string_view bytes);

}  // namespace engramd
