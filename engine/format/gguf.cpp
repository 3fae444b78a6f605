#include "engine/format/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <limits>
#include <numeric>

namespace engramd::engine::format {
namespace {

// Real files: about 50 keys, a few thousand tensors, names below 64 bytes.
constexpr uint64_t kMaxKeys = 1 << 16;
constexpr uint64_t kMaxTensors = 1 << 20;
constexpr uint64_t kMaxNameBytes = 256;
constexpr uint64_t kMaxAlignment = 1 << 20;
constexpr uint64_t kMaxParts = 4096;
constexpr int kMaxArrayDepth = 4;
constexpr size_t kMaxDimensions = 4;

template <class T>
T load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// A cursor that never leaves the bytes it was given.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  size_t position() const { return position_; }
  uint64_t left() const { return bytes_.size() - position_; }

  Result<const std::byte*> take(uint64_t n, std::string_view what) {
    if (n > left())
      return fail(ErrorCode::corrupt, "the file is truncated: " + std::string(what) + " at byte " +
                                          std::to_string(position_) + " needs " +
                                          std::to_string(n) + " bytes, " + std::to_string(left()) +
                                          " are left");
    const std::byte* p = bytes_.data() + position_;
    position_ += n;
    return p;
  }
  template <class T>
  Result<T> number(std::string_view what) {
    ENGRAMD_TRY(const std::byte* p, take(sizeof(T), what));
    return load<T>(p);
  }
  Result<std::string_view> string(std::string_view what, uint64_t max_bytes) {
    ENGRAMD_TRY(const uint64_t n, number<uint64_t>(what));
    if (n > max_bytes && n <= left())
      return fail(ErrorCode::corrupt, std::string(what) + " has " + std::to_string(n) +
                                          " bytes, at most " + std::to_string(max_bytes) +
                                          " are expected");
    ENGRAMD_TRY(const std::byte* p, take(n, what));
    return std::string_view(reinterpret_cast<const char*>(p), n);
  }

 private:
  std::span<const std::byte> bytes_;
  size_t position_ = 0;
};

Status skip_array(Reader& reader, Value& value, std::string_view key, int depth);

Status skip_elements(Reader& reader, ValueType type, uint64_t count, std::string_view key,
                     int depth) {
  const std::string what = "the value of " + std::string(key);
  if (const size_t size = scalar_bytes(type); size > 0) {
    if (count > reader.left() / size)
      return fail(ErrorCode::corrupt, "the file is truncated: " + what + " has " +
                                          std::to_string(count) + " elements of " +
                                          std::to_string(size) + " bytes, " +
                                          std::to_string(reader.left()) + " bytes are left");
    ENGRAMD_CHECK(reader.take(count * size, what));
    return {};
  }
  // A string takes at least 8 bytes and an array 12, so this also bounds the loop.
  if (count > reader.left() / 8)
    return fail(ErrorCode::corrupt, "the file is truncated: " + what + " has " +
                                        std::to_string(count) + " elements, " +
                                        std::to_string(reader.left()) + " bytes are left");
  for (uint64_t i = 0; i < count; ++i) {
    if (type == ValueType::string) {
      ENGRAMD_CHECK(reader.string(what, std::numeric_limits<uint32_t>::max()));
    } else {
      Value inner;
      ENGRAMD_CHECK(skip_array(reader, inner, key, depth + 1));
    }
  }
  return {};
}

Result<ValueType> read_type(Reader& reader, std::string_view key) {
  ENGRAMD_TRY(const uint32_t type, reader.number<uint32_t>("a value type"));
  if (type > uint32_t(ValueType::f64))
    return fail(ErrorCode::corrupt, "key " + in_quotes(key) + " has value type " +
                                        std::to_string(type) + ", expected 0 to 12");
  return ValueType(type);
}

Status skip_array(Reader& reader, Value& value, std::string_view key, int depth) {
  if (depth > kMaxArrayDepth)
    return fail(ErrorCode::corrupt, "key " + in_quotes(key) + " nests arrays deeper than " +
                                        std::to_string(kMaxArrayDepth));
  ENGRAMD_TRY(value.element, read_type(reader, key));
  ENGRAMD_TRY(value.count, reader.number<uint64_t>("an array length"));
  ENGRAMD_TRY(value.bytes, reader.take(0, "an array"));
  const size_t begin = reader.position();
  ENGRAMD_CHECK(skip_elements(reader, value.element, value.count, key, depth));
  value.n_bytes = reader.position() - begin;
  return {};
}

// What a file that is no GGUF seems to be.
std::string foreign_kind(std::span<const std::byte> bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min<size_t>(bytes.size(), 16));
  if (head.starts_with("\x7f"
                       "ELF"))
    return "an ELF program";
  if (head.starts_with("PK\x03\x04")) return "a zip archive (a PyTorch checkpoint?)";
  if (head.starts_with("\x80\x02") || head.starts_with("\x80\x04")) return "a Python pickle";
  if (head.starts_with("\x1f\x8b")) return "gzip data";
  if (head.starts_with("\x28\xb5\x2f\xfd")) return "zstd data";
  if (head.starts_with("\x89HDF")) return "an HDF5 file";
  if (head.starts_with("ggml") || head.starts_with("lmgg") || head.starts_with("tjgg"))
    return "a ggml file older than GGUF";
  if (head.starts_with("FUGG")) return "a big-endian GGUF file";
  if (head.starts_with("version https:")) return "a Git LFS pointer, not the model itself";
  if (head.starts_with("<!") || head.starts_with("<html") || head.starts_with("<HTML"))
    return "an HTML page";
  if (head.size() >= 9 && head[8] == '{' && load<uint64_t>(bytes.data()) < (100u << 20))
    return "a safetensors file";
  if (head.starts_with("{")) return "JSON text";
  return "";
}

