// Damaged model files of every format, by the thousand: an error or a model, never a crash, and
// never much memory. The fuzzers in tests/fuzz go the same ways for longer.
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "model_writer.h"
#include "tests/fuzz/model_file_inputs.h"

namespace engramd::engine::test {
namespace {

namespace fs = std::filesystem;

// Deterministic damage: bits, numbers in disguise, cuts, copies, digits and words of JSON.
class Damage {
 public:
  explicit Damage(uint64_t seed) : random_(seed) {}

  std::string of(std::string bytes, size_t header_bytes) {
    const size_t n = 1 + below(4);
    for (size_t i = 0; i < n && !bytes.empty(); ++i) {
      // Most of the checks are about the header.
      const size_t at = below(std::min(bytes.size(), below(8) == 0 ? bytes.size() : header_bytes));
      switch (below(9)) {
        case 0:
          bytes[at] = char(bytes[at] ^ (1 << below(8)));
          break;
        case 1:
          bytes[at] = char(random_());
          break;
        case 2: {
          const uint64_t values[] = {0,          1,          ~uint64_t(0),     uint64_t(1) << 63,
                                     0x7fffffff, 0xffffffff, uint64_t(1) << 40};
          const uint64_t value = values[below(std::size(values))];
          const size_t size = below(2) == 0 ? 8 : 4;
          std::memcpy(bytes.data() + std::min(at, bytes.size() - std::min(size, bytes.size())),
                      &value, std::min(size, bytes.size()));
          break;
        }
        case 3:
          bytes.erase(at, below(16));
          break;
        case 4:
          bytes.resize(bytes.size() - below(std::min<size_t>(bytes.size(), 4096)));
          break;
        case 5:
          bytes.insert(at, bytes.substr(below(bytes.size()), below(64)));
          break;
        case 6: {  // another digit, or many
          const size_t digit = bytes.find_first_of("0123456789", at);
          if (digit != std::string::npos)
            bytes.replace(digit, 1,
                          below(2) == 0 ? std::string(1, char('0' + below(10)))
                                        : std::string(1 + below(22), '9'));
          break;
        }
        case 7: {
          static constexpr std::string_view kWords[] = {
              "null",  "true", "-1",      "[]", "{}",      "\"\"",
              "1e400", "[[[[", "{\"a\":", ",",  "\\u0000", "18446744073709551615"};
          bytes.insert(at, kWords[below(std::size(kWords))]);
          break;
        }
        default: {  // two stretches change places
          const size_t from = below(bytes.size()), size = below(48);
          const std::string cut = bytes.substr(from, size);
          bytes.erase(from, size);
          bytes.insert(below(bytes.size() + 1), cut);
        }
      }
    }
    return bytes;
  }

 private:
  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }
  std::mt19937_64 random_;
};

long peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

struct Format {
  const char* name;
  Status (*read)(std::string_view);
  std::vector<std::string> seeds;
  std::vector<size_t> header_bytes;
};

std::string file_of(const fs::path& path) {
  const auto bytes = read_file(path);
  REQUIRE(bytes);
  return *bytes;
}

// Every family that there is a fixture of.
std::vector<Format> formats() {
  Format gguf{"gguf", read_hostile_gguf, {}, {}};
  Format safetensors{"safetensors", read_hostile_safetensors, {}, {}};
  Format checkpoint{"checkpoint", read_hostile_checkpoint, {}, {}};
  for (const auto& entry :
       fs::directory_iterator(fs::path(ENGRAMD_SOURCE_DIR) / "tests/oracles/fixtures")) {
    if (fs::exists(entry.path() / "model.gguf")) {
      gguf.seeds.push_back(file_of(entry.path() / "model.gguf"));
      gguf.header_bytes.push_back(std::min<size_t>(gguf.seeds.back().size(), 16384));
    }
    if (!fs::exists(entry.path() / "hf/config.json")) continue;
    const std::string config = file_of(entry.path() / "hf/config.json");
    const std::string tensors = file_of(entry.path() / "hf/model.safetensors");
    uint64_t header = 0;
    std::memcpy(&header, tensors.data(), 8);
    safetensors.seeds.push_back(tensors);
    safetensors.header_bytes.push_back(size_t(header) + 8);
    checkpoint.seeds.push_back(config + '\0' + tensors);
    checkpoint.header_bytes.push_back(config.size() + 1 + size_t(header) + 8);
  }
  return {gguf, safetensors, checkpoint};
}

void damage_all(size_t n_rounds) {
  for (const Format& format : formats()) {
    INFO(format.name);
    REQUIRE(format.seeds.size() >= 8);
    Damage damage(20261126);
    // Whole files first, so that what they take is not counted.
    for (const std::string& seed : format.seeds) (void)format.read(seed);
    const long before = peak_kilobytes();
    size_t n_refused = 0;
    for (size_t round = 0; round < n_rounds; ++round) {
      const size_t which = round % format.seeds.size();
      if (!format.read(damage.of(format.seeds[which], format.header_bytes[which]))) ++n_refused;
    }
    CHECK(n_refused > n_rounds / 2);  // or the damage reaches nothing
    // A file of a megabyte may ask for a few times its size, whatever it says.
    CHECK(peak_kilobytes() - before < 64 * 1024);
  }
}

}  // namespace

TEST_CASE("thousands of damaged files of each format are errors or models") {
  damage_all(1500);
}

// test_engine "[hostile]": for a build with sanitizers.
TEST_CASE("a hundred thousand damaged files of the formats are errors or models", "[.][hostile]") {
  damage_all(34000);
}

}  // namespace engramd::engine::test
