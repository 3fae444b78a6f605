#include "engine/format/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "base/file.h"
#include "engine/format/json_events.h"
#include "engine/format/model_file.h"

namespace engramd::engine::format {
namespace {

namespace fs = std::filesystem;

// The format's own limit; real headers have at most a few MiB.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr uint64_t kMaxIndexBytes = 64u << 20;
constexpr size_t kMaxTensors = 1 << 20;
constexpr size_t kMaxFiles = 4096;
constexpr size_t kMaxNameBytes = 512;
constexpr size_t kMaxDimensions = 8;
constexpr int kMaxDepth = 4;  // a header has 3 levels

struct TypeRow {
  std::string_view name;
  size_t bytes;
};
// In the order of StoredType.
constexpr std::array kTypes = {
    TypeRow{"F64", 8},     TypeRow{"F32", 4},     TypeRow{"F16", 2},     TypeRow{"BF16", 2},
    TypeRow{"F8_E4M3", 1}, TypeRow{"F8_E5M2", 1}, TypeRow{"F8_E8M0", 1}, TypeRow{"I64", 8},
    TypeRow{"I32", 4},     TypeRow{"I16", 2},     TypeRow{"I8", 1},      TypeRow{"U64", 8},
    TypeRow{"U32", 4},     TypeRow{"U16", 2},     TypeRow{"U8", 1},      TypeRow{"BOOL", 1}};

std::optional<StoredType> type_named(std::string_view name) {
  for (size_t i = 0; i < kTypes.size(); ++i)
    if (kTypes[i].name == name) return StoredType(i);
  return std::nullopt;
}

// | "name": {"dtype": ..., "shape": [...], "data_offsets": [begin, end]} | ... |
class HeaderReader final : public JsonEvents {
 public:
  explicit HeaderReader(std::span<const std::byte> data) : data_(data) {}
  std::vector<StoredTensor> tensors;
  std::vector<uint64_t> begins;  // of the tensors' ranges

  Status begin_object() override {
    if (++depth_ == 2) {
      in_metadata_ = name_ == "__metadata__";
      tensor_ = {};
      has_type_ = has_shape_ = false;
      offsets_.clear();
      has_offsets_ = false;
    } else if (depth_ > 2) {
      return unexpected("an object");
    }
    return {};
  }

  Status key(std::string_view key) override {
    if (depth_ == 1) {
      if (key.empty() || key.size() > kMaxNameBytes || !printable(key))
        return fail(ErrorCode::corrupt,
                    "tensor name " + in_quotes(key) + " is empty, longer than " +
                        std::to_string(kMaxNameBytes) + " bytes or has unprintable characters");
      name_ = key;
    } else {
      field_ = key;
    }
    return {};
  }

  Status end_object() override {
    if (--depth_ == 1 && !in_metadata_) return finish_tensor();
    return {};
  }

  Status begin_array() override {
    if (depth_ != 2 || in_metadata_ || in_array_) return unexpected("an array");
    if (field_ != "shape" && field_ != "data_offsets") return unexpected("an array");
    bool& seen = field_ == "shape" ? has_shape_ : has_offsets_;
    if (seen) return twice();
    seen = in_array_ = true;
    return {};
  }
  Status end_array() override {
    in_array_ = false;
    return {};
  }

  Status scalar(const JsonScalar& value) override {
    if (in_metadata_ && depth_ == 2) {
      if (value.kind != JsonScalar::Kind::text) return unexpected("no string");
      return {};
    }
    if (in_array_) {
      if (value.kind != JsonScalar::Kind::integer || value.negative)
        return unexpected("no unsigned integer");
      std::vector<uint64_t>& list = field_ == "shape" ? tensor_.shape : offsets_;
      if (list.size() == kMaxDimensions)
        return fail(ErrorCode::corrupt, here() + " has a " + field_ + " of more than " +
                                            std::to_string(kMaxDimensions) + " numbers");
      list.push_back(value.magnitude);
      return {};
    }
    if (depth_ == 2 && field_ == "dtype" && value.kind == JsonScalar::Kind::text) {
      if (has_type_) return twice();
      has_type_ = true;
      const auto type = type_named(value.text);
      if (!type)
        return fail(ErrorCode::unsupported, here() + " has type " + in_quotes(value.text) +
                                                ", which this engine does not know");
      tensor_.type = *type;
      return {};
    }
    return unexpected("a value");
  }

