// One GGUF file for each kind of damage that readers are known to fall for, and its error.
#include <catch2/catch.hpp>

#include "engine/format/gguf.h"
#include "model_writer.h"

namespace engramd::engine::test {
namespace {

struct Kind {
  const char* name;
  std::string bytes;
  const char* error;  // empty: the file is good
};

std::string header(uint32_t version, uint64_t n_tensors, uint64_t n_keys,
                   const std::string& rest = {}) {
  return "GGUF" + le32(version) + le64(n_tensors) + le64(n_keys) + rest;
}
std::string padded(std::string bytes, size_t alignment = 32) {
  bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
  return bytes;
}
// One tensor as the header says it, and n bytes of data.
std::string one_tensor(const std::string& entry, size_t n, const std::string& keys = {},
                       uint64_t n_keys = 0, size_t alignment = 32) {
  return padded(header(3, 1, n_keys, keys + entry), alignment) + std::string(n, 'd');
}
std::string entry(const std::string& name, std::vector<uint64_t> shape, uint32_t type,
                  uint64_t offset) {
  std::string out = gguf_string(name) + le32(uint32_t(shape.size()));
  for (const uint64_t size : shape) out += le64(size);
  return out + le32(type) + le64(offset);
}
std::string u32_key(const std::string& key, uint32_t value) {
  return gguf_string(key) + le32(4) + le32(value);
}
const std::string kNoise(64, 'x');

std::vector<Kind> kinds() {
  const std::string align64 = u32_key("general.alignment", 64);
  return {
      // The header.
      {"bad magic", "FGUF" + le32(3) + kNoise, "not a GGUF model"},
      {"version 0", header(0, 0, 0), "version 0"},
      {"version 1", header(1, 0, 0), "version 1, expected 2 or 3"},
      {"a version of the future", header(4, 0, 0), "version 4"},
      {"the other byte order", header(0x03000000, 0, 0), "version 50331648"},
      {"too many tensors", header(3, ~uint64_t(0), 0, kNoise), "tensors, more than the file"},
      {"too many keys", header(3, 0, uint64_t(1) << 62, kNoise), "keys, more than the file"},
      {"nothing after the version", "GGUF" + le32(3), "truncated"},
      {"empty", header(3, 0, 0), ""},
      // Keys.
      {"a key longer than the file", header(3, 0, 1, le64(~uint64_t(0)) + kNoise), "truncated"},
      {"a key longer than any", header(3, 0, 1, gguf_string(std::string(70000, 'k')) + kNoise),
       "at most 256 are expected"},
      {"an empty key", header(3, 0, 1, gguf_string("") + le32(4) + le32(0)), "is empty"},
      {"an unknown value type", header(3, 0, 1, gguf_string("k") + le32(13) + le64(0)),
       "value type 13"},
      {"a string longer than the file",
       header(3, 0, 1, gguf_string("k") + le32(8) + le64(uint64_t(1) << 40)), "truncated"},
      {"an array longer than the file",
       header(3, 0, 1, gguf_string("k") + le32(9) + le32(10) + le64(uint64_t(1) << 61)),
       "truncated"},
      {"an array of strings longer than the file",
       header(3, 0, 1, gguf_string("k") + le32(9) + le32(8) + le64(uint64_t(1) << 61) + kNoise),
       "truncated"},
      {"an array of an unknown type",
       header(3, 0, 1, gguf_string("k") + le32(9) + le32(42) + le64(0)), "value type 42"},
      {"a key twice", header(3, 0, 2, u32_key("k", 1) + u32_key("k", 2)), "appears twice"},
      {"an alignment that is no power of two", header(3, 0, 1, u32_key("general.alignment", 33)),
       "expected a power of two"},
      {"an alignment of 0", header(3, 0, 1, u32_key("general.alignment", 0)), "power of two"},
      {"keys alone", header(3, 0, 1, u32_key("k", 1)), ""},
      // Tensors.
      {"a tensor name longer than the file", header(3, 1, 0, le64(~uint64_t(0)) + kNoise),
       "truncated"},
      {"a tensor name longer than any", one_tensor(entry(std::string(300, 'n'), {8}, 0, 0), 32),
       "at most 256 are expected"},
      {"no dimensions", one_tensor(entry("t", {}, 0, 0), 32), "0 dimensions"},
      {"five dimensions", one_tensor(entry("t", {1, 1, 1, 1, 8}, 0, 0), 32), "5 dimensions"},
      {"a dimension of 0", one_tensor(entry("t", {8, 0}, 0, 0), 32), "dimension of size 0"},
      {"a negative dimension", one_tensor(entry("t", {~uint64_t(0)}, 0, 0), 32),
       "more than 2^60 elements"},
      {"elements that overflow",
       one_tensor(entry("t", {uint64_t(1) << 32, uint64_t(1) << 32}, 0, 0), 32),
       "more than 2^60 elements"},
      {"bytes that overflow", one_tensor(entry("t", {uint64_t(1) << 60}, 28, 0), 32), "truncated"},
      {"an unknown tensor type", one_tensor(entry("t", {8}, 4242, 0), 32), "type 4242"},
      {"a type that was withdrawn", one_tensor(entry("t", {32}, 4, 0), 32), "type 4,"},
      {"rows that are no whole blocks", one_tensor(entry("t", {31}, 8, 0), 64),
       "expected a multiple of 32"},
      {"an offset beyond the file", one_tensor(entry("t", {8}, 0, 1 << 20), 32), "truncated"},
      {"an offset that overflows", one_tensor(entry("t", {8}, 0, ~uint64_t(31)), 32), "truncated"},
      {"an offset off the alignment", one_tensor(entry("t", {4}, 0, 16), 64),
       "expected a multiple of 32"},
      {"a tensor twice",
       padded(header(3, 2, 0, entry("t", {8}, 0, 0) + entry("t", {8}, 0, 32))) +
           std::string(64, 'd'),
       "appears twice"},
      {"tensors that overlap",
       padded(header(3, 2, 0, entry("a", {16}, 0, 0) + entry("b", {8}, 0, 32))) +
           std::string(64, 'd'),
       "overlap"},
      {"an alignment that the offsets do not keep",
       padded(header(3, 2, 1, align64 + entry("a", {8}, 0, 0) + entry("b", {8}, 0, 32)), 64) +
           std::string(64, 'd'),
       "expected a multiple of 64"},
      {"a custom alignment", one_tensor(entry("t", {8}, 0, 0), 32, align64, 1, 64), ""},
      {"a tensor", one_tensor(entry("t", {8}, 0, 0), 32), ""},
      // Data.
      {"no data", header(3, 1, 0, entry("t", {8}, 0, 0)), "truncated"},
      {"not enough data", one_tensor(entry("t", {8}, 0, 0), 31), "truncated: tensor t needs 32"},
      {"data padded to another alignment",
       padded(header(3, 1, 1, align64 + entry("t", {8}, 0, 0)), 32) + std::string(32, 'd'),
       "truncated"},
  };
}

}  // namespace

TEST_CASE("each kind of malformed GGUF file has its error") {
  for (const Kind& kind : kinds()) {
    INFO(kind.name);
    const auto file = format::GgufFile::parse(
        {reinterpret_cast<const std::byte*>(kind.bytes.data()), kind.bytes.size()});
    INFO((file ? std::string("read") : file.error().message));
    if (*kind.error == '\0') {
      CHECK(file);
    } else {
      REQUIRE(!file);
      CHECK(file.error().message.find(kind.error) != std::string::npos);
    }
  }
}

}  // namespace engramd::engine::test