Result<Tensor> read_tensor(Reader& reader, uint64_t& offset) {
  Tensor tensor;
  ENGRAMD_TRY(tensor.name, reader.string("a tensor name", kMaxNameBytes));
  if (tensor.name.empty() || !printable(tensor.name))
    return fail(ErrorCode::corrupt, "tensor name " + in_quotes(tensor.name) +
                                        " is empty or has unprintable characters");
  const std::string what = "tensor " + std::string(tensor.name);
  ENGRAMD_TRY(const uint32_t n_dimensions, reader.number<uint32_t>(what));
  if (n_dimensions == 0 || n_dimensions > kMaxDimensions)
    return fail(ErrorCode::corrupt,
                what + " has " + std::to_string(n_dimensions) + " dimensions, expected 1 to 4");
  tensor.n_elements = 1;
  for (uint32_t i = 0; i < n_dimensions; ++i) {
    ENGRAMD_TRY(const uint64_t size, reader.number<uint64_t>(what));
    if (size == 0) return fail(ErrorCode::corrupt, what + " has a dimension of size 0");
    if (size > (uint64_t(1) << 60) / tensor.n_elements)
      return fail(ErrorCode::corrupt, what + " has more than 2^60 elements");
    tensor.n_elements *= size;
    tensor.shape.push_back(size);
  }
  ENGRAMD_TRY(const uint32_t type, reader.number<uint32_t>(what));
  tensor.type = quant::find_type(type);
  if (tensor.type == nullptr)
    return fail(ErrorCode::unsupported,
                what + " has type " + std::to_string(type) + ", which this engine does not know");
  if (tensor.shape[0] % tensor.type->block_elements != 0)
    return fail(ErrorCode::corrupt, what + " has rows of " + std::to_string(tensor.shape[0]) +
                                        " elements, expected a multiple of " +
                                        std::to_string(tensor.type->block_elements) + " for " +
                                        std::string(tensor.type->name));
  ENGRAMD_TRY(offset, reader.number<uint64_t>(what));
  return tensor;
}

// "x-00002-of-00003.gguf" with another number in it.
Result<std::filesystem::path> part_path(const std::filesystem::path& path, uint64_t no,
                                        uint64_t other, uint64_t count) {
  const auto suffix = [&](uint64_t index) {
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "-%05llu-of-%05llu.gguf",
                  static_cast<unsigned long long>(index + 1),
                  static_cast<unsigned long long>(count));
    return std::string(text.data());
  };
  const std::string name = path.filename().string(), here = suffix(no);
  if (!name.ends_with(here))
    return fail(ErrorCode::invalid_input, path.string() + " is part " + std::to_string(no + 1) +
                                              " of " + std::to_string(count) +
                                              ", so its name should end in " + here +
                                              " for the others to be found");
  return path.parent_path() / (name.substr(0, name.size() - here.size()) + suffix(other));
}

}  // namespace

std::string GgufFile::format() const {
  const std::string name = "gguf v" + std::to_string(version_);
  return parts_.empty() ? name : name + ", " + std::to_string(split_.count) + " files";
}

uint64_t GgufFile::file_bytes() const {
  uint64_t sum = bytes_.size();
  for (const auto& part : parts_) sum += part->file_bytes();
  return sum;
}

