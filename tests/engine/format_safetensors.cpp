// Safetensors files and sharded checkpoints: what is read, and one clear error for what is not.
#include "engine/format/safetensors.h"

#include <catch2/catch.hpp>
#include <random>

#include "safetensors_writer.h"

namespace engramd::engine::test {
namespace {

using format::Safetensors;
using format::StoredType;

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

void check_error(std::string_view bytes, const std::string& expected) {
  const auto file = Safetensors::parse(as_bytes(bytes));
  REQUIRE(!file);
  INFO(file.error().message);
  CHECK(file.error().message.find(expected) != std::string::npos);
}
// A file with this header and n bytes of data.
void check_header(const std::string& header, size_t n, const std::string& expected) {
  check_error(SafetensorsWriter::with_header(header, std::string(n, 'x')), expected);
}
// One tensor "t" with these fields.
void check_entry(const std::string& fields, size_t n, const std::string& expected) {
  check_header("{\"t\":{" + fields + "}}", n, expected);
}

class Folder {
 public:
  Folder() : folder_(*TemporaryFolder::make("engramd-safetensors")) {}
  void write(const std::string& name, std::string_view bytes) {
    REQUIRE(write_file_atomic(folder_.path() / name, bytes));
  }
  Result<std::unique_ptr<Safetensors>> open() const { return Safetensors::open(folder_.path()); }
  void check_error(const std::string& expected) const {
    const auto file = open();
    REQUIRE(!file);
    INFO(file.error().message);
    CHECK(file.error().message.find(expected) != std::string::npos);
  }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

std::string one_tensor(const std::string& name) {
  SafetensorsWriter w;
  w.floats(name, {2}, {1, 2});
  return w.bytes();
}

constexpr const char* kIndex = "model.safetensors.index.json";

}  // namespace

TEST_CASE("tensors of every stored type are read in place") {
  SafetensorsWriter w;
  const std::pair<const char*, size_t> types[] = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F8_E4M3", 1}, {"F8_E8M0", 1},
      {"I8", 1},  {"U8", 1},  {"I32", 4}, {"I64", 8},  {"U32", 4},     {"BOOL", 1}};
  for (const auto& [type, size] : types)
    w.tensor(std::string("t_") + type, type, {3, 2}, std::string(6 * size, type[0]));
  w.tensor("scalar", "F32", {}, "abcd");
  w.tensor("empty", "F32", {0, 7}, "");
  w.entry("__metadata__", "\"format\":\"pt\"");
  const std::string bytes = w.bytes();
  const auto file = Safetensors::parse(as_bytes(bytes));
  INFO((file ? std::string() : file.error().message));
  REQUIRE(file);
  CHECK((*file)->tensors().size() == std::size(types) + 2);
  for (const auto& [type, size] : types) {
    const format::StoredTensor* tensor = (*file)->find(std::string("t_") + type);
    REQUIRE(tensor != nullptr);
    CHECK(to_string(tensor->type) == type);
    CHECK(tensor->shape == std::vector<uint64_t>{3, 2});
    CHECK(tensor->bytes.size() == 6 * size);
    CHECK(tensor->bytes[5] == std::byte(type[0]));
  }
  CHECK((*file)->find("scalar")->n_elements() == 1);
  CHECK((*file)->find("empty")->bytes.empty());
  CHECK((*file)->find("absent") == nullptr);
}

TEST_CASE("a header that is no header is one error") {
  check_error("", "takes 8");
  check_error("1234567", "takes 8");
  check_error(std::string(8, '\xff'), "at most 100000000 are allowed");
  check_error(std::string("\x20\0\0\0\0\0\0\0{}", 10), "a header of 32 bytes, 2 are left");
  check_header("[]", 0, "does not start with {");
  check_header("{", 0, "broken JSON at byte");
  check_header("{} {}", 0, "broken JSON");
  check_header("{\"t\":1}", 0, "not an object of tensors");
  check_header("{\"t\":[]}", 0, "not an object of tensors");
  check_header("{\"t\":{\"a\":{}}}", 0, "has an object in field");
  std::string deep = "{\"__metadata__\":";
  for (int i = 0; i < 100000; ++i) deep += "[";
  check_header(deep, 0, "object of tensors");
  check_header("{\"\":{}}", 0, "is empty");
  check_header("{\"a\\u001bb\":{}}", 0, "unprintable");
  check_header("{\"" + std::string(600, 'n') + "\":{}}", 0, "longer than 512");
  check_header("{\"__metadata__\":{\"a\":1}}", 0, "has no string in field");
}

TEST_CASE("a tensor's type, shape and range must agree") {
  check_entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]", 4, "truncated");
  check_entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]", 8, "said to be at 8 to 0");
  check_entry("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]", 8,
              "has 8 bytes, expected 12");
  check_entry("\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]", 8, "no unsigned integer");
  check_entry("\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]", 8, "no unsigned integer");
  check_entry("\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,8]", 8,
              "no unsigned integer");
  check_entry("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]", 8,
              "more than 2^60 bytes");
  check_entry("\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]", 8,
              "more than 8 numbers");
  check_entry("\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]", 1,
              "\"F4\", which this engine does not know");
  check_entry("\"dtype\":\"F32\",\"shape\":[2]", 8, "lacks one of");
  check_entry("\"dtype\":\"F32\",\"data_offsets\":[0,8]", 8, "lacks one of");
  check_entry("\"shape\":[2],\"data_offsets\":[0,8]", 8, "lacks one of");
  check_entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]", 8, "lacks one of");
  check_entry("\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]", 8,
              "two fields named");
  check_entry("\"dtype\":\"F32\",\"shape\":[2],\"shape\":[2],\"data_offsets\":[0,8]", 8,
              "two fields named");
  check_entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1", 8,
              "has a value in field \"x\"");
}

