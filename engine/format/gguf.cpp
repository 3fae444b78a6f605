#include "engine/format/gguf.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/text.h"

namespace engramd::engine::format {
namespace {

// Real files: about 50 keys, a few thousand tensors, names below 64 bytes.
constexpr uint64_t kMaxKeys = 1 << 16;
constexpr uint64_t kMaxTensors = 1 << 20;
constexpr uint64_t kMaxNameBytes = 256;
constexpr uint64_t kMaxAlignment = 1 << 20;
constexpr int kMaxArrayDepth = 4;
constexpr size_t kMaxDimensions = 4;

size_t scalar_bytes(ValueType type) {
  switch (type) {
    case ValueType::u8:
    case ValueType::i8:
    case ValueType::boolean:
      return 1;
    case ValueType::u16:
    case ValueType::i16:
      return 2;
    case ValueType::u32:
    case ValueType::i32:
    case ValueType::f32:
      return 4;
    case ValueType::u64:
    case ValueType::i64:
    case ValueType::f64:
      return 8;
    case ValueType::string:
    case ValueType::array:
      return 0;
  }
  return 0;
}

template <class T>
T load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// Names go into errors and logs: no control characters, no broken UTF-8.
bool printable(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return utf8_valid(text);
}

std::string quoted(std::string_view text, size_t max_bytes = 80) {
  std::string out = "\"";
  for (const char c : utf8_sanitized(text.substr(0, max_bytes))) {
    if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += '?';
    else
      out += c;
  }
  return out + (text.size() > max_bytes ? "...\"" : "\"");
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
    return fail(ErrorCode::corrupt, "key " + quoted(key) + " has value type " +
                                        std::to_string(type) + ", expected 0 to 12");
  return ValueType(type);
}

Status skip_array(Reader& reader, Value& value, std::string_view key, int depth) {
  if (depth > kMaxArrayDepth)
    return fail(ErrorCode::corrupt, "key " + quoted(key) + " nests arrays deeper than " +
                                        std::to_string(kMaxArrayDepth));
  ENGRAMD_TRY(value.element, read_type(reader, key));
  ENGRAMD_TRY(value.count, reader.number<uint64_t>("an array length"));
  ENGRAMD_TRY(value.bytes, reader.take(0, "an array"));
  return skip_elements(reader, value.element, value.count, key, depth);
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

// Index of the entries sorted by name; an error when two have the same.
template <class Entry, class Name>
Result<std::vector<uint32_t>> sorted_unique(const std::vector<Entry>& entries, Name name,
                                            std::string_view what) {
  std::vector<uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return name(entries[a]) < name(entries[b]); });
  for (size_t i = 1; i < order.size(); ++i)
    if (name(entries[order[i]]) == name(entries[order[i - 1]]))
      return fail(ErrorCode::corrupt,
                  std::string(what) + " " + quoted(name(entries[order[i]])) + " appears twice");
  return order;
}

Result<Tensor> read_tensor(Reader& reader, uint64_t& offset) {
  Tensor tensor;
  ENGRAMD_TRY(tensor.name, reader.string("a tensor name", kMaxNameBytes));
  if (tensor.name.empty() || !printable(tensor.name))
    return fail(ErrorCode::corrupt,
                "tensor name " + quoted(tensor.name) + " is empty or has unprintable characters");
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

Error wrong_type(std::string_view key, const Value& value, std::string_view expected) {
  return {ErrorCode::corrupt, "key " + std::string(key) + " is of type " +
                                  std::string(to_string(value.type)) + ", expected " +
                                  std::string(expected)};
}

Error missing(std::string_view key) {
  return {ErrorCode::corrupt, "key " + std::string(key) + " is missing"};
}

struct Scalar {
  bool negative = false;
  bool integer = true;
  uint64_t magnitude = 0;  // of an integer
  double number = 0;
};

std::optional<Scalar> scalar(ValueType type, const std::byte* p) {
  const auto from_signed = [](int64_t v) {
    return Scalar{v < 0, true, v < 0 ? uint64_t(0) - uint64_t(v) : uint64_t(v), double(v)};
  };
  const auto from_unsigned = [](uint64_t v) { return Scalar{false, true, v, double(v)}; };
  switch (type) {
    case ValueType::u8:
      return from_unsigned(load<uint8_t>(p));
    case ValueType::i8:
      return from_signed(load<int8_t>(p));
    case ValueType::u16:
      return from_unsigned(load<uint16_t>(p));
    case ValueType::i16:
      return from_signed(load<int16_t>(p));
    case ValueType::u32:
      return from_unsigned(load<uint32_t>(p));
    case ValueType::i32:
      return from_signed(load<int32_t>(p));
    case ValueType::u64:
      return from_unsigned(load<uint64_t>(p));
    case ValueType::i64:
      return from_signed(load<int64_t>(p));
    case ValueType::f32:
      return Scalar{false, false, 0, double(load<float>(p))};
    case ValueType::f64:
      return Scalar{false, false, 0, load<double>(p)};
    default:
      return std::nullopt;
  }
}

std::string_view string_at(const std::byte* p) {
  return {reinterpret_cast<const char*>(p + 8), load<uint64_t>(p)};
}

std::string printed_scalar(ValueType type, const std::byte* p) {
  if (type == ValueType::boolean) return load<uint8_t>(p) != 0 ? "true" : "false";
  if (type == ValueType::string) return quoted(string_at(p));
  const auto value = scalar(type, p);
  if (!value) return "?";
  if (value->integer) return (value->negative ? "-" : "") + std::to_string(value->magnitude);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.9g", value->number);
  return text.data();
}

}  // namespace

std::string_view to_string(ValueType type) {
  constexpr std::array<std::string_view, 13> names = {
      "uint8", "int8",   "uint16", "int16",  "uint32", "int32",  "float32",
      "bool",  "string", "array",  "uint64", "int64",  "float64"};
  return names[size_t(type)];
}

Result<std::unique_ptr<GgufFile>> GgufFile::open(const std::filesystem::path& path) {
  const std::string name = path.string();
  // Non-blocking, so that a fifo cannot hold us; regular files do not care.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail(errno_error("cannot open " + name, errno));
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    const int error = errno;
    ::close(fd);
    return fail(errno_error("cannot read " + name, error));
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(fd);
    return fail(ErrorCode::invalid_input, name + " is not a regular file");
  }
  if (status.st_size == 0) {
    ::close(fd);
    return fail(ErrorCode::corrupt, name + " is empty");
  }
  const auto size = size_t(status.st_size);
  void* mapping = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = errno;
  ::close(fd);
  if (mapping == MAP_FAILED) return fail(errno_error("cannot map " + name, error));
  std::unique_ptr<GgufFile> file(new GgufFile);
  file->mapping_ = mapping;
  file->bytes_ = {static_cast<const std::byte*>(mapping), size};
  if (Status status_read = file->read_all(); !status_read)
    return fail(std::move(status_read).error().with(name));
  return file;
}

