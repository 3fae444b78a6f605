// tests/engine/safetensors_writer.h - safetensors files for tests. Checks nothing, so that broken
// files can be written too.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace engramd::engine::test {

class SafetensorsWriter {
 public:
  void tensor(std::string_view name, std::string_view type, std::vector<uint64_t> shape,
              std::string_view bytes) {
    std::string sizes;
    for (const uint64_t size : shape) sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
    entry(name, "\"dtype\":\"" + std::string(type) + "\",\"shape\":[" + sizes +
                    "],\"data_offsets\":[" + std::to_string(data_.size()) + "," +
                    std::to_string(data_.size() + bytes.size()) + "]");
    data_ += bytes;
  }
  void floats(std::string_view name, std::vector<uint64_t> shape, const std::vector<float>& v) {
    tensor(name, "F32", std::move(shape),
           {reinterpret_cast<const char*>(v.data()), v.size() * sizeof(float)});
  }
  // "name": {fields}
  void entry(std::string_view name, std::string_view fields) {
    header_ +=
        (header_.empty() ? "\"" : ",\"") + std::string(name) + "\":{" + std::string(fields) + "}";
  }
  std::string bytes() const { return with_header("{" + header_ + "}", data_); }

  static std::string with_header(std::string header, std::string_view data) {
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const uint64_t n = header.size();
    std::string out(8, '\0');
    std::memcpy(out.data(), &n, 8);
    return out + header + std::string(data);
  }

 private:
  std::string header_, data_;
};

}  // namespace engramd::engine::test