 private:
  std::string here() const { return "tensor " + name_; }
  Status twice() const {
    return fail(ErrorCode::corrupt, here() + " has two fields named " + in_quotes(field_));
  }
  Status unexpected(std::string_view what) const {
    if (depth_ < 2) return fail(ErrorCode::corrupt, "the header is not an object of tensors");
    return fail(ErrorCode::corrupt,
                here() + " has " + std::string(what) + " in field " + in_quotes(field_));
  }

  Status finish_tensor() {
    if (!has_type_ || !has_shape_ || !has_offsets_ || offsets_.size() != 2)
      return fail(ErrorCode::corrupt, here() + " lacks one of dtype, shape and two data_offsets");
    uint64_t n_bytes = element_bytes(tensor_.type);
    for (const uint64_t size : tensor_.shape) {
      if (size > 0 && n_bytes > (uint64_t(1) << 60) / size)
        return fail(ErrorCode::corrupt, here() + " has more than 2^60 bytes");
      n_bytes *= size;
    }
    const uint64_t begin = offsets_[0], end = offsets_[1];
    if (begin > end || end > data_.size())
      return fail(ErrorCode::corrupt, "the file is truncated: " + here() + " is said to be at " +
                                          std::to_string(begin) + " to " + std::to_string(end) +
                                          " of " + std::to_string(data_.size()) + " bytes");
    if (end - begin != n_bytes)
      return fail(ErrorCode::corrupt, here() + " has " + std::to_string(end - begin) +
                                          " bytes, expected " + std::to_string(n_bytes) +
                                          " for its type and shape");
    if (tensors.size() == kMaxTensors)
      return fail(ErrorCode::corrupt,
                  "the header has more than " + std::to_string(kMaxTensors) + " tensors");
    tensor_.name = name_;
    tensor_.bytes = data_.subspan(begin, n_bytes);
    tensors.push_back(std::move(tensor_));
    begins.push_back(begin);
    return {};
  }

  const std::span<const std::byte> data_;
  int depth_ = 0;
  bool in_metadata_ = false, in_array_ = false;
  bool has_type_ = false, has_shape_ = false, has_offsets_ = false;
  std::string name_, field_;
  StoredTensor tensor_;
  std::vector<uint64_t> offsets_;
};

// {"metadata": {...}, "weight_map": {"name": "file"}}
class IndexReader final : public JsonEvents {
 public:
  struct Place {
    std::string file;
    bool found = false;
  };
  std::map<std::string, Place, std::less<>> places;

  Status begin_object() override {
    if (++depth_ == 2) in_map_ = section_ == "weight_map";
    if (in_map_ && depth_ > 2) return unexpected();
    return {};
  }
  Status key(std::string_view key) override {
    if (depth_ == 1) section_ = key;
    if (in_map_ && depth_ == 2) name_ = key;
    return {};
  }
  Status end_object() override {
    if (depth_-- == 2) in_map_ = false;
    return {};
  }
  Status begin_array() override { return no_map_here() ? unexpected() : Status(); }
  Status end_array() override { return {}; }
  Status scalar(const JsonScalar& value) override {
    if (!in_map_) return no_map_here() ? unexpected() : Status();
    if (value.kind != JsonScalar::Kind::text) return unexpected();
    // A name, never a way out of the folder.
    if (value.text.empty() || value.text.size() > 255 || value.text.front() == '.' ||
        value.text.find('/') != std::string_view::npos || !printable(value.text) ||
        !value.text.ends_with(".safetensors"))
      return fail(ErrorCode::corrupt, "tensor " + in_quotes(name_) + " is said to be in " +
                                          in_quotes(value.text) +
                                          ", expected the name of a .safetensors file");
    if (places.size() == kMaxTensors)
      return fail(ErrorCode::corrupt,
                  "the index has more than " + std::to_string(kMaxTensors) + " tensors");
    if (!places.emplace(name_, Place{std::string(value.text)}).second)
      return fail(ErrorCode::corrupt, "tensor " + in_quotes(name_) + " appears twice in the index");
    return {};
  }

