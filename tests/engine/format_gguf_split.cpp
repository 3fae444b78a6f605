// Models split over several GGUF files.
#include <catch2/catch.hpp>

#include "engine/api/model.h"
#include "engine/format/gguf.h"
#include "model_writer.h"

namespace engramd::engine::test {
namespace {

using format::GgufFile;

// Three parts with one F32 tensor each; the first has the keys.
class Parts {
 public:
  Parts() : folder_(*TemporaryFolder::make("engramd-split")) {
    for (uint32_t i = 0; i < 3; ++i) write(i, part(i));
  }
  static GgufWriter part(uint32_t no, uint32_t count = 3, uint32_t n_tensors = 3) {
    GgufWriter w;
    if (no == 0) w.key_string("general.architecture", "mystery");
    w.key_raw("split.no", 2, le32(no).substr(0, 2));
    w.key_raw("split.count", 2, le32(count).substr(0, 2));
    w.key_raw("split.tensors.count", 5, le32(n_tensors));
    w.tensor("t" + std::to_string(no), {4}, 0, std::string(16, char('a' + no)));
    return w;
  }
  std::filesystem::path path(uint32_t no) const {
    return folder_.path() / ("m-0000" + std::to_string(no + 1) + "-of-00003.gguf");
  }
  void write(uint32_t no, const GgufWriter& w) { REQUIRE(write_file_atomic(path(no), w.bytes())); }
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

void check_error(const std::filesystem::path& path, const std::string& expected) {
  const auto file = GgufFile::open(path);
  REQUIRE(!file);
  INFO(file.error().message);
  CHECK(file.error().message.find(expected) != std::string::npos);
}

}  // namespace

TEST_CASE("a split model is opened by the name of any of its files") {
  const Parts parts;
  for (uint32_t i = 0; i < 3; ++i) {
    const auto file = GgufFile::open(parts.path(i));
    INFO((file ? std::string() : file.error().message));
    REQUIRE(file);
    CHECK((*file)->format() == "gguf v3, 3 files");
    CHECK((*file)->tensors().size() == 3);
    CHECK(*(*file)->string("general.architecture") == "mystery");
    uint64_t n_bytes = 0;
    for (uint32_t k = 0; k < 3; ++k) {
      const format::Tensor* tensor = (*file)->find_tensor("t" + std::to_string(k));
      REQUIRE(tensor != nullptr);
      CHECK(tensor->bytes[5] == std::byte('a' + k));
      n_bytes += std::filesystem::file_size(parts.path(k));
    }
    CHECK((*file)->file_bytes() == n_bytes);
  }
  CHECK(inspect_model_file(parts.path(0))->tensors.size() == 3);
}

TEST_CASE("parts that are missing, foreign or wrongly named are told apart") {
  Parts parts;
  SECTION("missing") {
    std::filesystem::remove(parts.path(1));
    check_error(parts.path(0), "part 2 of 3: cannot open");
  }
  SECTION("not a model") {
    REQUIRE(write_file_atomic(parts.path(2), "<html>"));
    check_error(parts.path(0), "part 3 of 3");
  }
  SECTION("another part's number") {
    parts.write(2, Parts::part(1));
    check_error(parts.path(0), "is part 2 of 3 with 3 tensors in all, expected part 3 of 3");
  }
  SECTION("a part of another model") {
    parts.write(1, Parts::part(1, 3, 9));
    check_error(parts.path(0), "with 9 tensors in all");
  }
  SECTION("a whole model among the parts") {
    GgufWriter whole;
    whole.tensor("t1", {4}, 0, std::string(16, 'x'));
    parts.write(1, whole);
    check_error(parts.path(0), "is part 1 of 1");
  }
  SECTION("the same tensor in two parts") {
    GgufWriter w = Parts::part(1);
    w.tensor("t0", {4}, 0, std::string(16, 'x'));
    parts.write(1, w);
    GgufWriter empty;
    empty.key_raw("split.no", 2, le32(2).substr(0, 2));
    empty.key_raw("split.count", 2, le32(3).substr(0, 2));
    empty.key_raw("split.tensors.count", 5, le32(3));
    parts.write(2, empty);
    check_error(parts.path(0), "tensor \"t0\" appears twice");
  }
  SECTION("tensors are missing") {
    for (uint32_t i = 0; i < 3; ++i) parts.write(i, Parts::part(i, 3, 4));
    check_error(parts.path(0), "the parts hold 3 tensors, split.tensors.count is 4");
  }
  SECTION("a name without the number") {
    const auto renamed = parts.folder() / "model.gguf";
    std::filesystem::rename(parts.path(0), renamed);
    check_error(renamed, "should end in -00001-of-00003.gguf");
  }
  SECTION("a number beyond the count") {
    parts.write(0, Parts::part(3));
    check_error(parts.path(0), "split.no is 3, there are 3 files");
  }
  SECTION("the first is not the first") {
    parts.write(0, Parts::part(1));
    check_error(parts.path(2), "says that it is part 2");
  }
}

}  // namespace engramd::engine::test