Result<std::unique_ptr<GgufFile>> GgufFile::open_one(const std::filesystem::path& path) {
  std::unique_ptr<GgufFile> file(new GgufFile);
  ENGRAMD_TRY(file->mapping_, MappedFile::open(path));
  file->bytes_ = file->mapping_->bytes();
  if (Status read = file->read_all(); !read)
    return fail(std::move(read).error().with(path.string()));
  return file;
}

Result<std::unique_ptr<GgufFile>> GgufFile::open(const std::filesystem::path& path) {
  ENGRAMD_TRY(std::unique_ptr<GgufFile> file, open_one(path));
  if (file->split_.count == 1) return file;
  std::filesystem::path first = path;
  if (file->split_.no != 0) {
    ENGRAMD_TRY(first, part_path(path, file->split_.no, 0, file->split_.count));
    ENGRAMD_TRY(file, open_one(first));
  }
  if (Status added = file->add_parts(first); !added)
    return fail(std::move(added).error().with(first.string()));
  return file;
}

Result<std::unique_ptr<GgufFile>> GgufFile::parse(std::span<const std::byte> bytes) {
  std::unique_ptr<GgufFile> file(new GgufFile);
  file->bytes_ = bytes;
  ENGRAMD_CHECK(file->read_all());
  if (file->split_.count > 1)
    return fail(ErrorCode::unsupported, "the model is split over " +
                                            std::to_string(file->split_.count) +
                                            " files, of which only one was given");
  return file;
}

Status GgufFile::read_split() {
  if (find("split.count") == nullptr) return {};
  ENGRAMD_TRY(split_.count, unsigned_value("split.count"));
  if (split_.count == 0 || split_.count > kMaxParts)
    return fail(ErrorCode::corrupt, "split.count is " + std::to_string(split_.count) +
                                        ", expected 1 to " + std::to_string(kMaxParts));
  if (split_.count == 1) return {};
  ENGRAMD_TRY(split_.no, unsigned_value("split.no"));
  if (split_.no >= split_.count)
    return fail(ErrorCode::corrupt, "split.no is " + std::to_string(split_.no) + ", there are " +
                                        std::to_string(split_.count) + " files");
  ENGRAMD_TRY(split_.n_tensors, unsigned_value("split.tensors.count"));
  return {};
}

Status GgufFile::add_parts(const std::filesystem::path& path) {
  if (split_.no != 0)
    return fail(ErrorCode::corrupt, "the file named as the first part says that it is part " +
                                        std::to_string(split_.no + 1));
  for (uint64_t i = 1; i < split_.count; ++i) {
    ENGRAMD_TRY(const std::filesystem::path name, part_path(path, 0, i, split_.count));
    auto opened = open_one(name);
    if (!opened)
      return fail(std::move(opened).error().with("part " + std::to_string(i + 1) + " of " +
                                                 std::to_string(split_.count)));
    const Split& other = (*opened)->split_;
    if (other.no != i || other.count != split_.count || other.n_tensors != split_.n_tensors)
      return fail(ErrorCode::corrupt,
                  name.string() + " is part " + std::to_string(other.no + 1) + " of " +
                      std::to_string(other.count) + " with " + std::to_string(other.n_tensors) +
                      " tensors in all, expected part " + std::to_string(i + 1) + " of " +
                      std::to_string(split_.count) + " with " + std::to_string(split_.n_tensors));
    for (Tensor& tensor : (*opened)->tensors_) tensors_.push_back(std::move(tensor));
    (*opened)->tensors_.clear();
    parts_.push_back(*std::move(opened));
    if (tensors_.size() > kMaxTensors) break;
  }
  if (tensors_.size() != split_.n_tensors)
    return fail(ErrorCode::corrupt, "the parts hold " + std::to_string(tensors_.size()) +
                                        " tensors, split.tensors.count is " +
                                        std::to_string(split_.n_tensors));
  return index_tensors();
}