Result<std::unique_ptr<GgufFile>> GgufFile::parse(std::span<const std::byte> bytes) {
  std::unique_ptr<GgufFile> file(new GgufFile);
  file->bytes_ = bytes;
  ENGRAMD_CHECK(file->read_all());
  return file;
}

GgufFile::~GgufFile() {
  if (mapping_ != nullptr) ::munmap(mapping_, bytes_.size());
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
                  "key " + quoted(entry.key) + " is empty or has unprintable characters");
    ENGRAMD_TRY(entry.value.type, read_type(reader, entry.key));
    if (entry.value.type == ValueType::array) {
      ENGRAMD_CHECK(skip_array(reader, entry.value, entry.key, 1));
    } else {
      ENGRAMD_TRY(entry.value.bytes, reader.take(0, "a value"));
      ENGRAMD_CHECK(skip_elements(reader, entry.value.type, 1, entry.key, 1));
    }
    metadata_.push_back(entry);
  }
  ENGRAMD_TRY(metadata_by_key_, sorted_unique(
                                    metadata_, [](const KeyValue& e) { return e.key; }, "key"));

  uint64_t alignment = 32;
  if (find("general.alignment") != nullptr) {
    ENGRAMD_TRY(alignment, unsigned_value("general.alignment"));
    if (!std::has_single_bit(alignment) || alignment < 8 || alignment > kMaxAlignment)
      return fail(ErrorCode::corrupt, "general.alignment is " + std::to_string(alignment) +
                                          ", expected a power of two from 8 to 1048576");
  }
  if (find("split.count") != nullptr) {
    ENGRAMD_TRY(const uint64_t n_files, unsigned_value("split.count"));
    if (n_files > 1)
      return fail(ErrorCode::unsupported, "the model is split over " + std::to_string(n_files) +
                                              " files, which is unsupported: merge them first");
  }

  tensors_.reserve(n_tensors);
  std::vector<uint64_t> offsets(n_tensors);
  for (uint64_t i = 0; i < n_tensors; ++i) {
    ENGRAMD_TRY(Tensor tensor, read_tensor(reader, offsets[i]));
    tensors_.push_back(std::move(tensor));
  }
  ENGRAMD_TRY(tensors_by_name_, sorted_unique(
                                    tensors_, [](const Tensor& t) { return t.name; }, "tensor"));

  const uint64_t data_start =
      n_tensors == 0 ? reader.position() : (reader.position() + alignment - 1) & ~(alignment - 1);
  if (data_start > bytes_.size())
    return fail(ErrorCode::corrupt, "the file is truncated: it ends before the tensor data");
  const uint64_t data_bytes = bytes_.size() - data_start;
  for (uint64_t i = 0; i < n_tensors; ++i) {
    Tensor& tensor = tensors_[i];
    const std::string what = "tensor " + std::string(tensor.name);
    // At most 2^60 elements of at most 8 bytes: no overflow.
    const uint64_t n_bytes =
        tensor.n_elements / tensor.type->block_elements * tensor.type->block_bytes;
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

const Value* GgufFile::find(std::string_view key) const {
  const auto it = std::lower_bound(
      metadata_by_key_.begin(), metadata_by_key_.end(), key,
      [&](uint32_t index, std::string_view k) { return metadata_[index].key < k; });
  if (it == metadata_by_key_.end() || metadata_[*it].key != key) return nullptr;
  return &metadata_[*it].value;
}

const Tensor* GgufFile::find_tensor(std::string_view name) const {
  const auto it = std::lower_bound(
      tensors_by_name_.begin(), tensors_by_name_.end(), name,
      [&](uint32_t index, std::string_view n) { return tensors_[index].name < n; });
  if (it == tensors_by_name_.end() || tensors_[*it].name != name) return nullptr;
  return &tensors_[*it];
}

Result<uint64_t> GgufFile::unsigned_value(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(missing(key));
  const auto number = scalar(value->type, value->bytes);
  if (!number || !number->integer) return fail(wrong_type(key, *value, "an integer"));
  if (number->negative) return fail(ErrorCode::corrupt, "key " + std::string(key) + " is negative");
  return number->magnitude;
}

Result<double> GgufFile::number(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(missing(key));
  const auto number = scalar(value->type, value->bytes);
  if (!number) return fail(wrong_type(key, *value, "a number"));
  if (!std::isfinite(number->number))
    return fail(ErrorCode::corrupt, "key " + std::string(key) + " is not a finite number");
  return number->number;
}

Result<bool> GgufFile::boolean(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(missing(key));
  if (value->type != ValueType::boolean) return fail(wrong_type(key, *value, "bool"));
  return load<uint8_t>(value->bytes) != 0;
}

Result<std::string_view> GgufFile::string(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(missing(key));
  if (value->type != ValueType::string) return fail(wrong_type(key, *value, "string"));
  return string_at(value->bytes);
}

Result<std::vector<std::string>> GgufFile::string_array(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(missing(key));
  if (value->type != ValueType::array || value->element != ValueType::string)
    return fail(wrong_type(key, *value, "an array of strings"));
  std::vector<std::string> out;
  out.reserve(value->count);
  const std::byte* p = value->bytes;
  for (uint64_t i = 0; i < value->count; ++i) {
    const std::string_view text = string_at(p);
    out.emplace_back(text);
    p += 8 + text.size();
  }
  return out;
}

Result<std::vector<int32_t>> GgufFile::int_array(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(missing(key));
  const size_t size = scalar_bytes(value->element);
  if (value->type != ValueType::array || size == 0)
    return fail(wrong_type(key, *value, "an array of integers"));
  std::vector<int32_t> out;
  out.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto number = scalar(value->element, value->bytes + i * size);
    if (!number || !number->integer || number->magnitude > 0x7fffffff)
      return fail(wrong_type(key, *value, "an array of 32-bit integers"));
    out.push_back(number->negative ? -int32_t(number->magnitude) : int32_t(number->magnitude));
  }
  return out;
}

std::string printed(const Value& value) {
  if (value.type != ValueType::array) return printed_scalar(value.type, value.bytes);
  constexpr uint64_t kShown = 6;
  std::string out = "[";
  if (value.element == ValueType::array) {
    out += "arrays";
  } else {
    const std::byte* p = value.bytes;
    for (uint64_t i = 0; i < std::min(value.count, kShown); ++i) {
      if (i > 0) out += ", ";
      out += printed_scalar(value.element, p);
      p += value.element == ValueType::string ? 8 + string_at(p).size()
                                              : scalar_bytes(value.element);
    }
    if (value.count > kShown) out += ", ...";
  }
  return out + "] (" + std::to_string(value.count) + " x " + std::string(to_string(value.element)) +
         ")";
}

}  // namespace engramd::engine::format
