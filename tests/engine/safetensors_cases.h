// tests/engine/safetensors_cases.h - reads the small safetensors files that fixtures are kept in.
// Independent of the engine's own reader, which has fixtures of its own.
#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/file.h"

namespace engramd::engine::test {

inline std::filesystem::path oracle_fixture(const std::string& name) {
  return std::filesystem::path(ENGRAMD_SOURCE_DIR) / "tests/oracles/fixtures" / name;
}

class Cases {
 public:
  explicit Cases(const std::filesystem::path& path) {
    auto bytes = read_file(path);
    if (!bytes) throw std::runtime_error(bytes.error().message);
    bytes_ = *std::move(bytes);
    uint64_t header = 0;
    std::memcpy(&header, bytes_.data(), sizeof header);
    tensors_ = nlohmann::json::parse(bytes_.substr(8, header));
    first_ = 8 + header;
  }
  bool has(const std::string& name) const { return tensors_.contains(name); }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, value] : tensors_.items())
      if (name != "__metadata__") out.push_back(name);
    return out;
  }
  std::vector<size_t> shape(const std::string& name) const {
    return tensors_.at(name).at("shape").get<std::vector<size_t>>();
  }
  template <class T>
  std::vector<T> values(const std::string& name) const {
    const auto range = tensors_.at(name).at("data_offsets").get<std::vector<size_t>>();
    std::vector<T> out((range[1] - range[0]) / sizeof(T));
    std::memcpy(out.data(), bytes_.data() + first_ + range[0], out.size() * sizeof(T));
    return out;
  }

 private:
  std::string bytes_;
  nlohmann::json tensors_;
  size_t first_ = 0;
};

}  // namespace engramd::engine::test