TEST_CASE("the tensors cover the data, each byte once") {
  const auto two = [](const std::string& second, size_t n, const std::string& expected) {
    check_header(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\","
        "\"shape\":[4],\"data_offsets\":" +
            second + "}}",
        n, expected);
  };
  two("[2,6]", 8, "tensors a and b overlap");
  two("[0,4]", 8, "overlap");
  two("[6,10]", 10, "bytes 4 to 6 of the data belong to no tensor");
  two("[4,8]", 9, "bytes 8 to 9 of the data belong to no tensor");
  check_header("{}", 3, "bytes 0 to 3 of the data belong to no tensor");
  SafetensorsWriter twice;
  twice.floats("a", {1}, {1});
  twice.floats("a", {1}, {2});
  check_error(twice.bytes(), "tensor a appears twice");
}

TEST_CASE("a sharded checkpoint is what its index says") {
  Folder folder;
  folder.write("one.safetensors", one_tensor("a"));
  folder.write("two.safetensors", one_tensor("b"));
  SECTION("good") {
    folder.write(
        kIndex,
        R"({"metadata":{"total_size":16,"more":[{"x":[1]}]},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
    const auto file = folder.open();
    INFO((file ? std::string() : file.error().message));
    REQUIRE(file);
    CHECK((*file)->n_files() == 2);
    CHECK((*file)->tensors().size() == 2);
    CHECK(Safetensors::open(folder.path() / kIndex));
  }
  SECTION("no index") {
    folder.check_error("holds several .safetensors files and no");
  }
  const auto bad = [&](const std::string& index, const std::string& expected) {
    folder.write(kIndex, index);
    folder.check_error(expected);
  };
  SECTION("wrong") {
    bad("", "broken JSON");
    bad("[]", "not an object with a weight_map");
    bad("{}", "no weight_map");
    bad(R"({"weight_map":[]})", "not an object with a weight_map");
    bad(R"({"weight_map":{"a":1}})", "not an object with a weight_map");
    bad(R"({"weight_map":{"a":{"b":"c"}}})", "not an object with a weight_map");
    bad(R"({"weight_map":{"a":"../one.safetensors"}})", "expected the name of a .safetensors");
    bad(R"({"weight_map":{"a":"/etc/passwd"}})", "expected the name of a .safetensors");
    bad(R"({"weight_map":{"a":"one.safetensors","a":"two.safetensors"}})", "appears twice");
    bad(R"({"weight_map":{"a":"three.safetensors"}})", "shard three.safetensors: cannot open");
    bad(R"({"weight_map":{"a":"two.safetensors"}})", "holds tensor b, which is not in the index");
    bad(R"({"weight_map":{"a":"two.safetensors","b":"one.safetensors"}})", "the index says");
    bad(R"({"weight_map":{"a":"one.safetensors","c":"one.safetensors"}})",
        "shard one.safetensors lacks tensor c");
  }
}

TEST_CASE("a folder without index has one file") {
  Folder folder;
  folder.check_error("holds no .safetensors file");
  folder.write("weights.safetensors", one_tensor("a"));
  REQUIRE(folder.open());
  folder.write("model.safetensors", one_tensor("b"));
  const auto file = folder.open();
  REQUIRE(file);
  CHECK((*file)->find("b") != nullptr);
}

}  // namespace engramd::engine::test