 private:
  // A value other than an object where the map or the whole should be one.
  bool no_map_here() const {
    return depth_ == 0 || in_map_ || (depth_ == 1 && section_ == "weight_map");
  }
  Status unexpected() const {
    return fail(ErrorCode::corrupt, "the index is not an object with a weight_map of names");
  }
  int depth_ = 0;
  bool in_map_ = false;
  std::string section_, name_;
};

// The tensors of one file, in the order of the header.
Result<std::vector<StoredTensor>> read_file_bytes(std::span<const std::byte> bytes) {
  if (bytes.size() < 8)
    return fail(ErrorCode::corrupt, "not a safetensors file: it has " +
                                        std::to_string(bytes.size()) +
                                        " bytes, the header's length alone takes 8");
  uint64_t n_header = 0;
  std::memcpy(&n_header, bytes.data(), sizeof n_header);
  if (n_header > kMaxHeaderBytes)
    return fail(ErrorCode::corrupt, "not a safetensors file: a header of " +
                                        std::to_string(n_header) + " bytes, at most " +
                                        std::to_string(kMaxHeaderBytes) + " are allowed");
  if (n_header > bytes.size() - 8)
    return fail(ErrorCode::corrupt, "the file is truncated: a header of " +
                                        std::to_string(n_header) + " bytes, " +
                                        std::to_string(bytes.size() - 8) + " are left");
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + 8, n_header);
  if (!header.starts_with('{'))
    return fail(ErrorCode::corrupt, "not a safetensors file: its header does not start with {");
  HeaderReader reader(bytes.subspan(8 + n_header));
  if (Status read = read_json(header, kMaxDepth, reader); !read)
    return fail(std::move(read).error().with("the safetensors header"));

  // Empty tensors take no place; the others cover the data one after the other.
  std::vector<uint32_t> order(reader.tensors.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::pair(reader.begins[a], reader.tensors[a].bytes.size()) <
           std::pair(reader.begins[b], reader.tensors[b].bytes.size());
  });
  uint64_t covered = 0;
  const StoredTensor* before = nullptr;
  for (const uint32_t i : order) {
    const StoredTensor& tensor = reader.tensors[i];
    if (tensor.bytes.empty()) continue;
    if (reader.begins[i] < covered)
      return fail(ErrorCode::corrupt,
                  "tensors " + before->name + " and " + tensor.name + " overlap");
    if (reader.begins[i] > covered)
      return fail(ErrorCode::corrupt, "bytes " + std::to_string(covered) + " to " +
                                          std::to_string(reader.begins[i]) +
                                          " of the data belong to no tensor");
    covered += tensor.bytes.size();
    before = &tensor;
  }
  const uint64_t n_data = bytes.size() - 8 - n_header;
  if (covered != n_data)
    return fail(ErrorCode::corrupt, "bytes " + std::to_string(covered) + " to " +
                                        std::to_string(n_data) +
                                        " of the data belong to no tensor");
  return std::move(reader.tensors);
}

// What to open for a folder: its index, or its only .safetensors file.
Result<fs::path> entry_of(const fs::path& folder) {
  std::error_code error;
  const fs::path index = folder / "model.safetensors.index.json";
  if (fs::exists(index, error)) return index;
  const fs::path single = folder / "model.safetensors";
  if (fs::exists(single, error)) return single;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".safetensors" && found.size() < 2) found.push_back(it->path());
  if (error) return fail(ErrorCode::io, "cannot list " + folder.string() + ": " + error.message());
  if (found.empty())
    return fail(ErrorCode::not_found, folder.string() + " holds no .safetensors file");
  if (found.size() > 1)
    return fail(ErrorCode::invalid_input,
                folder.string() + " holds several .safetensors files and no " +
                    index.filename().string() + " that says which tensor is where");
  return found.front();
}

}  // namespace