Status GgufFile::read_all() {
  if (bytes_.size() < 4 || std::memcmp(bytes_.data(), "GGUF", 4) != 0) {
    const std::string kind = foreign_kind(bytes_);
    return fail(ErrorCode::corrupt,
                "not a GGUF model" + (kind.empty() ? std::string() : ": this is " + kind));
  }
  Reader reader(bytes_);
  ENGRAMD_CHECK(reader.take(4, "the magic"));
  ENGRAMD_TRY(version_, reader.number<uint32_t>("the version"));
  if (version_ != 2 && version_ != 3)  // 2 differs from 3 only in what big-endian files claim
    return fail(ErrorCode::unsupported,
                "GGUF version " + std::to_string(version_) + ", expected 2 or 3");
  ENGRAMD_TRY(const uint64_t n_tensors, reader.number<uint64_t>("the tensor count"));
  ENGRAMD_TRY(const uint64_t n_keys, reader.number<uint64_t>("the key count"));
  // The smallest key takes 14 bytes and the smallest tensor 33, which bounds both allocations.
  if (n_keys > kMaxKeys || n_keys > reader.left() / 14)
    return fail(ErrorCode::corrupt, "the header announces " + std::to_string(n_keys) +
                                        " keys, more than the file can hold");
  if (n_tensors > kMaxTensors || n_tensors > reader.left() / 33)
    return fail(ErrorCode::corrupt, "the header announces " + std::to_string(n_tensors) +
                                        " tensors, more than the file can hold");

  metadata_.reserve(n_keys);
  for (uint64_t i = 0; i < n_keys; ++i) {
    KeyValue entry;
    ENGRAMD_TRY(entry.key, reader.string("a key", kMaxNameBytes));
    if (entry.key.empty() || !printable(entry.key))
      return fail(ErrorCode::corrupt,
                  "key " + in_quotes(entry.key) + " is empty or has unprintable characters");
    ENGRAMD_TRY(entry.value.type, read_type(reader, entry.key));
    if (entry.value.type == ValueType::array) {
      ENGRAMD_CHECK(skip_array(reader, entry.value, entry.key, 1));
    } else {
      ENGRAMD_TRY(entry.value.bytes, reader.take(0, "a value"));
      const size_t begin = reader.position();
      ENGRAMD_CHECK(skip_elements(reader, entry.value.type, 1, entry.key, 1));
      entry.value.n_bytes = reader.position() - begin;
    }
    metadata_.push_back(entry);
  }
  ENGRAMD_CHECK(index_metadata());

  uint64_t alignment = 32;
  if (find("general.alignment") != nullptr) {
    ENGRAMD_TRY(alignment, unsigned_value("general.alignment"));
    if (!std::has_single_bit(alignment) || alignment < 8 || alignment > kMaxAlignment)
      return fail(ErrorCode::corrupt, "general.alignment is " + std::to_string(alignment) +
                                          ", expected a power of two from 8 to 1048576");
  }
  ENGRAMD_CHECK(read_split());

  tensors_.reserve(n_tensors);
  std::vector<uint64_t> offsets(n_tensors);
  for (uint64_t i = 0; i < n_tensors; ++i) {
    ENGRAMD_TRY(Tensor tensor, read_tensor(reader, offsets[i]));
    tensors_.push_back(std::move(tensor));
  }
  ENGRAMD_CHECK(index_tensors());

  const uint64_t data_start =
      n_tensors == 0 ? reader.position() : (reader.position() + alignment - 1) & ~(alignment - 1);
  if (data_start > bytes_.size())
    return fail(ErrorCode::corrupt, "the file is truncated: it ends before the tensor data");
  const uint64_t data_bytes = bytes_.size() - data_start;
  for (uint64_t i = 0; i < n_tensors; ++i) {
    Tensor& tensor = tensors_[i];
    const std::string what = "tensor " + std::string(tensor.name);
    const uint64_t n_bytes = tensor.n_bytes();
    if (offsets[i] % alignment != 0)
      return fail(ErrorCode::corrupt, what + " starts at offset " + std::to_string(offsets[i]) +
                                          ", expected a multiple of " + std::to_string(alignment));
    if (offsets[i] > data_bytes || n_bytes > data_bytes - offsets[i])
      return fail(ErrorCode::corrupt, "the file is truncated: " + what + " needs " +
                                          std::to_string(n_bytes) + " bytes at offset " +
                                          std::to_string(offsets[i]) + " of " +
                                          std::to_string(data_bytes));
    tensor.bytes = bytes_.subspan(data_start + offsets[i], n_bytes);
  }
  std::vector<uint32_t> by_offset(n_tensors);
  std::iota(by_offset.begin(), by_offset.end(), 0);
  std::sort(by_offset.begin(), by_offset.end(),
            [&](uint32_t a, uint32_t b) { return offsets[a] < offsets[b]; });
  for (size_t i = 1; i < by_offset.size(); ++i) {
    const uint32_t before = by_offset[i - 1], here = by_offset[i];
    if (offsets[before] + tensors_[before].bytes.size() > offsets[here])
      return fail(ErrorCode::corrupt, "tensors " + std::string(tensors_[before].name) + " and " +
                                          std::string(tensors_[here].name) + " overlap");
  }
  return {};
}

}  // namespace engramd::engine::format