std::string_view to_string(StoredType type) {
  return kTypes[size_t(type)].name;
}
size_t element_bytes(StoredType type) {
  return kTypes[size_t(type)].bytes;
}

Result<std::unique_ptr<Safetensors>> Safetensors::open(const fs::path& path) {
  std::error_code error;
  fs::path entry = path;
  if (fs::is_directory(path, error)) {
    ENGRAMD_TRY(entry, entry_of(path));
  }
  std::unique_ptr<Safetensors> out(new Safetensors);
  if (entry.extension() == ".json") {
    if (Status read = out->read_shards(entry); !read)
      return fail(std::move(read).error().with(entry.string()));
    return out;
  }
  ENGRAMD_TRY(MappedFile mapping, MappedFile::open(entry));
  auto tensors = read_file_bytes(mapping.bytes());
  if (!tensors) return fail(std::move(tensors).error().with(entry.string()));
  out->tensors_ = *std::move(tensors);
  out->file_bytes_ = mapping.bytes().size();
  out->mappings_.push_back(std::move(mapping));
  if (Status sorted = out->sort_by_name(); !sorted)
    return fail(std::move(sorted).error().with(entry.string()));
  return out;
}

Result<std::unique_ptr<Safetensors>> Safetensors::parse(std::span<const std::byte> bytes) {
  std::unique_ptr<Safetensors> out(new Safetensors);
  ENGRAMD_TRY(out->tensors_, read_file_bytes(bytes));
  out->file_bytes_ = bytes.size();
  ENGRAMD_CHECK(out->sort_by_name());
  return out;
}

Status Safetensors::read_shards(const fs::path& index_path) {
  ENGRAMD_TRY(const std::string text, read_file(index_path, kMaxIndexBytes));
  IndexReader index;
  ENGRAMD_CHECK(read_json(text, 8, index));
  if (index.places.empty())
    return fail(ErrorCode::corrupt, "the index has no weight_map, or an empty one");
  std::set<std::string> files;
  for (const auto& [name, place] : index.places) files.insert(place.file);
  if (files.size() > kMaxFiles)
    return fail(ErrorCode::corrupt, "the index names " + std::to_string(files.size()) +
                                        " files, at most " + std::to_string(kMaxFiles) +
                                        " are expected");
  n_files_ = files.size();
  for (const std::string& file : files) {
    auto mapping = MappedFile::open(index_path.parent_path() / file);
    if (!mapping) return fail(std::move(mapping).error().with("shard " + file));
    auto tensors = read_file_bytes(mapping->bytes());
    if (!tensors) return fail(std::move(tensors).error().with("shard " + file));
    for (StoredTensor& tensor : *tensors) {
      const auto place = index.places.find(tensor.name);
      if (place == index.places.end())
        return fail(ErrorCode::corrupt, "shard " + file + " holds tensor " + tensor.name +
                                            ", which is not in the index");
      if (place->second.file != file)
        return fail(ErrorCode::corrupt, "tensor " + tensor.name + " is in shard " + file +
                                            ", the index says " + place->second.file);
      place->second.found = true;
      tensors_.push_back(std::move(tensor));
    }
    file_bytes_ += mapping->bytes().size();
    mappings_.push_back(*std::move(mapping));
  }
  for (const auto& [name, place] : index.places)
    if (!place.found)
      return fail(ErrorCode::corrupt, "shard " + place.file + " lacks tensor " + name);
  return sort_by_name();
}

Status Safetensors::sort_by_name() {
  std::sort(tensors_.begin(), tensors_.end(),
            [](const StoredTensor& a, const StoredTensor& b) { return a.name < b.name; });
  for (size_t i = 1; i < tensors_.size(); ++i)
    if (tensors_[i].name == tensors_[i - 1].name)
      return fail(ErrorCode::corrupt, "tensor " + tensors_[i].name + " appears twice");
  return {};
}

const StoredTensor* Safetensors::find(std::string_view name) const {
  const auto it =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const StoredTensor& t, std::string_view n) { return t.name < n; });
  return it == tensors_.end() || it->name != name ? nullptr : &*it;
}

}  // namespace engramd::engine::format
